//! What a map run asks its execution for: child executions, items, the writing of results.

use std::sync::Arc;

use asl::{ChildRun, EffectId, EventKind, ItemsRead, ResultsWrite};
use tokio_util::sync::CancellationToken;

use super::Actor;
use super::attempt::{Finished, LOST, RunningAttempt};
use crate::map_runs::{ChildEnd, Family};

/// Something of a map run that takes time.
pub(crate) enum RunWork {
    Child(ChildRun),
    Read(ItemsRead),
    Write(ResultsWrite),
}

impl RunWork {
    pub(super) fn effect(&self) -> EffectId {
        match self {
            Self::Child(child) => child.effect,
            Self::Read(read) => read.effect,
            Self::Write(write) => write.effect,
        }
    }
}

impl Actor {
    pub(super) fn spawn_run_work(&mut self, work: RunWork) {
        let effect = work.effect();
        let cancelled = CancellationToken::new();
        let (shared, token) = (Arc::clone(&self.shared), cancelled.clone());
        let family = Family {
            start: Arc::clone(&self.start),
            machine: Arc::clone(&self.machine),
        };
        let task = self.attempts.spawn(async move {
            let answer = match work {
                RunWork::Child(child) => {
                    // It goes on to its end even if the one that waits for it is cut off.
                    let tasks = shared.tasks.clone();
                    let ended = tasks.spawn(shared.run_child(family, child, token));
                    let ended = ended.await.unwrap_or_else(|_| ChildEnd::Failed {
                        error: "Sluice.Interrupted".to_owned(),
                        cause: LOST.to_owned(),
                    });
                    answer(effect, ended)
                }
                RunWork::Read(read) => shared.read_items(&family, read, &token).await,
                RunWork::Write(write) => shared.write_results(&family, write, &token).await,
            };
            Finished::RunWork { effect, answer }
        });
        let task = task.id();
        self.running
            .insert(effect, RunningAttempt { cancelled, task });
    }
}

fn answer(effect: EffectId, end: ChildEnd) -> Option<EventKind> {
    match end {
        ChildEnd::Succeeded(output) => Some(EventKind::ChildSucceeded { effect, output }),
        ChildEnd::Failed { error, cause } => Some(EventKind::ChildFailed {
            effect,
            error,
            cause,
        }),
        ChildEnd::Unknown => None,
    }
}
