//! `wasi:filesystem` over the volumes of the server's configuration.
//!
//! Always linked; without a grant there is no directory to begin from. Volumes are opened
//! once, at start, so a path that is replaced later leads nowhere new. Paths are resolved
//! below the directory by capability, symbolic links included.

mod calls;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use auth::capability::{Access, Capabilities};
use auth::names::Name;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use tokio::sync::oneshot;
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{FsError, FsResult};
use wasmtime_wasi::{FsPerms, OpenMode};

use crate::guest::Guest;
use crate::ledger::{Denial, Ledger};
use crate::limits::{LISTED_ENTRIES_MAX, LISTINGS_MAX, LimitExceeded, OPEN_FILES_MAX};

pub(crate) const INTERFACES: &[&str] = &[
    "wasi:filesystem/types@0.2.",
    "wasi:filesystem/preopens@0.2.",
];

const CAPABILITY: &str = "filesystem";

/// The host's volumes, open.
pub(crate) struct Volumes(BTreeMap<Name, Arc<File>>);

impl Volumes {
    /// Opens every directory.
    ///
    /// # Errors
    /// Each line names a volume that cannot be opened, and why.
    pub(crate) fn open(paths: &BTreeMap<Name, PathBuf>) -> Result<Self, Vec<String>> {
        let mut volumes = BTreeMap::new();
        let mut problems = Vec::new();
        for (name, path) in paths {
            match Dir::open_ambient_dir(path, ambient_authority()) {
                Ok(directory) => {
                    volumes.insert(name.clone(), Arc::new(directory.into_std_file()));
                }
                Err(error) => problems.push(format!(
                    "volumes.{name}: the directory `{}` cannot be opened: {error}; create it or correct the path",
                    path.display()
                )),
            }
        }
        if problems.is_empty() {
            Ok(Self(volumes))
        } else {
            Err(problems)
        }
    }

    /// What the permit mounts.
    ///
    /// # Errors
    /// A volume that the permit names is not in the server's configuration.
    pub(crate) fn mount(&self, capabilities: &Capabilities) -> Result<Mounts, Denial> {
        let mut mounts = Vec::new();
        for entry in &capabilities.filesystem {
            let volume = entry.volume();
            let Some(directory) = self.0.get(volume) else {
                return Err(Denial {
                    capability: CAPABILITY,
                    asked: format!("{} {volume}", entry.access().as_str()),
                    rule: "filesystem.volume".to_owned(),
                    reason: format!(
                        "this server has no volume `{volume}`; add it to [volumes] of its configuration"
                    ),
                });
            };
            mounts.push(Mount {
                volume: volume.clone(),
                path: entry.mount().to_owned(),
                access: entry.access(),
                directory: Arc::clone(directory),
            });
        }
        Ok(Mounts {
            mounts,
            ..Mounts::default()
        })
    }
}

/// The directories one guest begins from, which of its descriptors lies below which, and what
/// it holds open. A stream keeps its file open when the descriptor is gone.
#[derive(Default)]
pub(crate) struct Mounts {
    mounts: Vec<Mount>,
    descriptors: HashMap<u32, usize>,
    open: Vec<Weak<File>>,
    listings: usize,
}

struct Mount {
    volume: Name,
    path: String,
    access: Access,
    directory: Arc<File>,
}

impl Mount {
    fn descriptor(&self) -> std::io::Result<Descriptor> {
        let (permissions, mode) = match self.access {
            Access::Read => (FsPerms::ReadOnly, OpenMode::READ),
            Access::ReadWrite => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
        };
        let directory = self.directory.try_clone()?;
        Ok(Descriptor::Dir(wasmtime_wasi::filesystem::Dir::new(
            directory,
            permissions,
            mode,
            false,
        )))
    }
}

struct Filesystem;

impl HasData for Filesystem {
    type Data<'a> = MountsView<'a>;
}

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    preopens::add_to_linker::<Guest, Filesystem>(linker, Guest::mounts)?;
    types::add_to_linker::<Guest, Filesystem>(linker, Guest::mounts)
}

/// The filesystem as one guest's calls see it.
pub(crate) struct MountsView<'a> {
    pub(crate) wasi: WasiFilesystemCtxView<'a>,
    pub(crate) mounts: &'a mut Mounts,
    pub(crate) ledger: &'a Arc<Ledger>,
}

impl preopens::Host for MountsView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let mut directories = Vec::new();
        for index in 0..self.mounts.mounts.len() {
            self.room_to_open()?;
            let Some(mount) = self.mounts.mounts.get(index) else {
                break;
            };
            let (descriptor, path) = (mount.descriptor()?, mount.path.clone());
            self.mounts.open.push(Arc::downgrade(file_of(&descriptor)));
            let descriptor = self.wasi.table.push(descriptor)?;
            self.mounts.descriptors.insert(descriptor.rep(), index);
            directories.push((descriptor, path));
        }
        Ok(directories)
    }
}

/// What a call would do to a volume.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intent {
    Read,
    Write,
}

