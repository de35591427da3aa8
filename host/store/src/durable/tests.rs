use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

type Written = BTreeMap<u16, Option<u8>>;

fn changes(written: &Written) -> impl Iterator<Item = (IVec, Option<IVec>)> {
    let value = |value: Option<u8>| value.map(|value| IVec::from(&[value]));
    written
        .iter()
        .map(move |(key, found)| (IVec::from(&key.to_be_bytes()), value(*found)))
}

/// A store with `written` in its base, then in its frozen table, then in its table.
fn durable(folder: &tempfile::TempDir, written: &[Written; 3]) -> Durable {
    let base = Base::open(folder.path(), 1 << 20).unwrap();
    let writer = base.writer();
    let durable = Durable::new(base, Table::default());
    durable.show(changes(&written[0]));
    let table = durable.freeze().unwrap();
    writer.write(&table, 1, &durable).unwrap();
    durable.thaw(true);
    durable.show(changes(&written[1]));
    durable.freeze().unwrap();
    assert!(durable.freeze().is_none());
    durable.show(changes(&written[2]));
    durable
}

fn written() -> impl Strategy<Value = Written> {
    prop::collection::btree_map(0..600_u16, any::<Option<u8>>(), 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_latest_of_base_and_tables_is_read(
        (base, frozen, active) in (written(), written(), written()),
        (start, end) in (0..600_u16, 0..600_u16),
        limit in 0..400_usize,
        is_forward in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let written = [base, frozen, active];
        let durable = durable(&folder, &written);
        let latest: Written = written.into_iter().flatten().collect();
        let latest: BTreeMap<IVec, IVec> = changes(&latest)
            .filter_map(|(key, value)| Some((key, value?)))
            .collect();
        let order = if is_forward { Order::Forward } else { Order::Backward };
        let range = start.to_be_bytes().to_vec()..end.to_be_bytes().to_vec();
        let inside = latest.iter().filter(|(key, _)| range.contains(&key.to_vec()));
        let mut inside: Vec<_> = inside.map(|(key, value)| (key.clone(), value.clone())).collect();
        if !is_forward {
            inside.reverse();
        }
        inside.truncate(limit);
        prop_assert_eq!(durable.range(range, order, limit).unwrap(), inside);
        for key in [start, end] {
            let entry = durable.entry(&key.to_be_bytes()).unwrap();
            prop_assert_eq!(entry.as_ref(), latest.get(key.to_be_bytes().as_slice()));
        }
    }
}

#[test]
fn a_table_that_could_not_be_written_is_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let durable = Durable::new(
        Base::open(folder.path(), 1 << 20).unwrap(),
        Table::default(),
    );
    durable.show([(IVec::from(b"k"), Some(IVec::from(b"v")))]);
    durable.freeze().unwrap();
    durable.thaw(false);
    durable.wait_thawed();
    assert!(durable.freeze().is_none());
    assert_eq!(durable.entry(b"k").unwrap(), Some(IVec::from(b"v")));
}

#[test]
fn many_keys_that_are_gone_are_passed_in_several_steps() {
    let folder = tempfile::tempdir().unwrap();
    let gone = 3 * CHUNK_STEPS as u16;
    let written: Written = (0..gone + 2).map(|key| (key, Some(1))).collect();
    let removed: Written = (1..=gone).map(|key| (key, None)).collect();
    let durable = durable(&folder, &[written, removed, Written::new()]);
    // Before how far the base has the log.
    let all = Vec::new()..vec![b'a'];
    let ends = [0, gone + 1].map(|key| IVec::from(&key.to_be_bytes()));
    for order in [Order::Forward, Order::Backward] {
        let found = durable.range(all.clone(), order, 9).unwrap();
        let mut keys: Vec<_> = found.into_iter().map(|(key, _)| key).collect();
        keys.sort();
        assert_eq!(keys, ends);
        let visible = durable.read_lock();
        let tree = visible.tree().unwrap();
        let first = chunk(visible.tables(), tree, (&all, order), 9).unwrap();
        assert_eq!((first.found.len(), first.last.is_some()), (1, true));
    }
}
