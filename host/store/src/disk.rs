//! The folder: who may open it, opening sled in it, and making a write survive a power cut.
//!
//! Owns everything that is particular to sled 0.34: `flush` alone does not sync, `blobs/` is
//! never synced, snapshots are left half-written, panics stand for damage. It does not know
//! what is written.

use std::any::Any;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ports::StoreError;
use sled::IVec;

use crate::envelope::CONTENT_BYTES_MAX;
use crate::watermark::Watermark;

/// The size of sled's segments, in bytes; cannot change once a store exists. A quarter of it
/// must hold what [`CONTENT_BYTES_MAX`] says.
const SEGMENT_BYTES: usize = 2 * 1024 * 1024;

/// The most that is written before it is synced, in bytes. Sled reuses a segment once what
/// replaced its content is more than one segment old, so that this much less than a segment
/// means that no segment is reused before its replacement is on disk.
pub(crate) const WRITE_BYTES_MAX: usize = SEGMENT_BYTES / 4;

/// How long closing waits for sled's own threads to let go of the database file.
const RELEASE_MAX: Duration = Duration::from_secs(10);

/// Why a store could not be opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open; try again once that one has ended.
    #[error("the store `{}` is in use by another process", .0.display())]
    InUse(PathBuf),
    /// It cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How data reaches the disk: [`File::sync_data`], but in tests.
pub(crate) type SyncData = Box<dyn FnMut(&File) -> io::Result<()> + Send>;

/// An open store folder.
pub(crate) struct Disk {
    /// The tree everything is kept in.
    pub(crate) db: sled::Db,
    file: Arc<File>,
    path: PathBuf,
    /// Held while the store is open; released last.
    _lock: File,
}

impl Disk {
    /// Opens or creates a store folder.
    ///
    /// # Errors
    /// Another process has it open, or it cannot be read.
    pub(crate) fn open(path: &Path, cache_bytes: u64) -> Result<Self, OpenError> {
        fs::create_dir_all(path).map_err(|error| failed_at(path, &error))?;
        let lock = lock(path)?;
        prepare(path)?;
        let db = open_sled(path, cache_bytes)?;
        let db_path = path.join("db");
        let file = OpenOptions::new().write(true).open(&db_path);
        let file = file.map_err(|error| failed_at(&db_path, &error))?;
        // Sled holds a lock on the file it writes, so a lock that can be had is that of another.
        if file.try_lock().is_ok() {
            return Err(failure("the database file was replaced while it was opened").into());
        }
        sync_folder(path).map_err(|error| failed_at(path, &error))?;
        let disk = Self {
            db,
            file: Arc::new(file),
            path: path.to_owned(),
            _lock: lock,
        };
        check_blobs(&disk.path.join("blobs"))?;
        Ok(disk)
    }

    /// The means to write, for a store whose audit log has `links` links.
    ///
    /// # Errors
    /// More links than that were durable once.
    pub(crate) fn writer(&self, links: u64, sync_data: SyncData) -> Result<DiskWriter, StoreError> {
        let path = self.path.join("watermark");
        let (watermark, durable) =
            Watermark::open(&path).map_err(|error| failed_at(&path, &error))?;
        if links < durable {
            return Err(StoreError::Damaged {
                key: self.path.join("db").display().to_string(),
                problem: format!(
                    "the audit log ends with record {links}, but record {durable} was durable: restore a backup, \
                     or remove `{}` to go on without what is missing",
                    path.display()
                ),
            });
        }
        Ok(DiskWriter {
            db: self.db.clone(),
            file: Arc::clone(&self.file),
            blobs: self.path.join("blobs"),
            sync_data,
            watermark,
        })
    }

    /// Closes sled and lets go of the folder. There must be no [`DiskWriter`] left.
    ///
    /// # Errors
    /// Sled still holds the folder after a while.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        let Self {
            db,
            file,
            _lock: lock,
            ..
        } = self;
        drop(db);
        let begun = Instant::now();
        while file.try_lock().is_err() {
            if begun.elapsed() > RELEASE_MAX {
                return Err(failure(
                    "the database file is still locked after closing it",
                ));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(file);
        drop(lock);
        Ok(())
    }
}

/// Writes durably.
pub(crate) struct DiskWriter {
    db: sled::Db,
    file: Arc<File>,
    blobs: PathBuf,
    sync_data: SyncData,
    watermark: Watermark,
}

