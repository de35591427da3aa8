//! What moves from the written image to the durable one: syncs, and what a power cut keeps.

use std::collections::BTreeMap;

use super::content::{Caught, File, Kept};
use super::names::{Change, NamesDurable};
use super::{Image, Inode, Node, ROOT, Unsynced};
use crate::random::Random;

/// What a sync that was asked for will make durable.
#[derive(Debug)]
pub struct Covered {
    number: u64,
    caught: Option<Caught>,
    changes: Vec<u64>,
}

impl Image {
    /// Notes what a sync that is asked for at this moment covers. What is written before it
    /// has ended is not part of it.
    pub fn begin_sync(&self, number: u64) -> Covered {
        let caught = self.inodes.get(&number).and_then(Inode::file);
        let covered = self.pending.iter();
        let covered = covered.filter(|change| match self.names_durable {
            NamesDurable::BySyncOfTheFolder => change.touches(number),
            NamesDurable::InOrderByAnySync => true,
        });
        Covered {
            number,
            caught: caught.map(File::catch),
            changes: covered.map(Change::id).collect(),
        }
    }

    /// Makes durable what a sync covers.
    pub fn end_sync(&mut self, sync: Covered) {
        if let (Some(caught), Ok(file)) = (sync.caught, self.file(sync.number)) {
            file.keep(caught);
        }
        let pending = std::mem::take(&mut self.pending);
        for change in pending {
            match sync.changes.contains(&change.id()) {
                true => self.keep(&change),
                false => self.pending.push(change),
            }
        }
    }

    /// A sync failed: as Linux does, the file's pages count as clean from then on, so that a
    /// second try writes nothing of them.
    pub fn fail_sync(&mut self, sync: Covered) {
        if let (Some(caught), Ok(file)) = (sync.caught, self.file(sync.number)) {
            file.forget(caught);
        }
    }

    fn keep(&mut self, change: &Change) {
        for (folder, name, number) in change.edits() {
            if let Some(Inode {
                node: Node::Folder(folder),
                ..
            }) = self.inodes.get_mut(&folder)
            {
                match number {
                    Some(number) => folder.durable.insert(name.to_owned(), number),
                    None => folder.durable.remove(name),
                };
            }
        }
    }

    /// The disk as it is found after a power cut.
    pub fn cut(&self, unsynced: Unsynced) -> Self {
        let mut left = self.clone();
        let mut random = match unsynced {
            Unsynced::Lost => None,
            Unsynced::Torn(seed) => Some(Random::new(seed)),
        };
        let pending = std::mem::take(&mut left.pending);
        if let Some(random) = &mut random {
            let kept = random.below(pending.len() as u64 + 1) as usize;
            pending[..kept].iter().for_each(|change| left.keep(change));
        }
        let mut kept = Kept(random);
        for inode in left.inodes.values_mut() {
            match &mut inode.node {
                Node::File(file) => file.cut(&mut kept),
                Node::Folder(folder) => folder.written.clone_from(&folder.durable),
            }
            (inode.open, inode.names) = (0, 0);
        }
        left.remove_unnamed();
        left
    }

    fn remove_unnamed(&mut self) {
        let mut named = BTreeMap::from([(ROOT, 1)]);
        let mut folders = vec![ROOT];
        while let Some(folder) = folders.pop() {
            for number in self
                .folder(folder)
                .into_iter()
                .flat_map(|f| f.written.values())
            {
                let seen = named.entry(*number).or_insert(0);
                *seen += 1;
                if *seen == 1 && self.folder(*number).is_ok() {
                    folders.push(*number);
                }
            }
        }
        self.inodes.retain(|number, _| named.contains_key(number));
        for (number, inode) in &mut self.inodes {
            inode.names = named[number];
        }
    }
}
