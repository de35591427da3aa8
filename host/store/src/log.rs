//! The commit log: what was acknowledged, in order, before it is in the base.
//!
//! Owns its files: appending a frame and syncing it, finding the frames again, using files anew.
//! One group of commits is one frame, and a frame is written only when the one before it is
//! synced, so that a power cut can tear no other frame than the last. It does not know what the
//! changes mean.

mod frame;
mod leftovers;
mod recovery;
mod segment;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use ports::StoreError;

use crate::folder::{failed_at, failure, free_bytes, sync_names};
use segment::Segment;

pub(crate) use frame::FrameBuilder;
pub(crate) use recovery::{Recovered, recover};

/// A file is full at this size.
const SEGMENT_BYTES: u64 = 8 << 20;
/// How many files that the log has no more use for are kept to be written anew.
const SPARES_MAX: usize = 2;
/// Larger files are not kept.
const SPARE_BYTES_MAX: u64 = 2 * SEGMENT_BYTES;

/// How data reaches the disk: [`File::sync_data`], but in tests.
pub(crate) type SyncData = Box<dyn FnMut(&File) -> io::Result<()> + Send>;

/// Why a frame was not appended.
pub(crate) enum AppendError {
    /// There is too little room on the disk, or the system does not say how much; nothing was
    /// written, and it may be tried again.
    Full(StoreError),
    /// What is on disk is open. Nothing may be acknowledged from then on: after a failed sync the
    /// system may drop what it could not write and report success the next time.
    Failed(StoreError),
}

impl AppendError {
    /// What to tell.
    pub(crate) fn into_inner(self) -> StoreError {
        match self {
            Self::Full(error) | Self::Failed(error) => error,
        }
    }
}

/// The end of the log.
pub(crate) struct Log {
    folder: PathBuf,
    current: Segment,
    /// Earlier files, by the number of the first frame behind each.
    closed: VecDeque<(u64, PathBuf)>,
    spares: Vec<PathBuf>,
    next: u64,
    /// How much of the disk the log leaves free.
    reserve_bytes: u64,
    sync_data: SyncData,
}

impl Log {
    /// Goes on with a log behind what was recovered, all of which is synced by then.
    ///
    /// # Errors
    /// The disk is full, or cannot be written.
    pub(crate) fn open(
        folder: &Path,
        recovered: Recovered,
        reserve_bytes: u64,
        sync_data: SyncData,
    ) -> Result<Self, StoreError> {
        let failed = |error: io::Error| failed_at(folder, &error);
        let current = match recovered.current {
            Some(current) => Segment::reopen(current),
            None => Segment::create(folder, recovered.next, salt()?, None),
        };
        let current = current.map_err(failed)?;
        // What the last host wrote may be known to the system only.
        current.file.sync_all().map_err(failed)?;
        sync_names(folder).map_err(failed)?;
        let mut log = Self {
            folder: folder.to_owned(),
            current,
            closed: recovered.closed.into(),
            spares: Vec::new(),
            next: recovered.next,
            reserve_bytes,
            sync_data,
        };
        for spare in recovered.spares {
            if let Err(error) = log.spare(&spare) {
                tracing::warn!(path = %spare.display(), %error, "a spare file cannot be removed");
            }
        }
        Ok(log)
    }

    /// The number of the last frame.
    pub(crate) fn last(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// Appends a frame and returns once a power cut cannot undo it.
    ///
    /// # Errors
    /// As [`AppendError`] says.
    pub(crate) fn append(&mut self, frame: FrameBuilder) -> Result<(), AppendError> {
        let bytes = frame.bytes() as u64;
        self.make_room(bytes)?;
        let frame = frame.finish(&self.current.salt, self.next);
        let failed = |what: &str, error: &io::Error| {
            AppendError::Failed(failure(format!("{what} the commit log: {error}")))
        };
        self.current
            .write(&frame)
            .map_err(|error| failed("writing", &error))?;
        (self.sync_data)(&self.current.file).map_err(|error| failed("syncing", &error))?;
        self.current.advance(bytes);
        self.next = self.next.saturating_add(1);
        Ok(())
    }

    /// Appends a frame without which nothing can be read, for which the log need not leave
    /// anything of the disk free.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub(crate) fn append_at_all_costs(&mut self, frame: FrameBuilder) -> Result<(), AppendError> {
        let reserve_bytes = std::mem::take(&mut self.reserve_bytes);
        let appended = self.append(frame);
        self.reserve_bytes = reserve_bytes;
        appended
    }

