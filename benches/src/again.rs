//! This program again, in a process of its own: so that its memory is its own, that it can be
//! killed, and that what it does ends when it has taken too long.
//!
//! A part is given JSON and answers one line of JSON. It lives no longer than whoever asked for it,
//! which it notices by the end of its input.

use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::oneshot;

use crate::http;
use crate::measurements::{self, parts};

/// How long a part may take to end once nobody wants it any more.
const END_MAX: Duration = Duration::from_secs(10);

/// The parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Inside {
    /// One measurement.
    Measurement,
    /// Maps at once, for their memory.
    Maps,
    /// Parks executions and ends.
    Park,
    /// Leaves executions in the middle of a Task, to be killed.
    LeaveOpen,
    /// Takes up what is open, to be killed.
    TakeUp,
    /// Opens a store and ends.
    Open,
    /// Answers requests with what they say.
    Echo,
}

/// A part under way; killed when dropped.
pub(crate) struct Again {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Again {
    /// Starts a part.
    ///
    /// # Errors
    /// The process cannot be started.
    pub(crate) fn start(inside: Inside, given: &impl Serialize) -> Result<Self> {
        let value = inside.to_possible_value().context("a part has a name")?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--inside", value.get_name(), "--given"])
            .arg(serde_json::to_string(given)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("this program cannot be started again")?;
        let answers = child.stdout.take().context("the output is piped")?;
        Ok(Self {
            child,
            answers: BufReader::new(answers),
        })
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// The part failed, for the reason that it says.
    pub(crate) async fn answer<T: DeserializeOwned>(&mut self) -> Result<T> {
        let mut line = String::new();
        self.answers.read_line(&mut line).await?;
        if line.is_empty() {
            bail!("it ended without an answer: {}", self.child.wait().await?);
        }
        let answer: Result<T, String> = serde_json::from_str(&line)?;
        answer.map_err(anyhow::Error::msg)
    }

    /// SIGKILL, and waits until the process is gone.
    pub(crate) async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Lets the part know that it is no longer wanted, and kills it if it does not heed that.
    pub(crate) async fn end(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        if tokio::time::timeout(END_MAX, self.child.wait())
            .await
            .is_err()
        {
            self.child.kill().await?;
        }
        Ok(())
    }
}

/// Starts a part that ends with its answer, and waits for it.
///
/// # Errors
/// It failed.
pub(crate) async fn ask<T: DeserializeOwned>(inside: Inside, given: &impl Serialize) -> Result<T> {
    let mut again = Again::start(inside, given)?;
    let answer = again.answer().await?;
    again.end().await?;
    Ok(answer)
}

/// Does a part, as whoever started this process asks.
///
/// # Errors
/// What it came to cannot be told.
pub(crate) async fn inside(inside: Inside, given: Option<&str>) -> Result<()> {
    let given = serde_json::from_str(given.unwrap_or("null"))?;
    let unwanted = unwanted()?;
    let done = tokio::select! {
        biased;
        done = part(inside, given) => done,
        _ = unwanted => return Ok(()),
    };
    match done {
        Ok(()) => Ok(()),
        Err(error) => write(&Err::<Value, _>(format!("{error:#}"))),
    }
}

async fn part(inside: Inside, given: Value) -> Result<()> {
    match inside {
        Inside::Measurement => {
            answer(&measurements::inside(&serde_json::from_value(given)?).await?)
        }
        Inside::Maps => answer(&parts::maps::run(serde_json::from_value(given)?).await?),
        Inside::Park => answer(&parts::parking::park(serde_json::from_value(given)?).await?),
        Inside::Open => answer(&parts::opening::open(serde_json::from_value(given)?).await?),
        Inside::LeaveOpen => {
            let host = parts::opening::leave_open(serde_json::from_value(given)?).await?;
            stay(&Value::Null, host).await
        }
        Inside::TakeUp => {
            let (host, taken_up) = parts::opening::take_up(serde_json::from_value(given)?).await?;
            stay(&taken_up, host).await
        }
        Inside::Echo => {
            let (address, serving) = http::echo::serve().await?;
            answer(&address)?;
            serving.await
        }
    }
}

/// Answers, and keeps everything as it is until the process is killed.
async fn stay<T>(told: &impl Serialize, kept: T) -> Result<()> {
    answer(told)?;
    std::future::pending::<()>().await;
    drop(kept);
    Ok(())
}

fn answer(value: &impl Serialize) -> Result<()> {
    write(&Ok(value))
}

fn write(answer: &Result<impl Serialize, String>) -> Result<()> {
    println!("{}", serde_json::to_string(answer)?);
    Ok(())
}

/// Told when this process's input ends.
fn unwanted() -> Result<oneshot::Receiver<()>> {
    let (tell, told) = oneshot::channel();
    std::thread::Builder::new()
        .name("unwanted".to_owned())
        .spawn(move || {
            let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
            let _ = tell.send(());
        })?;
    Ok(told)
}
