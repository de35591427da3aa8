//! Changes that are durable in the log and not yet in the base.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};

use sled::IVec;

/// What an entry costs in memory beside its key and value, about.
const ENTRY_BYTES: usize = 96;

/// Keys with what stands under them; `None` where nothing does any more.
#[derive(Clone, Default)]
pub(crate) struct Table {
    changes: BTreeMap<IVec, Option<IVec>>,
    bytes: usize,
}

impl Table {
    /// Notes what stands under a key.
    pub(crate) fn put(&mut self, key: IVec, value: Option<IVec>) {
        let (key_bytes, value_bytes) = (key.len(), size(value.as_ref()));
        match self.changes.insert(key, value) {
            Some(before) => self.bytes = self.bytes.saturating_sub(size(before.as_ref())),
            None => self.bytes += key_bytes + ENTRY_BYTES,
        }
        self.bytes += value_bytes;
    }

    /// What is known of a key; the outer `None` where the base has to be asked.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Option<IVec>> {
        self.changes.get(key).cloned()
    }

    /// The changes inside a range that is not turned round.
    pub(crate) fn range(
        &self,
        range: &Range<Vec<u8>>,
    ) -> impl DoubleEndedIterator<Item = (&IVec, &Option<IVec>)> {
        let bounds = (
            Bound::Included(range.start.as_slice()),
            Bound::Excluded(range.end.as_slice()),
        );
        self.changes.range::<[u8], _>(bounds)
    }

    /// Every change in the order of keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&IVec, &Option<IVec>)> {
        self.changes.iter()
    }

    /// How much memory it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn size(value: Option<&IVec>) -> usize {
    value.map_or(0, |value| value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_of_a_key_counts_and_so_does_its_size() {
        let mut table = Table::default();
        table.put(IVec::from(b"k"), Some(IVec::from(vec![0; 1000])));
        table.put(IVec::from(b"k"), Some(IVec::from(b"v")));
        assert_eq!(table.get(b"k"), Some(Some(IVec::from(b"v"))));
        assert_eq!(table.bytes(), ENTRY_BYTES + 2);
        table.put(IVec::from(b"k"), None);
        assert_eq!(table.get(b"k"), Some(None));
        assert_eq!(table.get(b"other"), None);
        assert_eq!(table.bytes(), ENTRY_BYTES + 1);
    }
}