    /// Lets go of files whose every frame the base has up to `applied`. A file that cannot be
    /// moved or removed, as while somebody else reads it, is left for the next time.
    pub(crate) fn release(&mut self, applied: u64) {
        while let Some((behind, path)) = self
            .closed
            .pop_front_if(|(behind, _)| *behind <= applied.saturating_add(1))
        {
            match self.spare(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let name = path.display();
                    tracing::warn!(path = %name, %error, "a file of the log is kept for now");
                    self.closed.push_front((behind, path));
                    return;
                }
            }
        }
    }

    /// Keeps a file to be written anew, or removes it if there are enough or it is too large.
    fn spare(&mut self, path: &Path) -> io::Result<()> {
        let is_kept =
            self.spares.len() < SPARES_MAX && fs::metadata(path)?.len() <= SPARE_BYTES_MAX;
        if !is_kept {
            return fs::remove_file(path);
        }
        let spare = segment::spare_of(path);
        fs::rename(path, &spare)?;
        self.spares.push(spare);
        Ok(())
    }

    /// Whether the disk has room for the base to take over what is in the log.
    ///
    /// # Errors
    /// The system does not say.
    pub(crate) fn has_space(&self) -> Result<bool, StoreError> {
        let free = free_bytes(&self.folder).map_err(|error| failed_at(&self.folder, &error))?;
        Ok(free >= self.reserve_bytes / 2)
    }

    fn make_room(&mut self, bytes: u64) -> Result<(), AppendError> {
        let is_full = self.current.end() >= SEGMENT_BYTES;
        let has_room = self.current.has_room(bytes);
        if !is_full && has_room {
            return Ok(());
        }
        let free = free_bytes(&self.folder)
            .map_err(|error| AppendError::Full(failed_at(&self.folder, &error)))?;
        let has_space = free >= self.reserve_bytes.saturating_add(bytes);
        if is_full && (has_space || !self.spares.is_empty()) {
            return self.rotate(bytes, free);
        }
        match has_room {
            true => Ok(()),
            false if has_space => self.extend(bytes, free),
            false => Err(self.full(free)),
        }
    }

    fn extend(&mut self, bytes: u64, free: u64) -> Result<(), AppendError> {
        match self.current.make_room(bytes) {
            Ok(()) => Ok(()),
            Err(error) if is_full(&error) => Err(self.full(free)),
            Err(error) => Err(AppendError::Failed(failed_at(&self.current.path, &error))),
        }
    }

    /// Goes on in another file, which is durable before it is used.
    fn rotate(&mut self, bytes: u64, free: u64) -> Result<(), AppendError> {
        let failed = |error: io::Error| AppendError::Failed(failed_at(&self.folder, &error));
        let salt = salt().map_err(AppendError::Failed)?;
        let made = match self.spares.pop() {
            Some(spare) => {
                let made = Segment::create(&self.folder, self.next, salt, Some(&spare));
                made.or_else(|error| {
                    let path = spare.display();
                    tracing::warn!(%path, %error, "a spare file cannot be written anew");
                    Segment::create(&self.folder, self.next, salt, None)
                })
            }
            None => Segment::create(&self.folder, self.next, salt, None),
        };
        let mut segment = match made {
            Ok(segment) => segment,
            Err(error) if is_full(&error) => return Err(self.full(free)),
            Err(error) => return Err(failed(error)),
        };
        segment.file.sync_all().map_err(failed)?;
        sync_names(&self.folder).map_err(failed)?;
        std::mem::swap(&mut self.current, &mut segment);
        self.closed.push_back((self.next, segment.path));
        match self.current.has_room(bytes) {
            true => Ok(()),
            false => self.extend(bytes, free),
        }
    }

    fn full(&self, free_bytes: u64) -> AppendError {
        AppendError::Full(StoreError::Full {
            free_bytes,
            reserve_bytes: self.reserve_bytes,
        })
    }
}

fn salt() -> Result<frame::Salt, StoreError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt)
        .map_err(|error| failure(format!("no randomness for the commit log: {error}")))?;
    Ok(salt)
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests;
