//! Forgetting what was kept long enough: executions that ended, revisions of state machines that
//! nothing refers to any more, and old links of the audit log.
//!
//! Owns when the rules are applied again. It works beside everything else, one small commit at a
//! time, and rests as long as each took. What a commit takes away is told in the audit log by the
//! same commit, so that a crash leaves both or neither.

mod executions;
mod links;
mod machines;
mod revisions;

use std::sync::Arc;
use std::time::Duration;

use asl::Timestamp;
use ports::{AuditRecord, Commit, CommitError, Decision, Upkeep};
use serde_json::Value;
use tokio::time::Instant;

use crate::Error;
use crate::shared::Shared;
use executions::Held;
use links::PRUNE_EVERY_MS;
use revisions::REVISIONS_EVERY_MS;

pub use machines::{MachineNames, MachineRule};

/// Executions of one commit.
const BATCH: usize = 32;
/// What is due waits so long at the most for more to become due, in milliseconds.
const GATHER_MS_MAX: i64 = 60_000;
/// The longest sleep: the time of day may be set while nobody looks.
const SLEEP_MAX: Duration = Duration::from_secs(3600);
/// When to try again after the store failed, in milliseconds.
const RETRY_MS: i64 = 60_000;
/// How long to rest after a commit, at the most.
const REST_MAX: Duration = Duration::from_secs(1);

/// What is kept for how long; everything for ever where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionRules {
    /// Executions expire so many days after they ended.
    pub executions_days: Option<u32>,
    /// Of the executions that ended, so many are kept: those that ended last.
    pub executions_max: Option<u64>,
    /// Links of the audit log are pruned after so many days.
    pub audit_days: Option<u32>,
    /// What stands in place of the first two for some state machines; the first that names one.
    pub state_machines: Vec<MachineRule>,
}

/// How many days and how many executions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    days: Option<u32>,
    most: Option<u64>,
}

impl Limits {
    fn age_ms(self) -> Option<i64> {
        self.days.map(days)
    }
}

impl RetentionRules {
    /// The limits of executions that no rule of their own is for.
    fn host_limits(&self) -> Limits {
        Limits {
            days: self.executions_days,
            most: self.executions_max,
        }
    }

    /// Every limit on executions.
    fn limits(&self) -> impl Iterator<Item = Limits> {
        let own = self.state_machines.iter().map(MachineRule::limits);
        own.chain([self.host_limits()])
    }

    /// Whether any execution may expire.
    fn takes_executions(&self) -> bool {
        let mut limits = self.limits();
        limits.any(|limits| limits.days.is_some() || limits.most.is_some())
    }

    fn is_empty(&self) -> bool {
        !self.takes_executions() && self.audit_days.is_none()
    }

    /// How many more than allowed are let be, so that they expire together.
    fn slack(&self) -> u64 {
        let most = self.executions_max.unwrap_or_default();
        (most / 10).min(BATCH as u64)
    }
}

fn days(days: u32) -> i64 {
    i64::from(days).saturating_mul(86_400_000)
}

/// When the rules are to be applied again.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    /// When something is due by its age.
    at: Option<Timestamp>,
    /// Once so many executions have ended since the last look.
    ends: Option<u64>,
    /// Not before this has passed.
    rest: Duration,
}

impl Look {
    /// The same, and at this time.
    fn and_at(self, at: Timestamp) -> Self {
        let at = Some(self.at.map_or(at, |first| first.min(at)));
        Self { at, ..self }
    }
}

/// When what is looked at rarely was looked at last, and what is passed over until then.
struct LookedAt {
    links: Timestamp,
    revisions: Timestamp,
    held: Held,
}

impl Shared {
    /// Applies the rules as time passes and executions end, until the host drains.
    pub(crate) async fn retain(self: Arc<Self>) {
        let rules = self.config.retention.clone();
        if rules.is_empty() {
            return;
        }
        let mut looked_at = LookedAt {
            links: Timestamp(i64::MIN),
            revisions: Timestamp(i64::MIN),
            held: Held::default(),
        };
        let mut ended = self.ended.subscribe();
        loop {
            let before = *ended.borrow_and_update();
            let swept = tokio::select! {
                biased;
                () = self.draining.cancelled() => return,
                swept = self.sweep(&rules, &mut looked_at) => swept,
            };
            let look = swept.unwrap_or_else(|error| {
                tracing::warn!(%error, "retention has to wait");
                Look::default().and_at(self.ports.clock.now().plus_ms(RETRY_MS))
            });
            let enough_ended = async {
                match look.ends {
                    Some(ends) => {
                        let target = before.saturating_add(ends);
                        // The count goes on for as long as this does.
                        let _ = ended.wait_for(|count| *count >= target).await;
                    }
                    None => std::future::pending().await,
                }
            };
            let until_look = async {
                tokio::time::sleep(look.rest).await;
                tokio::select! {
                    biased;
                    () = tokio::time::sleep(self.until(look.at)) => {}
                    () = enough_ended => {}
                }
            };
            tokio::select! {
                biased;
                () = self.draining.cancelled() => return,
                () = until_look => {}
            }
        }
    }

    fn until(&self, at: Option<Timestamp>) -> Duration {
        let Some(at) = at else { return SLEEP_MAX };
        let left = at.0.saturating_sub(self.ports.clock.now().0);
        Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(SLEEP_MAX)
    }

    /// Applies every rule; when to look again.
    async fn sweep(&self, rules: &RetentionRules, looked_at: &mut LookedAt) -> Result<Look, Error> {
        self.clear_leftovers().await?;
        let mut look = match rules.state_machines.is_empty() {
            true => self.expire(rules, &mut looked_at.held).await?,
            false => self.expire_by_machine(rules).await?,
        };
        if rules.takes_executions() {
            let again = looked_at.revisions.plus_ms(REVISIONS_EVERY_MS);
            let now = self.ports.clock.now();
            let is_due = again <= now;
            if is_due {
                looked_at.revisions = now;
                self.prune_revisions().await?;
            }
            look = look.and_at(looked_at.revisions.plus_ms(REVISIONS_EVERY_MS));
        }
        if let Some(audit_days) = rules.audit_days {
            let again = looked_at.links.plus_ms(PRUNE_EVERY_MS);
            let now = self.ports.clock.now();
            look = look.and_at(match again <= now {
                false => again,
                true => {
                    looked_at.links = now;
                    let due = self.prune(audit_days).await?;
                    due.max(now.plus_ms(PRUNE_EVERY_MS))
                }
            });
        }
        Ok(look)
    }

    async fn commit_upkeep(&self, upkeep: Upkeep, audit: Vec<AuditRecord>) -> Result<(), Error> {
        let commit = Commit {
            upkeep,
            audit,
            ..Commit::default()
        };
        match self.commit(commit).await {
            Ok(_) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(error) => Err(Error::host(error)),
        }
    }

    /// As long as the last commit took, so that half of the time is everybody else's.
    async fn rest(&self, begun: Instant) {
        tokio::time::sleep(begun.elapsed().min(REST_MAX)).await;
    }

    fn retention_record(
        &self,
        action: &str,
        at: Timestamp,
        request: Value,
        outcome: Value,
    ) -> AuditRecord {
        AuditRecord {
            at,
            caller: None,
            through: "engine".to_owned(),
            action: action.to_owned(),
            resource: "host".to_owned(),
            request,
            decision: Decision::Allowed { rules: Vec::new() },
            outcome,
            execution: None,
            state: None,
            attempt: None,
            checkpoint: None,
        }
    }
}
