//! A runner without a sandbox: what is given a token answers at once, anything else never.

use std::time::Duration;

use async_trait::async_trait;
use auth::names::Digest;
use bytes::Bytes;
use ports::{
    Attempt, AttemptReport, Exports, Inspection, Outcome, Rejected, RunError, Runner, Usage,
};

/// Answers attempts by script.
pub(crate) struct Script;

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
        let outcome = match attempt.input.contains("token") {
            true => Outcome::Succeeded {
                output: "{}".to_owned(),
            },
            false => {
                let never = Duration::from_secs(86_400);
                let _ = tokio::time::timeout(never, attempt.cancelled.cancelled()).await;
                Outcome::Cancelled
            }
        };
        Ok(AttemptReport {
            outcome,
            logs: Vec::new(),
            usage: Usage::default(),
            uses: Vec::new(),
        })
    }
}