impl MountsView<'_> {
    fn mount_of(&self, descriptor: u32) -> Option<(usize, &Mount)> {
        let index = *self.mounts.descriptors.get(&descriptor)?;
        Some((index, self.mounts.mounts.get(index)?))
    }

    /// Refuses a write to a volume that is mounted for reading, and counts what is allowed.
    async fn check(
        &mut self,
        descriptor: u32,
        intent: Intent,
        call: &str,
        path: &str,
    ) -> FsResult<()> {
        let Some(recorded) = self.refuse_write(descriptor, intent, call, path) else {
            return Ok(());
        };
        witnessed(recorded).await?;
        Err(ErrorCode::NotPermitted.into())
    }

    /// Like [`Self::check`] where the call cannot wait for the witness: the guest is stopped.
    fn check_at_once(&mut self, descriptor: u32, call: &str) -> FsResult<()> {
        match self.refuse_write(descriptor, Intent::Write, call, "") {
            None => Ok(()),
            Some(_) => Err(FsError::trap(wasmtime::Error::msg(
                "the host call was refused",
            ))),
        }
    }

    fn refuse_write(
        &mut self,
        descriptor: u32,
        intent: Intent,
        call: &str,
        path: &str,
    ) -> Option<oneshot::Receiver<()>> {
        let (_, mount) = self.mount_of(descriptor)?;
        let volume = &mount.volume;
        match (intent, mount.access) {
            (Intent::Read, _) => self.ledger.used(CAPABILITY, &format!("read {volume}")),
            (Intent::Write, Access::ReadWrite) => {
                self.ledger
                    .used(CAPABILITY, &format!("read-write {volume}"));
            }
            (Intent::Write, Access::Read) => {
                return Some(self.ledger.refuse(Denial {
                    capability: CAPABILITY,
                    asked: format!("{call} {volume}:{path}"),
                    rule: "filesystem.access".to_owned(),
                    reason: format!(
                        "volume `{volume}` is mounted at `{}` for reading; writing needs access `read-write` in the component's manifest and in its role",
                        mount.path
                    ),
                }));
            }
        }
        None
    }

    /// Reports a path that leads out of its volume.
    async fn settle<T>(
        &mut self,
        descriptor: u32,
        call: &str,
        path: &str,
        result: FsResult<T>,
    ) -> FsResult<T> {
        let is_refused = |error: &FsError| error.downcast_ref() == Some(&ErrorCode::NotPermitted);
        let Err(error) = &result else { return result };
        let Some((_, mount)) = self.mount_of(descriptor).filter(|_| is_refused(error)) else {
            return result;
        };
        let volume = &mount.volume;
        let recorded = self.ledger.refuse(Denial {
            capability: CAPABILITY,
            asked: format!("{call} {volume}:{path}"),
            rule: "filesystem.path".to_owned(),
            reason: format!(
                "the path leads out of volume `{volume}`, or the operating system does not permit the call"
            ),
        });
        witnessed(recorded).await?;
        result
    }

    /// Remembers that what was opened is open, and lies below the same mount.
    fn adopt(&mut self, parent: u32, child: &Resource<Descriptor>) -> FsResult<()> {
        let file = Arc::downgrade(file_of(self.wasi.table.get(child)?));
        self.mounts.open.push(file);
        if let Some((index, _)) = self.mount_of(parent) {
            self.mounts.descriptors.insert(child.rep(), index);
        }
        Ok(())
    }

    /// Stops a guest that would hold too much open.
    fn room_to_open(&mut self) -> wasmtime::Result<()> {
        let open = &mut self.mounts.open;
        open.retain(|file| file.strong_count() > 0);
        if open.len() < OPEN_FILES_MAX {
            return Ok(());
        }
        Err(self.exceed("open files and directories", OPEN_FILES_MAX))
    }

    /// Stops a guest that would list too many directories at once, or one with too many entries.
    async fn room_to_list(&mut self, descriptor: &Resource<Descriptor>) -> FsResult<()> {
        if self.mounts.listings >= LISTINGS_MAX {
            let exceeded = self.exceed("directories listed at once", LISTINGS_MAX);
            return Err(FsError::trap(exceeded));
        }
        let Descriptor::Dir(directory) = self.wasi.table.get(descriptor)? else {
            return Err(ErrorCode::NotDirectory.into());
        };
        let directory = Arc::clone(&directory.dir);
        let counted = tokio::task::spawn_blocking(move || has_few_entries(&directory)).await;
        let is_small = counted.map_err(|error| FsError::trap(wasmtime::Error::new(error)))??;
        if !is_small {
            let exceeded = self.exceed("entries of one listed directory", LISTED_ENTRIES_MAX);
            return Err(FsError::trap(exceeded));
        }
        Ok(())
    }

    fn exceed(&self, of: &'static str, allowed: usize) -> wasmtime::Error {
        let exceeded = LimitExceeded::Fixed { of, allowed };
        wasmtime::Error::new(self.ledger.exceed(exceeded))
    }
}

fn file_of(descriptor: &Descriptor) -> &Arc<File> {
    match descriptor {
        Descriptor::File(file) => &file.file,
        Descriptor::Dir(directory) => &directory.dir,
    }
}

fn has_few_entries(directory: &File) -> std::io::Result<bool> {
    let entries = Dir::from_std_file(directory.try_clone()?).entries()?;
    Ok(entries.take(LISTED_ENTRIES_MAX + 1).count() <= LISTED_ENTRIES_MAX)
}

async fn witnessed(recorded: oneshot::Receiver<()>) -> FsResult<()> {
    let stopped = |_| FsError::trap(wasmtime::Error::msg("the attempt is being stopped"));
    recorded.await.map_err(stopped)
}
