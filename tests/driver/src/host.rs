//! A host in a process of its own, on a folder that outlives it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::executable;
use crate::http::Person;

/// How long anything may take that must happen; far more than it needs on a busy machine.
pub const SOON: Duration = Duration::from_secs(120);
/// How often a file that a host writes, such as the ready file, is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The folder of one test: the host's data, its ready file, its log.
pub struct Folder {
    folder: tempfile::TempDir,
    data: PathBuf,
    /// What hosts on it log.
    filter: &'static str,
    environment: Vec<(&'static str, OsString)>,
}

/// A running host; killed when dropped.
pub struct Host {
    child: Child,
    ready_file: PathBuf,
    pub ready: Ready,
}

/// What the ready file says.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Ready {
    pub url: String,
    /// The development issuer; empty under `sluice serve`.
    pub issuer: String,
    pub tokens: BTreeMap<String, String>,
    /// Where metrics are read without a token, if anywhere.
    pub metrics: Option<String>,
}

/// How a command of the command line ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Folder {
    /// A folder of its own, with the data in it.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            data: folder.path().join("data"),
            folder,
            filter: "info",
            environment: Vec::new(),
        }
    }

    /// A folder whose hosts keep their data elsewhere.
    pub fn with_data_at(data: PathBuf) -> Self {
        Self {
            data,
            ..Self::new()
        }
    }

    /// Sets an environment variable of the hosts on it.
    pub fn set(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.environment.push((name, value.into()));
    }

    /// A folder on which hosts log all that any library has to say.
    pub fn talkative() -> Self {
        Self {
            filter: "trace",
            ..Self::new()
        }
    }

    /// A file of the test itself.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the hosts keep their data.
    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// Everything that hosts on this folder wrote to standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("stderr.log")).unwrap_or_default()
    }

    /// The addresses that hosts on this folder have listened on, the oldest first.
    pub fn addresses(&self) -> Vec<String> {
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
    pub async fn next_address(&self, known: usize) -> String {
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
    pub fn files(&self) -> Vec<PathBuf> {
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
    pub fn mock(&self, mocks: &Value) {
        fs::write(self.path("mock.json"), mocks.to_string()).unwrap();
    }

    /// A host that is ready.
    pub async fn host(&self) -> Host {
        Host::start(self, "dev", "ready.json", "").await
    }

    /// A host with a configuration, that is ready.
    pub async fn host_with(&self, config: &str) -> Host {
        Host::start(self, "dev", "ready.json", config).await
    }

    /// Starts a process and waits for nothing.
    pub fn spawn(&self, verb: &str, ready: &str, config: &str) -> (Child, PathBuf) {
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
            .env("SLUICE_LOG", self.filter)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        (command.spawn().unwrap(), ready_file)
    }
}

impl Host {
    /// Starts a host and waits until it is ready.
    pub async fn start(folder: &Folder, verb: &str, ready: &str, config: &str) -> Self {
        let (child, ready_file) = folder.spawn(verb, ready, config);
        Self::when_ready(folder, child, ready_file).await
    }

    /// Waits until a process takes requests.
    pub async fn when_ready(folder: &Folder, mut child: Child, ready_file: PathBuf) -> Self {
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
    pub fn person(&self, name: &str) -> Person {
        let token = self
            .ready
            .tokens
            .get(name)
            .unwrap_or_else(|| panic!("no token for {name}"));
        Person::new(&self.ready.url, Some(token))
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.ready.url
    }

    /// Somebody without a token.
    pub fn nobody(&self) -> Person {
        Person::new(&self.ready.url, None)
    }

    /// The process, while it runs.
    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// SIGKILL, and waits until the process is gone.
    pub async fn kill_9(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGKILL, without waiting: no thread of the process runs on, but it may not be gone yet.
    pub fn strike(&mut self) {
        self.child.start_kill().unwrap();
    }

    /// Asks it to stop, as a service manager does.
    #[cfg(unix)]
    pub async fn terminate(&self) {
        let id = self.child.id().unwrap().to_string();
        let status = Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .await
            .unwrap();
        assert!(status.success());
    }

    /// Waits until it has ended by itself.
    pub async fn ended(mut self) -> std::process::ExitStatus {
        timeout(SOON, self.child.wait()).await.unwrap().unwrap()
    }

    /// Runs a command line as one of the people; files are those of the test's folder.
    pub async fn cli(&self, person: &str, line: &str) -> Ran {
        let mut command = sluice();
        command.args(line.split(' ')).args(["--output", "json"]);
        command.arg("--ready-file").arg(&self.ready_file);
        command.args(["--as", person]);
        command.current_dir(self.ready_file.parent().unwrap());
        ran(command).await
    }
}

/// Runs a command of the command line that is told all it needs.
pub async fn cli(arguments: &[&str]) -> Ran {
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
    let mut command = Command::new(executable::path());
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
