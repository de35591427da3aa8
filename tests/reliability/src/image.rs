//! What was written and what would survive a power cut, file by file and name by name.
//!
//! Owns the two images and what a sync moves from the one to the other. It does not know who
//! asks, nor about faults, nor about FUSE.

mod content;
mod names;
mod syncs;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::time::SystemTime;

pub use content::BLOCK_BYTES;
use content::File;
pub use names::NamesDurable;
use names::{Change, Directory};
pub use syncs::Covered;

/// The number of the root folder.
pub const ROOT: u64 = 1;

/// The reasons for a refusal, as the system names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such name or file.
    NotFound,
    /// The name is taken.
    Exists,
    /// A folder was needed.
    NotFolder,
    /// A file was needed.
    IsFolder,
    /// The folder has names in it.
    NotEmpty,
    /// The disk is full.
    Full,
}

/// What becomes of writes that no sync covered, when the power is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    /// They are all lost.
    Lost,
    /// Chance keeps some whole, some in part, in any order; a seed decides.
    Torn(u64),
}

/// A file or folder as `stat` shows it.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    /// Its number.
    pub number: u64,
    /// Its size in bytes; 0 for a folder.
    pub bytes: u64,
    /// How many blocks it occupies.
    pub blocks: u64,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Its permission bits.
    pub mode: u32,
    /// When it was last changed.
    pub changed: SystemTime,
}

#[derive(Clone, Debug)]
enum Node {
    File(File),
    Folder(Directory),
}

#[derive(Clone, Debug)]
struct Inode {
    node: Node,
    mode: u32,
    changed: SystemTime,
    /// How many handles are open on it.
    open: u32,
    /// How many written names it has.
    names: u32,
}

/// A disk: everything written, and everything durable.
#[derive(Clone, Debug)]
pub struct Image {
    inodes: BTreeMap<u64, Inode>,
    next: u64,
    names_durable: NamesDurable,
    /// Changes of names that would not survive, the oldest first.
    pending: Vec<Change>,
    /// How many blocks there are; `None` for no end.
    capacity: Option<u64>,
}

impl Image {
    /// An empty disk.
    pub fn new(names_durable: NamesDurable) -> Self {
        let root = Inode::new(Node::Folder(Directory::default()), 0o755);
        Self {
            inodes: BTreeMap::from([(ROOT, root)]),
            next: ROOT + 1,
            names_durable,
            pending: Vec::new(),
            capacity: None,
        }
    }

    /// Bounds the disk, in blocks.
    pub fn limit(&mut self, blocks: Option<u64>) {
        self.capacity = blocks;
    }

    /// How many blocks are taken, and how many there are. What has neither a name nor a handle
    /// takes none; it is kept for the case that the power goes before that is durable.
    pub fn space(&self) -> (u64, Option<u64>) {
        let used = self.inodes.values();
        let used = used.filter(|inode| inode.open > 0 || inode.names > 0);
        let files = used.filter_map(Inode::file);
        (files.map(File::blocks).sum(), self.capacity)
    }

    /// What `stat` shows.
    pub fn attributes(&self, number: u64) -> Result<Attributes, Refusal> {
        let inode = self.inodes.get(&number).ok_or(Refusal::NotFound)?;
        let (bytes, blocks) = match &inode.node {
            Node::File(file) => (file.bytes(), file.blocks()),
            Node::Folder(_) => (0, 0),
        };
        Ok(Attributes {
            number,
            bytes,
            blocks,
            is_folder: inode.file().is_none(),
            mode: inode.mode,
            changed: inode.changed,
        })
    }

    /// Finds a name.
    pub fn lookup(&self, folder: u64, name: &OsStr) -> Result<Attributes, Refusal> {
        let found = self.folder(folder)?.written.get(name).copied();
        self.attributes(found.ok_or(Refusal::NotFound)?)
    }

    /// Every name in a folder, with what it names.
    pub fn list(&self, folder: u64) -> Result<Vec<(std::ffi::OsString, Attributes)>, Refusal> {
        let names = self.folder(folder)?.written.iter();
        names
            .map(|(name, number)| Ok((name.clone(), self.attributes(*number)?)))
            .collect()
    }

    /// Makes an empty file.
    pub fn create_file(
        &mut self,
        folder: u64,
        name: &OsStr,
        mode: u32,
    ) -> Result<Attributes, Refusal> {
        self.create(folder, name, Inode::new(Node::File(File::default()), mode))
    }

    /// Makes an empty folder.
    pub fn create_folder(
        &mut self,
        folder: u64,
        name: &OsStr,
        mode: u32,
    ) -> Result<Attributes, Refusal> {
        let inode = Inode::new(Node::Folder(Directory::default()), mode);
        self.create(folder, name, inode)
    }

    fn create(&mut self, folder: u64, name: &OsStr, inode: Inode) -> Result<Attributes, Refusal> {
        if self.folder(folder)?.written.contains_key(name) {
            return Err(Refusal::Exists);
        }
        let number = self.next;
        self.next += 1;
        self.inodes.insert(number, inode);
        self.change(Change::new(number).set(folder, name, Some(number)));
        self.attributes(number)
    }

