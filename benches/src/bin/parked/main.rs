//! Measures executions that only wait: what they keep in memory, how they are woken, and how a
//! host recovers. `cargo run --release --bin parked -- [EXECUTIONS] [FOLDER]`.
//!
//! Owns the order of the measurements. The host is the engine with its real store, without HTTP;
//! components are not run, as nothing here is about them.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

mod host;
mod script;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use asl::Timestamp;
use serde_json::{Value, json};

use host::{CONCURRENCY_MAX, Host};

/// Starts under way at once.
const LANES: usize = 256;
/// Memory is told after so many.
const STEP: usize = 100_000;

fn main() -> Result<()> {
    let threads = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    threads.block_on(measure())
}

async fn measure() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let count = arguments.next().map_or(Ok(STEP), |count| count.parse())?;
    let own = tempfile::tempdir()?;
    let folder = arguments.next().map(Into::into);
    let folder = folder.unwrap_or_else(|| own.path().to_owned());
    parked(&folder.join("parked"), count).await?;
    due_at_once(&folder.join("due"), count.min(STEP)).await?;
    in_mid_task(&folder.join("active"), count.min(STEP)).await
}

/// Parks executions for a day, half of them without a timer, then opens the store again.
async fn parked(folder: &Path, count: usize) -> Result<()> {
    println!("{count} parked executions");
    let host = Arc::new(Host::start(folder).await?);
    println!("  resident before                     {}", resident());
    host.publish("wait", &waits("$.at")).await?;
    host.publish("ask", &asks()).await?;
    let began = Instant::now();
    for done in (0..count).step_by(STEP) {
        let part = STEP.min(count - done);
        let at = Timestamp(now().0 + 86_400_000);
        start_all(&host, part / 2, "wait", json!({"at": at.to_rfc3339()})).await?;
        start_all(&host, part - part / 2, "ask", json!({})).await?;
        host.until_idle().await;
        println!(
            "  resident after {:<9}            {} ({:.0} starts/s, {} in memory)",
            done + part,
            resident(),
            per_second(done + part, began.elapsed()),
            host.engine.load().executions_running,
        );
    }
    end(host).await?;
    let began = Instant::now();
    let host = Host::start(folder).await?;
    println!(
        "  ready again after                   {:?}",
        began.elapsed()
    );
    println!("  resident then                       {}", resident());
    host.end().await
}

/// Has executions come due while no host runs, and measures until the last one has ended.
async fn due_at_once(folder: &Path, count: usize) -> Result<()> {
    println!("{count} timers due at once");
    let host = Arc::new(Host::start(folder).await?);
    host.publish("wait", &waits("$.at")).await?;
    let began = Instant::now();
    // Later than the last start, wherever this runs.
    let at = Timestamp(now().0 + 10_000 + i64::try_from(count)? * 2);
    start_all(&host, count, "wait", json!({"at": at.to_rfc3339()})).await?;
    println!(
        "  started in                          {:?}",
        began.elapsed()
    );
    ensure!(
        now() < at,
        "the timers came due while executions were started"
    );
    host.until_idle().await;
    end(host).await?;
    let left = u64::try_from(at.0.saturating_sub(now().0)).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(left)).await;
    let began = Instant::now();
    let host = Host::start(folder).await?;
    let mut most = 0;
    let mut slowest = Duration::ZERO;
    loop {
        let asked = Instant::now();
        host.find_nothing().await?;
        slowest = slowest.max(asked.elapsed());
        let in_memory = host.engine.load().executions_running;
        most = most.max(in_memory);
        if in_memory == 0 && !host.running("wait").await? {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!(
        "  all ended after                     {:?} ({:.0}/s)",
        began.elapsed(),
        per_second(count, began.elapsed())
    );
    println!("  most in memory at once              {most}");
    println!("  slowest look-up meanwhile           {slowest:?}");
    println!("  resident then                       {}", resident());
    host.end().await
}

/// Leaves executions in the middle of a Task, as a crash does, and opens the store again.
async fn in_mid_task(folder: &Path, count: usize) -> Result<()> {
    println!("{count} executions in the middle of a Task");
    let host = Arc::new(Host::start(folder).await?);
    for (number, started) in (0..count).step_by(CONCURRENCY_MAX).enumerate() {
        let machine = format!("work-{number}");
        host.publish(&machine, &works()).await?;
        let part = CONCURRENCY_MAX.min(count - started);
        start_all(&host, part, &machine, json!({})).await?;
    }
    let load = host.engine.load();
    ensure!(load.attempts_running == count, "{load:?}");
    println!("  resident with all of them           {}", resident());
    end(host).await?;
    let began = Instant::now();
    let host = Host::start(folder).await?;
    println!(
        "  recovered after                     {:?}",
        began.elapsed()
    );
    println!("  resident then                       {}", resident());
    ensure!(
        host.engine.load().executions_running == count,
        "{} of {count} were recovered",
        host.engine.load().executions_running
    );
    host.end().await
}

async fn end(host: Arc<Host>) -> Result<()> {
    let host = Arc::into_inner(host).context("nobody else has the host")?;
    host.end().await
}

async fn start_all(host: &Arc<Host>, count: usize, machine: &str, input: Value) -> Result<()> {
    let left = Arc::new(AtomicUsize::new(count));
    let lanes = (0..LANES).map(|_| {
        let (host, left, input) = (Arc::clone(host), Arc::clone(&left), input.clone());
        let machine = machine.to_owned();
        tokio::spawn(async move {
            let one_less = |left: usize| left.checked_sub(1);
            let take = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
            while take().is_ok() {
                host.start_one(&machine, input.clone()).await?;
            }
            anyhow::Ok(())
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await??;
    }
    Ok(())
}

fn waits(path: &str) -> Value {
    json!({"StartAt": "Wait", "States": {
        "Wait": {"Type": "Wait", "TimestampPath": path, "Next": "Done"},
        "Done": {"Type": "Succeed"},
    }})
}

fn asks() -> Value {
    json!({"StartAt": "Ask", "States": {"Ask": {
        "Type": "Task", "End": true,
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "bench", "Payload": {"token.$": "$$.Task.Token"}},
    }}})
}

/// A Task whose component never returns.
fn works() -> Value {
    json!({"StartAt": "Work", "States": {
        "Work": {"Type": "Task", "Resource": "component:bench", "End": true},
    }})
}

fn now() -> Timestamp {
    ports::Clock::now(&host::SystemClock)
}

#[expect(clippy::cast_precision_loss, reason = "some millions of executions")]
fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// The resident memory of this process, where the system tells it.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmRSS:"));
    line.map_or("not told by this system".to_owned(), |line| {
        line.trim().to_owned()
    })
}
