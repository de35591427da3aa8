use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::base::Base;

type Written = BTreeMap<u8, Option<u8>>;

fn changes(written: &Written) -> impl Iterator<Item = (IVec, Option<IVec>)> {
    let value = |value: Option<u8>| value.map(|value| IVec::from(&[value]));
    written
        .iter()
        .map(move |(key, found)| (IVec::from(&[*key]), value(*found)))
}

fn everything(entries: &impl Entries) -> Vec<(IVec, IVec)> {
    let whole = Vec::new()..vec![u8::MAX];
    entries.range(whole, Order::Forward, usize::MAX).unwrap()
}

fn written() -> impl Strategy<Value = Written> {
    prop::collection::btree_map(0..200_u8, any::<Option<u8>>(), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Groups of commits, after which some tables are written to the base; the snapshot is taken
    /// after so many of them.
    #[test]
    fn a_snapshot_stays_as_it_was(
        groups in prop::collection::vec((written(), any::<bool>()), 1..8),
        taken_after in 0..8_usize,
        is_taken_while_writing in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let base = Base::open(folder.path(), 1 << 20).unwrap();
        let writer = base.writer();
        let durable = Arc::new(Durable::new(base, Table::default()));
        let mut taken = None;
        for (number, (group, is_flushed)) in groups.iter().enumerate() {
            durable.show(changes(group));
            let take = |taken: &mut Option<(Snapshot, Vec<_>)>| {
                if number == taken_after {
                    *taken = Some((durable.snapshot().unwrap(), everything(&*durable)));
                    assert!(durable.snapshot().is_none());
                }
            };
            if !is_taken_while_writing {
                take(&mut taken);
            }
            if *is_flushed {
                let table = durable.freeze().unwrap();
                if is_taken_while_writing {
                    take(&mut taken);
                }
                writer.write(&table, number as u64, &durable).unwrap();
                durable.thaw(true);
            }
            if let Some((snapshot, expected)) = &taken {
                prop_assert_eq!(&everything(snapshot), expected);
                for (key, value) in expected {
                    prop_assert_eq!(&snapshot.entry(key).unwrap(), &Some(value.clone()));
                }
            }
        }
        drop(taken);
        prop_assert!(durable.snapshot().is_some());
    }
}

#[test]
fn a_snapshot_for_which_too_much_is_kept_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let base = Base::open(folder.path(), 1 << 20).unwrap();
    let writer = base.writer();
    let durable = Arc::new(Durable::new(base, Table::default()).keeping(1000));
    let write = |keys: &[u8], value: u8| {
        let value = IVec::from(vec![value; 600]);
        let changes = keys.iter();
        durable.show(changes.map(|key| (IVec::from(&[*key]), Some(value.clone()))));
        let table = durable.freeze().unwrap();
        writer.write(&table, 1, &durable).unwrap();
        durable.thaw(true);
    };
    write(&[1, 2, 3], 0);
    let slow = durable.snapshot().unwrap();
    let before = everything(&slow);
    write(&[1], 1);
    assert_eq!(everything(&slow), before);
    assert!(durable.snapshot().is_none());

    write(&[2], 1);
    let error = slow.entry(&[3]).unwrap_err().to_string();
    assert!(error.contains("read too slowly"), "{error}");
    let all = Vec::new()..vec![u8::MAX];
    slow.range(all, Order::Forward, 9).unwrap_err();
    // Whoever does not read on is in nobody's way.
    let next = durable.snapshot().unwrap();
    let before = everything(&next);
    write(&[3], 1);
    drop(slow);
    assert_eq!(everything(&next), before);
    assert!(durable.snapshot().is_none());
}
