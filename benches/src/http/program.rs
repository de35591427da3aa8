//! The host's program, in a process of its own, with a state machine to start.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::Connection;
use crate::usage::{self, Memory};

/// How long the program may take to be ready.
const READY_MAX: Duration = Duration::from_secs(30);
/// How often its ready file is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// A running `sluice dev`; killed when dropped.
pub(crate) struct Program {
    child: Child,
    ready: Ready,
    pub(crate) address: SocketAddr,
    /// From starting the process to its ready file.
    pub(crate) ready_after: Duration,
}

#[derive(Deserialize)]
struct Ready {
    url: String,
    tokens: BTreeMap<String, String>,
}

impl Program {
    /// Starts the program on a data folder and waits until it takes requests.
    ///
    /// # Errors
    /// It cannot be started, or ends.
    pub(crate) async fn start(program: &Path, data: &Path) -> Result<Self> {
        let file: PathBuf = data.with_extension("ready");
        if file.exists() {
            std::fs::remove_file(&file)?;
        }
        let began = Instant::now();
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SLUICE_") {
                command.env_remove(name);
            }
        }
        let mut child = command
            .args(["dev", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .arg("--ready-file")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("the host cannot be started")?;
        while !file.exists() {
            if let Some(status) = child.try_wait()? {
                bail!("the host ended before it was ready: {status}");
            }
            ensure!(
                began.elapsed() < READY_MAX,
                "the host was not ready in time"
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let ready_after = began.elapsed();
        let ready: Ready = serde_json::from_slice(&std::fs::read(&file)?)?;
        let address = ready
            .url
            .trim_start_matches("http://")
            .trim_end_matches('/');
        Ok(Self {
            address: address.parse().context("the host listens on an address")?,
            child,
            ready,
            ready_after,
        })
    }

    /// A connection of one of the ready-made people.
    pub(crate) async fn connect(&self, person: &str) -> Result<Connection> {
        let token = self.ready.tokens.get(person);
        let token = token.with_context(|| format!("no token for `{person}`"))?;
        Connection::open(self.address, Some(token)).await
    }

    /// Uploads the component, has it approved under a role, and publishes a state machine.
    pub(crate) async fn publish(
        &self,
        machine: &str,
        component: &[u8],
        definition: &Value,
    ) -> Result<()> {
        let mut author = self.connect("author").await?;
        let path = "/v1/components/bench/versions/1.0.0";
        let (wasm, component) = ("application/wasm", component.to_vec());
        author.send_as(wasm, Method::PUT, path, component).await?;
        let mut operator = self.connect("operator").await?;
        let role = json!({"limits": {"concurrency": 256}}).to_string();
        operator.send(Method::PUT, "/v1/roles/bench", role).await?;
        let review = json!({"component": "bench", "version": "1.0.0", "role": "bench",
            "decision": "approve", "comment": ""});
        let mut reviewer = self.connect("reviewer").await?;
        let review = review.to_string();
        reviewer.send(Method::POST, "/v1/reviews", review).await?;
        let path = format!("/v1/state-machines/{machine}?role=bench");
        let definition = definition.to_string();
        operator.send(Method::PUT, &path, definition).await?;
        Ok(())
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        usage::memory_of(&self.process()?)
    }

    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        usage::cpu_time_of(&self.process()?)
    }

    fn process(&self) -> Result<String> {
        let id = self.child.id();
        Ok(id.context("the host runs")?.to_string())
    }

    pub(crate) async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// Starts an execution over HTTP and waits for its end.
///
/// # Errors
/// It did not succeed.
pub(crate) async fn run(operator: &mut Connection, machine: &str, input: &Value) -> Result<()> {
    let start = json!({"stateMachine": machine, "input": input}).to_string();
    let started = operator.send(Method::POST, "/v1/executions", start).await?;
    let started: Value = serde_json::from_slice(&started)?;
    let id = started.get("id").and_then(Value::as_str);
    let path = format!("/v1/executions/{}/events", id.context("an id")?);
    let events = operator.send(Method::GET, &path, "").await?;
    let events = std::str::from_utf8(&events)?;
    ensure!(
        events.contains("ExecutionSucceeded"),
        "an execution did not succeed: {events}"
    );
    Ok(())
}
