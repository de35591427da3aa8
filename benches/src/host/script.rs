//! A runner without a sandbox, for measurements that are not about components: an attempt whose
//! input says `hang` never ends, any other one is told of and answers at once.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use auth::names::Digest;
use bytes::Bytes;
use ports::{
    Attempt, AttemptReport, Exports, Inspection, Outcome, Rejected, RunError, Runner, Usage,
};
use tokio::sync::mpsc::UnboundedSender;

/// The input that asks an attempt never to end.
pub(crate) const HANG: &str = "hang";
/// Stands for a component that may run again.
pub(crate) const IDEMPOTENT: &[u8] = b"idempotent = true";
const FOREVER: Duration = Duration::from_secs(86_400);

/// An attempt that was run.
pub(crate) struct Heard {
    pub(crate) at: Instant,
    pub(crate) input: String,
}

/// Answers attempts.
#[derive(Clone, Default)]
pub(crate) struct Script {
    /// Who is told of attempts.
    pub(crate) told: Option<UnboundedSender<Heard>>,
}

#[async_trait]
impl Runner for Script {
    async fn inspect(&self, wasm: Bytes) -> Result<Inspection, Rejected> {
        let manifest = std::str::from_utf8(&wasm).ok();
        Ok(Inspection {
            digest: Digest::of(&wasm),
            imports: Vec::new(),
            exports: Exports::Step,
            manifest: manifest.map(ToOwned::to_owned),
        })
    }

    async fn prepare(&self, _digest: &Digest) -> Result<(), RunError> {
        Ok(())
    }

    async fn run(&self, attempt: Attempt) -> Result<AttemptReport, RunError> {
        let outcome = match attempt.input.contains(HANG) {
            true => {
                let _ = tokio::time::timeout(FOREVER, attempt.cancelled.cancelled()).await;
                Outcome::Cancelled
            }
            false => {
                if let Some(told) = &self.told {
                    // Whoever listened may have heard enough.
                    let _ = told.send(Heard {
                        at: Instant::now(),
                        input: attempt.input,
                    });
                }
                Outcome::Succeeded {
                    output: "{}".to_owned(),
                }
            }
        };
        Ok(AttemptReport {
            outcome,
            logs: Vec::new(),
            usage: Usage::default(),
            uses: Vec::new(),
            times: None,
        })
    }
}
