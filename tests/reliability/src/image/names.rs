//! The names in folders, and the changes of names that are not durable yet.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// When a new, moved or removed name survives a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamesDurable {
    /// Once its folder is synced; all that POSIX promises.
    BySyncOfTheFolder,
    /// With any sync, and in the order of the changes, as in a journal like that of ext4.
    InOrderByAnySync,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    pub(super) written: BTreeMap<OsString, u64>,
    pub(super) durable: BTreeMap<OsString, u64>,
}

/// Names that change together.
#[derive(Clone, Debug)]
pub(super) struct Change {
    id: u64,
    edits: Vec<(u64, OsString, Option<u64>)>,
}

impl Change {
    pub(super) fn new(id: u64) -> Self {
        Self {
            id,
            edits: Vec::new(),
        }
    }

    pub(super) fn set(mut self, folder: u64, name: &OsStr, number: Option<u64>) -> Self {
        self.edits.push((folder, name.to_owned(), number));
        self
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn edits(&self) -> impl Iterator<Item = (u64, &OsStr, Option<u64>)> {
        let edits = self.edits.iter();
        edits.map(|(folder, name, number)| (*folder, name.as_os_str(), *number))
    }

    pub(super) fn touches(&self, folder: u64) -> bool {
        self.edits.iter().any(|(touched, _, _)| *touched == folder)
    }
}
