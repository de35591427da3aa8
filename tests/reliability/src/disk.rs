//! A file system in memory that forgets, mounted for a host to keep its data on.
//!
//! Owns the mount, the count of syncs, the moment at which the power goes, and the faults of a
//! bad disk. It does not know what its files hold.

mod mounted;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fuser::{BackgroundSession, Errno, ReplyEmpty};
use tokio::sync::watch;

use crate::image::{Covered, Image, NamesDurable, Refusal, Unsynced};
use crate::random::Random;
use mounted::Mounted;

/// How long unmounting is tried while the last of a killed process goes away.
const UNMOUNT_TRIES: u32 = 500;
const UNMOUNT_PAUSE: Duration = Duration::from_millis(10);

/// What a sync comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Syncs {
    /// It makes durable what was written.
    #[default]
    Work,
    /// The next one fails, those after it report success again.
    FailOnce,
    /// They fail from now on.
    Fail,
}

/// A mounted disk; unmounted when dropped.
pub struct Disk {
    shared: Arc<Shared>,
    folder: tempfile::TempDir,
    session: Option<BackgroundSession>,
}

struct Shared {
    state: Mutex<State>,
    frozen: watch::Sender<bool>,
}

struct State {
    image: Image,
    syncs: Syncs,
    /// How long a sync takes.
    sync_takes: Duration,
    /// Chance by which writes reach the disk early.
    stray: Option<(Random, u64)>,
    /// How many syncs have made something durable.
    synced: u64,
    /// The power goes when this many have.
    freeze_at: Option<u64>,
    /// Syncs that will never be answered well, because the power has gone.
    held: Vec<ReplyEmpty>,
    /// The disk before each sync, where that is wanted.
    recorded: Option<Vec<Image>>,
}

impl Disk {
    /// Mounts an empty disk.
    ///
    /// # Errors
    /// Why nothing can be mounted here.
    pub fn empty(names: NamesDurable) -> Result<Self, String> {
        Self::holding(Image::new(names))
    }

    /// Mounts a disk with this on it.
    ///
    /// # Errors
    /// Why nothing can be mounted here.
    pub fn holding(image: Image) -> Result<Self, String> {
        let state = State {
            image,
            syncs: Syncs::Work,
            sync_takes: Duration::ZERO,
            stray: None,
            synced: 0,
            freeze_at: None,
            held: Vec::new(),
            recorded: None,
        };
        let shared = Shared {
            state: Mutex::new(state),
            frozen: watch::Sender::new(false),
        };
        let mut disk = Self {
            shared: Arc::new(shared),
            folder: tempfile::tempdir().map_err(|error| error.to_string())?,
            session: None,
        };
        disk.mount().map_err(|error| {
            format!("a file system of the test's own cannot be mounted with /dev/fuse: {error}")
        })?;
        Ok(disk)
    }

    /// A folder on it that is not there yet, for a host's data.
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// How many syncs have made something durable.
    pub fn synced(&self) -> u64 {
        self.shared.lock().synced
    }

    /// Tells how many syncs have made something durable.
    pub fn counter(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move || shared.lock().synced
    }

    /// What is on it.
    pub fn image(&self) -> Image {
        self.shared.lock().image.clone()
    }

    /// Bounds the space, to this many bytes more than is taken; `None` for no end.
    pub fn leave_room(&self, bytes: Option<u64>) {
        let mut state = self.shared.lock();
        let (taken, _) = state.image.space();
        let blocks = bytes.map(|bytes| taken + bytes / crate::image::BLOCK_BYTES);
        state.image.limit(blocks);
    }

    /// What syncs come to from now on.
    pub fn let_syncs(&self, syncs: Syncs) {
        self.shared.lock().syncs = syncs;
    }

    /// How long a sync takes from now on.
    pub fn let_syncs_take(&self, time: Duration) {
        self.shared.lock().sync_takes = time;
    }

    /// Lets one in so many writes reach the disk before any sync asks for it.
    pub fn let_writes_stray(&self, seed: u64, once_in: u64) {
        self.shared.lock().stray = Some((Random::new(seed), once_in));
    }

    /// Keeps the disk as it is before each sync from now on.
    pub fn record(&self) {
        self.shared.lock().recorded = Some(Vec::new());
    }

