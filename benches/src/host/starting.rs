//! Starting executions, and waiting for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use auth::names::Name;
use auth::policy::Resource;
use engine::{StartRequest, Started};
use serde_json::Value;

use super::Host;
use crate::closed_loop::Lane;

/// How many executions are started side by side where there are many.
pub(crate) const LANES: usize = 256;

impl Host {
    pub(crate) async fn begin(&self, machine: &Name, input: Value) -> Result<Started> {
        let permit = self.permit("operators", &Resource::state_machine(machine))?;
        let request = StartRequest::new(machine.clone(), input);
        Ok(self.engine.start(permit, request).await?.into_inner())
    }

    /// Starts an execution and waits until its end is durable.
    pub(crate) async fn run(&self, machine: &Name, input: Value) -> Result<()> {
        let started = self.begin(machine, input).await?;
        if let Some(mut follower) = self.engine.follow(&started.id).await? {
            while follower.changed().await.is_ok() {}
        }
        Ok(())
    }

    /// Starts an execution of an express state machine and waits for its answer.
    pub(crate) async fn run_express(&self, machine: &Name, input: Value) -> Result<()> {
        let resource = Resource::state_machine(machine);
        let (start, read) = (
            self.permit("operators", &resource)?,
            self.permit("operators", &resource)?,
        );
        let request = StartRequest::new(machine.clone(), input);
        let ended = self.engine.start_and_wait(start, read, request).await?;
        let status = ended.summary.status;
        ensure!(
            status == asl::Status::Succeeded,
            "an execution ended as {status:?}"
        );
        Ok(())
    }
}

/// A lane that runs executions to their end.
pub(crate) struct Workflows {
    pub(crate) host: Arc<Host>,
    pub(crate) machine: Name,
    pub(crate) input: Value,
}

impl Lane for Workflows {
    async fn once(&mut self) -> Result<()> {
        self.host.run(&self.machine, self.input.clone()).await
    }
}

/// Starts so many executions, each with the input of its number.
///
/// # Errors
/// One of them was refused.
pub(crate) async fn start_all(
    host: &Arc<Host>,
    machine: &Name,
    count: usize,
    input: impl Fn(usize) -> Value + Clone + Send + 'static,
) -> Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    let lanes: Vec<_> = (0..LANES)
        .map(|_| {
            let (host, machine) = (Arc::clone(host), machine.clone());
            let (next, input) = (Arc::clone(&next), input.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return anyhow::Ok(());
                    }
                    host.begin(&machine, input(number)).await?;
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.await??;
    }
    Ok(())
}
