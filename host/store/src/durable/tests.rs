use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A store with `written` in its tree.
fn durable(folder: &tempfile::TempDir, written: &BTreeMap<u16, u8>) -> Durable {
    let disk = Disk::open(folder.path(), 1 << 20).unwrap();
    for (key, value) in written {
        disk.db.insert(key.to_be_bytes(), &[*value]).unwrap();
    }
    Durable::new(disk)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_pending_reads_as_it_was_before(
        written in prop::collection::btree_map(0..1000_u16, any::<u8>(), 0..500),
        pending in prop::collection::btree_map(0..1000_u16, any::<Option<u8>>(), 0..100),
        (start, end) in (0..1000_u16, 0..1000_u16),
        limit in 0..600_usize,
        is_forward in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let durable = durable(&folder, &written);
        let before = |value: Option<u8>| value.map(|value| IVec::from(&[value]));
        durable.announce(pending.iter().map(|(key, value)| (IVec::from(&key.to_be_bytes()), before(*value))).collect());
        let mut expected = written;
        for (key, value) in &pending {
            match value {
                Some(value) => drop(expected.insert(*key, *value)),
                None => drop(expected.remove(key)),
            }
        }
        let order = if is_forward { Order::Forward } else { Order::Backward };
        let range = start.to_be_bytes().to_vec()..end.to_be_bytes().to_vec();
        let read = durable.range(range, order, limit).unwrap();
        let inside = expected.iter().filter(|(key, _)| (start..end).contains(key));
        let mut inside: Vec<_> = inside.map(|(key, value)| (IVec::from(&key.to_be_bytes()), IVec::from(&[*value]))).collect();
        if !is_forward {
            inside.reverse();
        }
        inside.truncate(limit);
        prop_assert_eq!(read, inside);
        for key in [start, end] {
            let entry = durable.entry(&key.to_be_bytes()).unwrap();
            prop_assert_eq!(entry, before(expected.get(&key).copied()));
        }
    }
}
