//! The disk as the kernel sees it: each request is one step of the image.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate,
    ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request,
    TimeOrNow, WriteFlags,
};

use super::Shared;
use crate::image::{Attributes, BLOCK_BYTES, ROOT, Refusal};

/// How long the kernel may believe an answer; only it changes anything.
const BELIEVED: Duration = Duration::from_secs(60);
/// The size of a disk without an end, in blocks.
const ENDLESS_BLOCKS: u64 = 1 << 24;

const KEEP_SIZE: i32 = 1;
const PUNCH_HOLE: i32 = 2;
const ZERO_RANGE: i32 = 16;

/// The requests of one mount.
pub(super) struct Mounted {
    shared: Arc<Shared>,
}

/// How the disk is mounted.
pub(super) fn options() -> Config {
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::FSName("forgetful".to_owned()),
        MountOption::NoAtime,
        MountOption::DefaultPermissions,
    ];
    config
}

impl Mounted {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl Filesystem for Mounted {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        entry(self.shared.lock().image.lookup(parent.0, name), reply);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        attributes(self.shared.lock().image.attributes(ino.0), reply);
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let image = &mut self.shared.lock().image;
        let resized = size.map_or(Ok(()), |bytes| image.resize(ino.0, bytes));
        let permitted = mode.map_or(Ok(()), |mode| image.permit(ino.0, mode));
        let changed = resized.and(permitted);
        attributes(changed.and_then(|()| image.attributes(ino.0)), reply);
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let image = &mut self.shared.lock().image;
        entry(image.create_folder(parent.0, name, mode & !umask), reply);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(self.shared.lock().image.remove(parent.0, name), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(self.shared.lock().image.remove(parent.0, name), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !flags.is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let image = &mut self.shared.lock().image;
        let renamed = image.rename((parent.0, name), (newparent.0, newname));
        empty(renamed, reply);
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        self.shared.lock().image.opened(ino.0);
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let image = &mut self.shared.lock().image;
        match image.create_file(parent.0, name, mode & !umask) {
            Ok(made) => {
                image.opened(made.number);
                let (attributes, handle) = (to_kernel(&made), FileHandle(0));
                let flags = FopenFlags::FOPEN_KEEP_CACHE;
                reply.created(&BELIEVED, &attributes, Generation(0), handle, flags);
            }
            Err(refusal) => reply.error(to_errno(refusal)),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.shared.lock().image.read(ino.0, offset, size.into()) {
            Ok(data) => reply.data(&data),
            Err(refusal) => reply.error(to_errno(refusal)),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.shared.write(ino.0, offset, data) {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap()),
            Err(refusal) => reply.error(to_errno(refusal)),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.shared.lock().image.closed(ino.0);
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.shared.sync(ino.0, reply);
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.shared.sync(ino.0, reply);
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listed = match self.shared.lock().image.list(ino.0) {
            Ok(listed) => listed,
            Err(refusal) => return reply.error(to_errno(refusal)),
        };
        let dots = [".", ".."].map(|name| (name.into(), ino.0, FileType::Directory));
        let names = listed.into_iter();
        let names = names.map(|(name, found)| (name, found.number, file_type(&found)));
        let all = dots.into_iter().chain(names).enumerate();
        for (index, (name, number, kind)) in all.skip(usize::try_from(offset).unwrap()) {
            if reply.add(INodeNo(number), index as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let (taken, capacity) = self.shared.lock().image.space();
        let blocks = capacity.unwrap_or(ENDLESS_BLOCKS);
        let free = blocks.saturating_sub(taken);
        let size = BLOCK_BYTES as u32;
        reply.statfs(blocks, free, free, 1 << 20, 1 << 19, size, 255, size);
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let image = &mut self.shared.lock().image;
        let done = match mode {
            0 => image.allocate(ino.0, (offset, length), false),
            KEEP_SIZE => image.allocate(ino.0, (offset, length), true),
            _ if mode & (PUNCH_HOLE | ZERO_RANGE) != 0 => image.punch(ino.0, offset, length),
            _ => return reply.error(Errno::EOPNOTSUPP),
        };
        empty(done, reply);
    }
}

fn entry(found: Result<Attributes, Refusal>, reply: ReplyEntry) {
    match found {
        Ok(found) => reply.entry(&BELIEVED, &to_kernel(&found), Generation(0)),
        Err(refusal) => reply.error(to_errno(refusal)),
    }
}

fn attributes(found: Result<Attributes, Refusal>, reply: ReplyAttr) {
    match found {
        Ok(found) => reply.attr(&BELIEVED, &to_kernel(&found)),
        Err(refusal) => reply.error(to_errno(refusal)),
    }
}

fn empty(done: Result<(), Refusal>, reply: ReplyEmpty) {
    match done {
        Ok(()) => reply.ok(),
        Err(refusal) => reply.error(to_errno(refusal)),
    }
}

fn to_errno(refusal: Refusal) -> Errno {
    match refusal {
        Refusal::NotFound => Errno::ENOENT,
        Refusal::Exists => Errno::EEXIST,
        Refusal::NotFolder => Errno::ENOTDIR,
        Refusal::IsFolder => Errno::EISDIR,
        Refusal::NotEmpty => Errno::ENOTEMPTY,
        Refusal::Full => Errno::ENOSPC,
    }
}

fn file_type(found: &Attributes) -> FileType {
    match found.is_folder {
        true => FileType::Directory,
        false => FileType::RegularFile,
    }
}

fn to_kernel(found: &Attributes) -> FileAttr {
    let is_root = found.number == ROOT;
    FileAttr {
        ino: INodeNo(found.number),
        size: found.bytes,
        blocks: found.blocks * (BLOCK_BYTES / 512),
        atime: found.changed,
        mtime: found.changed,
        ctime: found.changed,
        crtime: found.changed,
        kind: file_type(found),
        perm: u16::try_from(found.mode).unwrap(),
        nlink: if found.is_folder || is_root { 2 } else { 1 },
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: BLOCK_BYTES as u32,
        flags: 0,
    }
}
