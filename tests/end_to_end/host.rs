//! A host in a process of its own, on a folder that outlives it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::http::Person;

/// How long anything may take that must happen; far more than it needs on a busy machine.
pub(super) const SOON: Duration = Duration::from_secs(120);
/// How often a file that a host writes, such as the ready file, is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The folder of one test: the host's data, its ready file, its log.
pub(super) struct Folder {
    folder: tempfile::TempDir,
    /// What hosts on it log.
    filter: &'static str,
}

/// A running host; killed when dropped.
pub(super) struct Host {
    child: Child,
    ready_file: PathBuf,
    pub(super) ready: Ready,
}

/// What the ready file says.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Ready {
    pub(super) url: String,
    /// The development issuer; empty under `sluice serve`.
    pub(super) issuer: String,
    pub(super) tokens: BTreeMap<String, String>,
    /// Where metrics are read without a token, if anywhere.
    pub(super) metrics: Option<String>,
}

/// How a command of the command line ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Folder {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            filter: "info",
        }
    }

    /// A folder on which hosts log all that any library has to say.
    pub(super) fn talkative() -> Self {
        Self {
            filter: "trace",
            ..Self::new()
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Everything that hosts on this folder wrote to standard error.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.path("stderr.log")).unwrap_or_default()
    }

    /// The addresses that hosts on this folder have listened on, the oldest first.
    pub(super) fn addresses(&self) -> Vec<String> {
        let log = self.log();
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let listening = lines.filter(|line| line["fields"]["message"] == "listening");
        listening
            .filter_map(|line| line["fields"]["url"].as_str().map(str::to_owned))
            .collect()
    }

    /// Waits until a host listens besides those `known`, ready or not.
    pub(super) async fn next_address(&self, known: usize) -> String {
        let waited = timeout(SOON, async {
            loop {
                if let Some(address) = self.addresses().into_iter().nth(known) {
                    return address;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        });
        waited.await.unwrap()
    }

    /// Every file below the data folder.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.data()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push(path),
                }
            }
        }
        files
    }

    /// Gives the hosts on this folder a mock configuration.
    pub(super) fn mock(&self, mocks: &Value) {
        fs::write(self.path("mock.json"), mocks.to_string()).unwrap();
    }

    pub(super) async fn host(&self) -> Host {
        Host::start(self, "dev", "ready.json", "").await
    }

    pub(super) async fn host_with(&self, config: &str) -> Host {
        Host::start(self, "dev", "ready.json", config).await
    }

    /// Starts a process and waits for nothing.
    pub(super) fn spawn(&self, verb: &str, ready: &str, config: &str) -> (Child, PathBuf) {
        let ready_file = self.path(ready);
        if ready_file.exists() {
            fs::remove_file(&ready_file).unwrap();
        }
        let config_file = self.path("sluice.toml");
        fs::write(&config_file, config).unwrap();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path("stderr.log"))
            .unwrap();
        let mut command = sluice();
        command
            .args([verb, "--listen", "127.0.0.1:0", "--data"])
            .arg(self.data());
        command
            .arg("--ready-file")
            .arg(&ready_file)
            .arg("--config")
            .arg(&config_file);
        if self.path("mock.json").exists() {
            command.arg("--mock-config").arg(self.path("mock.json"));
        }
        command
            .stdout(Stdio::null())
            .stderr(log)
            .env("SLUICE_LOG", self.filter);
        (command.spawn().unwrap(), ready_file)
    }
}

impl Host {
    pub(super) async fn start(folder: &Folder, verb: &str, ready: &str, config: &str) -> Self {
        let (child, ready_file) = folder.spawn(verb, ready, config);
        Self::when_ready(folder, child, ready_file).await
    }

    pub(super) async fn when_ready(folder: &Folder, mut child: Child, ready_file: PathBuf) -> Self {
        let waited = timeout(SOON, async {
            loop {
                if let Some(ready) = read_ready(&ready_file) {
                    return ready;
                }
                let ended = child.try_wait().unwrap();
                assert!(
                    ended.is_none(),
                    "the host ended with {ended:?}:\n{}",
                    folder.log()
                );
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        });
        let Ok(ready) = waited.await else {
            panic!("the host did not get ready:\n{}", folder.log());
        };
        Self {
            child,
            ready_file,
            ready,
        }
    }

    /// One of the ready-made people.
    pub(super) fn person(&self, name: &str) -> Person {
        let token = self
            .ready
            .tokens
            .get(name)
            .unwrap_or_else(|| panic!("no token for {name}"));
        Person::new(&self.ready.url, Some(token))
    }

    /// Where it listens.
    pub(super) fn url(&self) -> &str {
        &self.ready.url
    }

    /// Somebody without a token.
    pub(super) fn nobody(&self) -> Person {
        Person::new(&self.ready.url, None)
    }

    /// SIGKILL, and waits until the process is gone.
    pub(super) async fn kill_9(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to stop, as a service manager does.
    #[cfg(unix)]
    pub(super) async fn terminate(&self) {
        let id = self.child.id().unwrap().to_string();
        let status = Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .await
            .unwrap();
        assert!(status.success());
    }

    /// Waits until it has ended by itself.
    #[cfg(unix)]
    pub(super) async fn ended(mut self) -> std::process::ExitStatus {
        timeout(SOON, self.child.wait()).await.unwrap().unwrap()
    }

    /// Runs a command line as one of the people; files are those of the test's folder.
    pub(super) async fn cli(&self, person: &str, line: &str) -> Ran {
        let mut command = sluice();
        command.args(line.split(' ')).args(["--output", "json"]);
        command.arg("--ready-file").arg(&self.ready_file);
        command.args(["--as", person]);
        command.current_dir(self.ready_file.parent().unwrap());
        ran(command).await
    }
}

/// Runs a command of the command line that is told all it needs.
pub(super) async fn cli(arguments: &[&str]) -> Ran {
    let mut command = sluice();
    command.args(arguments);
    ran(command).await
}

async fn ran(mut command: Command) -> Ran {
    let output = timeout(SOON, command.output()).await.unwrap().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn sluice() -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_sluice")));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SLUICE_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// The file is written in one step, so that it is whole if it is there.
fn read_ready(file: &Path) -> Option<Ready> {
    #[derive(Deserialize)]
    struct Content {
        url: String,
        issuer: Option<String>,
        tokens: Option<BTreeMap<String, String>>,
        metrics: Option<String>,
    }
    let text = fs::read(file).ok()?;
    let content: Content = serde_json::from_slice(&text).unwrap();
    Some(Ready {
        url: content.url,
        issuer: content.issuer.unwrap_or_default(),
        tokens: content.tokens.unwrap_or_default(),
        metrics: content.metrics,
    })
}
