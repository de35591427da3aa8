//! Workflows of ten Tasks in a closed loop.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use asl::Status;
use auth::names::Name;
use auth::policy::Resource;
use engine::StartRequest;
use serde_json::{Map, Value, json};

use crate::figures::Figures;
use crate::host::Host;

const TASKS: usize = 10;
const WARM_UP: usize = 20;
const WORKFLOWS_PER_LANE: usize = 40;

/// What one concurrency came to.
pub(crate) struct Run {
    workflows_per_s: f64,
    transitions_per_s: f64,
    latency: Figures,
    cpu_per_task_us: f64,
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:>7.0} workflows/s   {:>8.0} Task transitions/s   {:>6.0} µs CPU per Task   latency {}",
            self.workflows_per_s, self.transitions_per_s, self.cpu_per_task_us, self.latency
        )
    }
}

pub(crate) async fn run(folder: &Path, component: &[u8], concurrency: usize) -> Result<Run> {
    let folder = folder.join(format!("store-{concurrency}"));
    let host = Arc::new(Host::start(&folder).await?);
    let machine = host.publish(component, &definition()).await?;
    for _ in 0..WARM_UP {
        one(&host, &machine).await?;
    }
    let total = WORKFLOWS_PER_LANE * concurrency.max(4);
    let left = Arc::new(AtomicUsize::new(total));
    let (started, cpu_before) = (Instant::now(), cpu_time());
    let lanes: Vec<_> = (0..concurrency)
        .map(|_| {
            let (host, machine, left) = (Arc::clone(&host), machine.clone(), Arc::clone(&left));
            tokio::spawn(async move {
                let mut times = Vec::new();
                while left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                        left.checked_sub(1)
                    })
                    .is_ok()
                {
                    times.push(one(&host, &machine).await?);
                }
                anyhow::Ok(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for lane in lanes {
        times.extend(lane.await??);
    }
    let (elapsed, cpu) = (started.elapsed(), cpu_time().saturating_sub(cpu_before));
    if let Ok(host) = Arc::try_unwrap(host) {
        host.end().await?;
    }
    #[expect(clippy::cast_precision_loss, reason = "some thousands of workflows")]
    let (workflows, tasks) = (total as f64, (total * TASKS) as f64);
    Ok(Run {
        workflows_per_s: workflows / elapsed.as_secs_f64(),
        transitions_per_s: tasks / elapsed.as_secs_f64(),
        latency: Figures::of(times),
        cpu_per_task_us: cpu.as_secs_f64() * 1e6 / tasks,
    })
}

async fn one(host: &Host, machine: &Name) -> Result<Duration> {
    let started = Instant::now();
    let permit = host.permit("operators", &Resource::state_machine(machine))?;
    let request = StartRequest {
        state_machine: machine.clone(),
        qualifier: None,
        name: None,
        mock_case: None,
        input: json!({"name": "Ada"}),
        trace: None,
    };
    let execution = host.engine.start(permit, request).await?.into_inner();
    if let Some(mut follower) = host.engine.follow(&execution.id).await? {
        while follower.changed().await.is_ok() {}
    }
    let elapsed = started.elapsed();
    let description = host.engine.find(execution.id.as_str()).await?;
    let status = description.map(|description| description.summary.status);
    ensure!(
        status == Some(Status::Succeeded),
        "a workflow ended as {status:?}"
    );
    Ok(elapsed)
}

/// Ten Tasks in a row, each given the same small input.
fn definition() -> Value {
    let mut states = Map::new();
    for number in 1..=TASKS {
        let mut state =
            json!({"Type": "Task", "Resource": "component:bench", "ResultPath": "$.greeting"});
        if let Value::Object(state) = &mut state {
            match number {
                TASKS => state.insert("End".to_owned(), json!(true)),
                _ => state.insert("Next".to_owned(), json!(format!("Step{}", number + 1))),
            };
        }
        states.insert(format!("Step{number}"), state);
    }
    json!({"StartAt": "Step1", "States": states})
}

/// User and system time of this process, where the system tells it.
fn cpu_time() -> Duration {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return Duration::ZERO;
    };
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}