impl DiskWriter {
    /// Writes a batch, all of it or nothing, and returns once a power cut cannot undo it.
    ///
    /// # Errors
    /// Any failure leaves open what is on disk. Nothing may be acknowledged from then on: after
    /// a failed sync the system may drop what it could not write and report success the next time.
    pub(crate) fn write(
        &mut self,
        batch: sled::Batch,
        has_large_values: bool,
    ) -> Result<(), StoreError> {
        self.db.apply_batch(batch).map_err(sled_failed)?;
        self.db.flush().map_err(sled_failed)?;
        (self.sync_data)(&self.file)
            .map_err(|error| failure(format!("syncing the database file: {error}")))?;
        match has_large_values {
            true => check_blobs(&self.blobs),
            false => Ok(()),
        }
    }

    /// Writes parts of long values, in as many synced writes as they need.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(crate) fn write_parts(
        &mut self,
        parts: impl IntoIterator<Item = (IVec, IVec)>,
    ) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        let mut bytes = 0;
        for (key, value) in parts {
            bytes += value.len();
            batch.insert(key, value);
            if bytes + CONTENT_BYTES_MAX > WRITE_BYTES_MAX {
                self.write(std::mem::take(&mut batch), true)?;
                bytes = 0;
            }
        }
        match bytes {
            0 => Ok(()),
            _ => self.write(batch, true),
        }
    }

    /// Notes that the audit log has this many links on disk.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(crate) fn note(&mut self, links: u64) -> Result<(), StoreError> {
        self.watermark
            .note(links)
            .map_err(|error| failure(format!("writing the watermark: {error}")))
    }
}

impl Drop for DiskWriter {
    fn drop(&mut self) {
        if let Err(error) = self.watermark.sync() {
            tracing::warn!(%error, "the watermark could not be synced");
        }
    }
}

/// The error for what sled reports.
pub(crate) fn sled_failed(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Corruption { at, .. } => StoreError::Damaged {
            key: "db".to_owned(),
            problem: format!("the database file cannot be read at {at:?}"),
        },
        sled::Error::Io(error) => failure(error.to_string()),
        sled::Error::CollectionNotFound(_)
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_) => failure(error.to_string()),
    }
}

/// The error for a panic, which is how sled reports much of what it cannot read.
pub(crate) fn panicked(payload: &(dyn Any + Send)) -> StoreError {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given");
    failure(format!(
        "the database panicked: {}",
        text.replace('\n', " ")
    ))
}

fn failure(problem: impl Into<Arc<str>>) -> StoreError {
    StoreError::Io(problem.into())
}

fn failed_at(path: &Path, error: &io::Error) -> StoreError {
    failure(format!("`{}`: {error}", path.display()))
}

fn check_blobs(blobs: &Path) -> Result<(), StoreError> {
    let mut files = fs::read_dir(blobs).map_err(|error| failed_at(blobs, &error))?;
    match files.next() {
        None => Ok(()),
        Some(_) => Err(failure(format!(
            "`{}` is not empty: what is kept there would not survive a power cut",
            blobs.display()
        ))),
    }
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let lock_path = path.join("lock");
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path);
    let lock = lock.map_err(|error| failed_at(&lock_path, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed_at(&lock_path, &error).into()),
    }
}

/// Makes a folder that a process left behind safe for sled to recover from.
fn prepare(path: &Path) -> Result<(), StoreError> {
    let step = || {
        for file in fs::read_dir(path)? {
            let file = file?.path();
            // A snapshot that was being written; sled would take it for one and find it damaged.
            let is_unfinished = file
                .extension()
                .is_some_and(|extension| extension == "generating");
            if is_unfinished {
                fs::remove_file(&file)?;
            }
        }
        // Sled syncs the snapshot it makes of the file, but not the file.
        match OpenOptions::new().write(true).open(path.join("db")) {
            Ok(db) => db.sync_data(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    };
    step().map_err(|error: io::Error| failed_at(path, &error))
}

fn open_sled(path: &Path, cache_bytes: u64) -> Result<sled::Db, OpenError> {
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(cache_bytes)
        .flush_every_ms(None)
        .segment_size(SEGMENT_BYTES);
    match catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(Ok(db)) => Ok(db),
        // A process that is ending lets go of its files one after the other.
        Ok(Err(sled::Error::Io(error))) if error.to_string().contains("could not acquire lock") => {
            Err(OpenError::InUse(path.to_owned()))
        }
        Ok(Err(error)) => Err(sled_failed(error).into()),
        Err(payload) => Err(StoreError::Damaged {
            key: path.join("db").display().to_string(),
            problem: panicked(&*payload).to_string(),
        }
        .into()),
    }
}

/// Makes the names of the files survive a power cut. Elsewhere than on Unix folders cannot be
/// synced, and the file system journals them.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::options()
        .write(true)
        .open(path.join("conf"))?
        .sync_all()?;
    #[cfg(unix)]
    {
        File::open(path)?.sync_all()?;
        let parent = path.canonicalize()?;
        if let Some(parent) = parent.parent() {
            File::open(parent)?.sync_all()?;
        }
    }
    Ok(())
}
