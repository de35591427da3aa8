//! The base: sled under the log and its table, written in the background.
//!
//! Owns everything that is particular to sled 0.34: `flush` alone does not sync, `blobs/` is
//! never synced, snapshots are left half-written, panics stand for damage. It does not know
//! what is written, but how far the log is in it.

use std::any::Any;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ports::StoreError;
use sled::IVec;

use crate::OpenError;
use crate::durable::Durable;
use crate::envelope::{Content, Entry, Kind, damaged, unwrap};
use crate::folder::{failed_at, failure, forget_cached, lock, sync_name_of, sync_names};
use crate::key;
use crate::table::Table;

/// The size of sled's segments, in bytes; cannot change once a store exists. A quarter of it
/// must hold what [`CONTENT_BYTES_MAX`] says.
const SEGMENT_BYTES: usize = 2 * 1024 * 1024;

/// The most that is written before it is synced, in bytes. Sled reuses a segment once what
/// replaced its content is more than one segment old, so that this much less than a segment
/// means that no segment is reused before its replacement is on disk.
const WRITE_BYTES_MAX: usize = SEGMENT_BYTES / 4;

/// How long closing waits for sled's own threads to let go of the database file.
const RELEASE_MAX: Duration = Duration::from_secs(10);

/// An open base, in a folder that is this process's.
pub(crate) struct Base {
    /// The tree everything is kept in.
    pub(crate) db: sled::Db,
    file: Arc<File>,
    path: PathBuf,
    /// Held while the store is open; released last.
    _lock: File,
}

impl Base {
    /// Opens or creates a base in a store's folder.
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
        sync_files(path).map_err(|error| failed_at(path, &error))?;
        let base = Self {
            db,
            file: Arc::new(file),
            path: path.to_owned(),
            _lock: lock,
        };
        check_blobs(&base.path.join("blobs"))?;
        Ok(base)
    }

    /// The number of the last frame of the log that is in the base.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn applied(&self) -> Result<u64, StoreError> {
        let Some(value) = self.db.get(key::APPLIED).map_err(sled_failed)? else {
            return Ok(0);
        };
        let content = match unwrap(Kind::Meta, key::APPLIED, &value)? {
            Content::Whole(content) => content,
            Content::Parts(_) => return Err(damaged(key::APPLIED, "is a manifest of parts")),
        };
        let number = content.as_ref().try_into().map(u64::from_be_bytes);
        number.map_err(|_| damaged(key::APPLIED, "has the wrong length"))
    }

    /// The means to write.
    pub(crate) fn writer(&self) -> BaseWriter {
        BaseWriter {
            db: self.db.clone(),
            file: Arc::clone(&self.file),
            blobs: self.path.join("blobs"),
        }
    }

    /// Closes sled and lets go of the folder. There must be no [`BaseWriter`] left.
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

/// Writes to the base.
pub(crate) struct BaseWriter {
    db: sled::Db,
    file: Arc<File>,
    blobs: PathBuf,
}

impl BaseWriter {
    /// Writes a table that ends with frame `through` of the log, in several synced writes, and
    /// returns once the log is needed no more up to there. A crash leaves some of the writes;
    /// writing the same frames again makes up for it.
    ///
    /// # Errors
    /// Any failure leaves open what is on disk.
    pub(crate) fn write(
        &self,
        table: &Table,
        through: u64,
        durable: &Durable,
    ) -> Result<(), StoreError> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        for change in table.iter() {
            bytes += change.0.len() + change.1.as_ref().map_or(0, |value| value.len());
            batch.push(change);
            if bytes >= WRITE_BYTES_MAX {
                self.apply(&batch, durable)?;
                batch.clear();
                bytes = 0;
            }
        }
        self.apply(&batch, durable)?;
        // By itself, so that it says of nothing that it is there before it is.
        let applied = Entry::new(Kind::Meta, key::APPLIED.to_vec(), &through.to_be_bytes());
        self.apply(&[(&applied.key, &Some(applied.value))], durable)?;
        check_blobs(&self.blobs)
    }

    fn apply(
        &self,
        changes: &[(&IVec, &Option<IVec>)],
        durable: &Durable,
    ) -> Result<(), StoreError> {
        let snapshot = durable.kept();
        let mut kept = snapshot.as_ref().map(|kept| kept.lock());
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            if let Some(kept) = &mut kept
                && kept.get(key).is_none()
            {
                kept.put((*key).clone(), self.db.get(key).map_err(sled_failed)?);
            }
            match value {
                Some(value) => batch.insert((*key).clone(), value.clone()),
                None => batch.remove((*key).clone()),
            }
        }
        if let (Some(snapshot), Some(kept)) = (&snapshot, &mut kept) {
            snapshot.bound(kept);
        }
        self.db.apply_batch(batch).map_err(sled_failed)?;
        drop(kept);
        self.db.flush().map_err(sled_failed)?;
        let synced = self.file.sync_data();
        synced.map_err(|error| failure(format!("syncing the database file: {error}")))
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
            Ok(db) => {
                db.sync_data()?;
                forget_cached(&db);
                Ok(())
            }
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
        Ok(Err(error)) => Err(unopened(path, error).into()),
        Err(payload) => Err(StoreError::Damaged {
            key: path.join("db").display().to_string(),
            problem: panicked(&*payload).to_string(),
        }
        .into()),
    }
}

/// The error for a base that cannot be opened: what sled finds wrong with its files it does not
/// name.
fn unopened(path: &Path, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Unsupported(_) | sled::Error::ReportableBug(_) => StoreError::Damaged {
            key: path.join("conf").display().to_string(),
            problem: format!("cannot be read: {error}"),
        },
        sled::Error::Corruption { .. }
        | sled::Error::Io(_)
        | sled::Error::CollectionNotFound(_) => sled_failed(error),
    }
}

/// Makes the files that sled does not sync survive a power cut, and their names.
fn sync_files(path: &Path) -> io::Result<()> {
    let configuration = File::options().write(true).open(path.join("conf"));
    configuration?.sync_all()?;
    sync_names(path)?;
    sync_name_of(path)
}
