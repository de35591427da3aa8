//! The measurements, each in a module of its own.

mod ageing;
mod attempt;
mod beside;
mod disk;
mod express;
mod http;
mod parked;
pub(crate) mod parts;
mod passes;
mod recovery;
mod regions;
mod start;
mod timers;
mod workflows;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::figure::Figure;

/// What can be measured, in the order in which everything is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measurement {
    Disk,
    Attempt,
    Workflows,
    Passes,
    Express,
    Regions,
    Http,
    Start,
    Ageing,
    Parked,
    Timers,
    Recovery,
}

/// Where a measurement takes place, and with what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Here {
    /// A folder on the disk under test, of the measurement's own.
    pub(crate) folder: PathBuf,
    pub(crate) is_long: bool,
    /// The example component `hello`.
    pub(crate) component: PathBuf,
    /// The host's program.
    pub(crate) host: PathBuf,
}

impl Here {
    /// The bytes of the component.
    pub(crate) fn hello(&self) -> Result<Vec<u8>> {
        let path = &self.component;
        std::fs::read(path).with_context(|| format!("`{}` cannot be read", path.display()))
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().ok_or(fmt::Error)?;
        formatter.write_str(value.get_name())
    }
}

impl Measurement {
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Disk => "the disk alone: appends of 4 KiB, each synced, or 64 together",
            Self::Attempt => {
                "one attempt of a component against bare wasmtime, and its authority check"
            }
            Self::Workflows => "durable workflows of 1 and 10 Tasks, 1 to 256 at once",
            Self::Passes => "chains of 10 and 100 Pass states, durable",
            Self::Express => "express workflows of 1 and 10 Tasks, synchronous and asynchronous",
            Self::Regions => "a Parallel of 100 Tasks, and Maps of 100 and of 10,000",
            Self::Http => "the host's program over HTTP, against an axum echo",
            Self::Start => "the host's program: start, first workflow, idle memory",
            Self::Ageing => "slower and larger after many finished executions, and after retention",
            Self::Parked => "executions that only wait: memory, disk, and taking them all back",
            Self::Timers => "timers due at once: in order, and without a stall",
            Self::Recovery => "recovery of open executions after SIGKILL",
        }
    }

    /// How long it may take before it counts as failed.
    pub(crate) fn seconds_max(self, is_long: bool) -> u64 {
        match (self, is_long) {
            (Self::Disk | Self::Attempt | Self::Start, _) => 60,
            (Self::Passes | Self::Express | Self::Http, _) => 120,
            (Self::Workflows | Self::Regions, _) => 240,
            (Self::Ageing | Self::Parked | Self::Timers | Self::Recovery, false) => 240,
            (Self::Ageing | Self::Parked | Self::Timers | Self::Recovery, true) => 7_200,
        }
    }

    /// Whether it runs the host's program.
    pub(crate) fn needs_host(self) -> bool {
        matches!(self, Self::Http | Self::Start)
    }

    async fn figures(self, here: &Here) -> Result<Vec<Figure>> {
        match self {
            Self::Disk => disk::measure(here),
            Self::Attempt => attempt::measure(here).await,
            Self::Workflows => workflows::measure(here).await,
            Self::Passes => passes::measure(here).await,
            Self::Express => express::measure(here).await,
            Self::Regions => regions::measure(here).await,
            Self::Http => http::measure(here).await,
            Self::Start => start::measure(here).await,
            Self::Ageing => ageing::measure(here).await,
            Self::Parked => parked::measure(here).await,
            Self::Timers => timers::measure(here).await,
            Self::Recovery => recovery::measure(here).await,
        }
    }
}

/// Does one measurement in this process.
///
/// # Errors
/// It failed.
pub(crate) async fn inside((name, here): &(String, Here)) -> Result<Vec<Figure>> {
    let measurement = Measurement::from_str(name, false).map_err(anyhow::Error::msg)?;
    measurement.figures(here).await
}