    /// The disk as it was when this many syncs had ended, for each number from 0 on.
    pub fn recorded(&self) -> Vec<Image> {
        let mut state = self.shared.lock();
        let mut recorded = state.recorded.take().unwrap_or_default();
        recorded.push(state.image.clone());
        recorded
    }

    /// Lets the power go as soon as this many syncs have ended: nothing becomes durable any
    /// more, and no sync is answered.
    pub fn freeze_at(&self, syncs: u64) {
        self.shared.lock().freeze_at = Some(syncs);
    }

    /// Waits until somebody asks for a sync after the power has gone.
    pub async fn frozen(&self) {
        let mut frozen = self.shared.frozen.subscribe();
        let _ = frozen.wait_for(|is_frozen| *is_frozen).await;
    }

    /// Lets go of those who wait for a sync. Only for processes that are killed already.
    pub fn release(&self) {
        let held = std::mem::take(&mut self.shared.lock().held);
        held.into_iter().for_each(|reply| reply.error(Errno::EIO));
    }

    /// Cuts the power and brings it back. No process may use the disk.
    pub fn cut(&mut self, unsynced: Unsynced) {
        self.release();
        self.unmount();
        {
            let mut state = self.shared.lock();
            state.image = state.image.cut(unsynced);
            state.freeze_at = None;
            state.syncs = Syncs::Work;
            state.sync_takes = Duration::ZERO;
        }
        self.shared.frozen.send_replace(false);
        self.mount().unwrap();
    }

    fn mount(&mut self) -> io::Result<()> {
        let mounted = Mounted::new(Arc::clone(&self.shared));
        let session = fuser::spawn_mount(mounted, self.path(), &mounted::options())?;
        self.session = Some(session);
        Ok(())
    }

    fn unmount(&mut self) {
        let Some(session) = self.session.take() else {
            return;
        };
        let unmounted = |path: &Path| {
            let status = std::process::Command::new("umount").arg(path).output();
            status.is_ok_and(|output| output.status.success())
        };
        for _ in 0..UNMOUNT_TRIES {
            if unmounted(self.path()) {
                break;
            }
            std::thread::sleep(UNMOUNT_PAUSE);
        }
        let _ = session.umount_and_join();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.release();
        self.unmount();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out a write; chance may let it reach the disk at once.
    fn write(&self, number: u64, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        let mut state = self.lock();
        state.image.write(number, offset, data)?;
        let is_on = state.freeze_at.is_none_or(|end| state.synced < end);
        let strays = match &mut state.stray {
            Some((random, once_in)) => random.once_in(*once_in),
            None => false,
        };
        match strays && is_on {
            true => state.image.stray(number, offset, data.len() as u64),
            false => Ok(()),
        }
    }

    /// Answers a request for a sync, at once or from a thread that takes its time.
    fn sync(self: &Arc<Self>, number: u64, reply: ReplyEmpty) {
        let state = self.lock();
        let sync = state.image.begin_sync(number);
        let takes = state.sync_takes;
        drop(state);
        if takes.is_zero() {
            return self.end_sync(sync, reply);
        }
        let shared = Arc::clone(self);
        std::thread::spawn(move || {
            std::thread::sleep(takes);
            shared.end_sync(sync, reply);
        });
    }

    fn end_sync(&self, sync: Covered, reply: ReplyEmpty) {
        let mut state = self.lock();
        if state.freeze_at.is_some_and(|end| state.synced >= end) {
            state.held.push(reply);
            drop(state);
            self.frozen.send_replace(true);
            return;
        }
        if state.syncs != Syncs::Work {
            if state.syncs == Syncs::FailOnce {
                state.syncs = Syncs::Work;
            }
            state.image.fail_sync(sync);
            drop(state);
            return reply.error(Errno::EIO);
        }
        let before = state.recorded.is_some().then(|| state.image.clone());
        if let (Some(recorded), Some(before)) = (&mut state.recorded, before) {
            recorded.push(before);
        }
        state.image.end_sync(sync);
        state.synced += 1;
        drop(state);
        reply.ok();
    }
}

#[cfg(test)]
mod tests;
