//! A running host: started as a user would start it, ended by its process id.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::process::{Child, Command};

/// How long a host may take until it accepts requests.
const READY_MAX: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The files a host is started with.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// The program.
    pub(crate) executable: PathBuf,
    /// Its data folder.
    pub(crate) data: PathBuf,
    /// Its configuration.
    pub(crate) config: PathBuf,
    /// Where it says that it is ready.
    pub(crate) ready: PathBuf,
    /// Where its log goes.
    pub(crate) log: PathBuf,
}

/// A running host.
pub(crate) struct Host {
    child: Child,
    /// What it said when it was ready.
    pub(crate) ready: Ready,
}

/// The ready file.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Ready {
    /// Where it answers.
    pub(crate) url: String,
    /// A token for each of the ready-made people.
    pub(crate) tokens: BTreeMap<String, String>,
}

impl Host {
    /// Starts `sluice dev` and waits until it accepts requests.
    ///
    /// # Errors
    /// It cannot be started, ends, or does not get ready in time.
    pub(crate) async fn start(files: &Files) -> Result<Self> {
        if files.ready.exists() {
            fs::remove_file(&files.ready)?;
        }
        let log = File::options().create(true).append(true).open(&files.log)?;
        let mut command = Command::new(&files.executable);
        command
            .args(["dev", "--listen", "127.0.0.1:0", "--data"])
            .arg(&files.data);
        command.arg("--ready-file").arg(&files.ready);
        command.arg("--config").arg(&files.config);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        let child = command.spawn().context("the host cannot be started")?;
        Self {
            child,
            ready: Ready {
                url: String::new(),
                tokens: BTreeMap::new(),
            },
        }
        .until_ready(&files.ready)
        .await
    }

    async fn until_ready(mut self, file: &Path) -> Result<Self> {
        let started = Instant::now();
        while started.elapsed() < READY_MAX {
            if let Some(status) = self.child.try_wait()? {
                bail!("the host ended with {status} before it was ready");
            }
            let ready = fs::read(file)
                .ok()
                .and_then(|text| serde_json::from_slice(&text).ok());
            if let Some(ready) = ready {
                self.ready = ready;
                return Ok(self);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        bail!("the host was not ready after {} s", READY_MAX.as_secs())
    }

    /// The process id, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills it without warning (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// It cannot be killed.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("the host cannot be killed")
    }
}
