//! What the scenes play on: folders, the release API, the host, and the people.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use guests::Guests;
use serde_json::json;
use tempfile::TempDir;

use crate::client::Client;
use crate::host::{Files, Host};
use crate::service::Service;
use crate::{artifacts, process, report};

/// How much of the host's log is shown when something differs, in lines.
const LOG_LINES: usize = 20;

/// Folders, the release API and the host.
pub(crate) struct Stage {
    /// The example components.
    pub(crate) guests: Guests,
    /// The release API.
    pub(crate) service: Service,
    /// The host's files.
    pub(crate) files: Files,
    host: Option<Host>,
    folder: TempDir,
}

impl Stage {
    /// Builds everything, fills the folders and starts release API and host.
    ///
    /// # Errors
    /// Something does not build or start.
    pub(crate) async fn open() -> Result<Self> {
        report::section("Build");
        report::line("the example steps, for wasm32-wasip2 …");
        let guests = tokio::task::spawn_blocking(Guests::build).await??;
        report::line(&guests.names().collect::<Vec<_>>().join(", "));
        report::line("the host …");
        let executable = process::build_host().await?;
        report::line(&executable.display().to_string());

        report::section("Start");
        let folder = tempfile::Builder::new().prefix("sluice-demo-").tempdir()?;
        let files = prepare(&folder, executable)?;
        let service = Service::start().await?;
        for release in artifacts::ALL {
            let manifest = release.build(&folder.path().join("artifacts"))?;
            service.add(release.name(), manifest);
        }
        report::line(&format!("release API at {}", service.origin));
        let mut stage = Self {
            guests,
            service,
            files,
            host: None,
            folder,
        };
        stage.start_host().await?;
        Ok(stage)
    }

    /// Starts the host on the data folder as it is.
    ///
    /// # Errors
    /// It does not get ready.
    pub(crate) async fn start_host(&mut self) -> Result<()> {
        let host = Host::start(&self.files)
            .await
            .with_context(|| self.host_log_tail())?;
        let process = host.id().unwrap_or_default();
        report::line(&format!("host at {}, process {process}", host.ready.url));
        self.host = Some(host);
        Ok(())
    }

    /// Kills the host without warning.
    ///
    /// # Errors
    /// It is not running.
    pub(crate) async fn kill_host(&mut self) -> Result<()> {
        let host = self.host.take().context("the host is not running")?;
        host.kill().await
    }

    /// One person's way to the host.
    ///
    /// # Errors
    /// The host is not running or has no such person.
    pub(crate) fn client(&self, person: &str) -> Result<Client> {
        let host = self.host.as_ref().context("the host is not running")?;
        Client::new(&host.ready, person)
    }

    /// Where the host answers.
    ///
    /// # Errors
    /// The host is not running.
    pub(crate) fn url(&self) -> Result<String> {
        let host = self.host.as_ref().context("the host is not running")?;
        Ok(host.ready.url.clone())
    }

    /// The folder behind a volume, or for files of the demo's own.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The end of the host's log.
    pub(crate) fn host_log_tail(&self) -> String {
        let log = fs::read_to_string(&self.files.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let start = lines.len().saturating_sub(LOG_LINES);
        lines.get(start..).unwrap_or_default().join("\n")
    }

    /// Ends what runs and removes the folders.
    pub(crate) async fn close(mut self) {
        if self.host.is_some() {
            // The folder goes too: nothing is lost if the host is gone already.
            let _ = self.kill_host().await;
        }
        if let Err(error) = self.folder.close() {
            report::line(&format!(
                "the temporary folder could not be removed: {error}"
            ));
        }
    }
}

/// The folders and the configuration that names them as volumes.
fn prepare(folder: &TempDir, executable: PathBuf) -> Result<Files> {
    let path = |name: &str| folder.path().join(name);
    for name in ["artifacts", "releases", "data"] {
        fs::create_dir(path(name))?;
    }
    let volumes = json!({"artifacts": path("artifacts"), "releases": path("releases")});
    let config = toml::to_string(&json!({"volumes": volumes}))?;
    fs::write(path("sluice.toml"), config)?;
    Ok(Files {
        executable,
        data: path("data"),
        config: path("sluice.toml"),
        ready: path("ready.json"),
        log: path("host.log"),
    })
}