    /// Removes a name.
    pub fn remove(&mut self, folder: u64, name: &OsStr) -> Result<(), Refusal> {
        let number = self.lookup(folder, name)?.number;
        if let Ok(found) = self.folder(number)
            && !found.written.is_empty()
        {
            return Err(Refusal::NotEmpty);
        }
        let id = self.change_id();
        self.change(Change::new(id).set(folder, name, None));
        Ok(())
    }

    /// Moves a name, over another one if there is one.
    pub fn rename(
        &mut self,
        (from, old): (u64, &OsStr),
        (to, new): (u64, &OsStr),
    ) -> Result<(), Refusal> {
        let number = self.lookup(from, old)?.number;
        self.folder(to)?;
        if (from, old) == (to, new) {
            return Ok(());
        }
        let id = self.change_id();
        // The new name first, so that what it names is never without one.
        let change = Change::new(id).set(to, new, Some(number));
        self.change(change.set(from, old, None));
        Ok(())
    }

    fn change_id(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn change(&mut self, change: Change) {
        for (folder, name, number) in change.edits() {
            let Some(Inode {
                node: Node::Folder(folder),
                ..
            }) = self.inodes.get_mut(&folder)
            else {
                continue;
            };
            let replaced = match number {
                Some(number) => folder.written.insert(name.to_owned(), number),
                None => folder.written.remove(name),
            };
            if let Some(inode) = number.and_then(|number| self.inodes.get_mut(&number)) {
                inode.names += 1;
            }
            if let Some(replaced) = replaced {
                self.count(replaced, |inode| inode.names -= 1);
            }
        }
        self.pending.push(change);
    }

    /// Counts a handle on a file.
    pub fn opened(&mut self, number: u64) {
        self.count(number, |inode| inode.open += 1);
    }

    /// Counts a handle less.
    pub fn closed(&mut self, number: u64) {
        self.count(number, |inode| inode.open = inode.open.saturating_sub(1));
    }

    fn count(&mut self, number: u64, count: impl FnOnce(&mut Inode)) {
        if let Some(inode) = self.inodes.get_mut(&number) {
            count(inode);
        }
    }

    /// Reads from a file; less than asked for at its end.
    pub fn read(&self, number: u64, offset: u64, bytes: u64) -> Result<Vec<u8>, Refusal> {
        let inode = self.inodes.get(&number).ok_or(Refusal::NotFound)?;
        Ok(inode.file().ok_or(Refusal::IsFolder)?.read(offset, bytes))
    }

    /// Writes into a file.
    pub fn write(&mut self, number: u64, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        let wanted = self.file(number)?.blocks_missing(offset, data.len() as u64);
        self.has_room(wanted)?;
        self.file(number)?.write(offset, data);
        Ok(())
    }

    /// Lets a part of a file reach the disk before any sync asks for it.
    pub fn stray(&mut self, number: u64, offset: u64, bytes: u64) -> Result<(), Refusal> {
        self.file(number)?.stray(offset, bytes);
        Ok(())
    }

    /// Takes space for a file ahead of its content.
    pub fn allocate(
        &mut self,
        number: u64,
        (offset, bytes): (u64, u64),
        is_size_kept: bool,
    ) -> Result<(), Refusal> {
        let wanted = self.file(number)?.blocks_missing(offset, bytes);
        self.has_room(wanted)?;
        self.file(number)?.allocate(offset, bytes, is_size_kept);
        Ok(())
    }

    /// Empties a part of a file, of which it keeps the size.
    pub fn punch(&mut self, number: u64, offset: u64, bytes: u64) -> Result<(), Refusal> {
        self.file(number)?.punch(offset, bytes);
        Ok(())
    }

    /// Cuts a file off, or lengthens it by nothing but zeros.
    pub fn resize(&mut self, number: u64, bytes: u64) -> Result<(), Refusal> {
        self.file(number)?.resize(bytes);
        Ok(())
    }

    /// Changes the permission bits; durable at once, since nothing depends on them.
    pub fn permit(&mut self, number: u64, mode: u32) -> Result<(), Refusal> {
        let inode = self.inodes.get_mut(&number).ok_or(Refusal::NotFound)?;
        inode.mode = mode & 0o7777;
        Ok(())
    }

    fn has_room(&self, wanted: u64) -> Result<(), Refusal> {
        let (taken, capacity) = self.space();
        match capacity {
            Some(capacity) if wanted > 0 && taken + wanted > capacity => Err(Refusal::Full),
            Some(_) | None => Ok(()),
        }
    }

    fn file(&mut self, number: u64) -> Result<&mut File, Refusal> {
        let inode = self.inodes.get_mut(&number).ok_or(Refusal::NotFound)?;
        inode.changed = SystemTime::now();
        match &mut inode.node {
            Node::File(file) => Ok(file),
            Node::Folder(_) => Err(Refusal::IsFolder),
        }
    }

    fn folder(&self, number: u64) -> Result<&Directory, Refusal> {
        match self.inodes.get(&number).map(|inode| &inode.node) {
            Some(Node::Folder(folder)) => Ok(folder),
            Some(Node::File(_)) => Err(Refusal::NotFolder),
            None => Err(Refusal::NotFound),
        }
    }
}

impl Inode {
    fn new(node: Node, mode: u32) -> Self {
        Self {
            node,
            mode: mode & 0o7777,
            changed: SystemTime::now(),
            open: 0,
            names: 0,
        }
    }

    fn file(&self) -> Option<&File> {
        match &self.node {
            Node::File(file) => Some(file),
            Node::Folder(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
