//! Forgetting what was kept long enough: executions that ended, and old links of the audit log.
//!
//! Owns which rule applies to what and when it is looked at again. It works beside everything
//! else, one small commit at a time, and rests as long as each took. What a commit takes away is
//! told in the audit log by the same commit, so that a crash leaves both or neither.

use std::sync::Arc;
use std::time::Duration;

use asl::Timestamp;
use ports::{
    AuditRecord, Commit, CommitError, Decision, EXPIRE_EXECUTIONS, Ended, Expirable, PRUNE_AUDIT,
    Upkeep,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::Error;
use crate::shared::Shared;

/// Executions of one commit.
const BATCH: usize = 32;
/// What is due waits so long at the most for more to become due, in milliseconds.
const GATHER_MS_MAX: i64 = 60_000;
/// Links of the audit log are gathered for so long before they are pruned, in milliseconds.
const PRUNE_EVERY_MS: i64 = 3_600_000;
/// When an execution is looked at again that a running one started, in milliseconds.
const HOLD_MS: i64 = 600_000;
/// The longest sleep: the time of day may be set while nobody looks.
const SLEEP_MAX: Duration = Duration::from_secs(3600);
/// How long to wait after the store failed.
const RETRY: Duration = Duration::from_secs(60);
/// How long to rest after a commit, at the most.
const REST_MAX: Duration = Duration::from_secs(1);

/// What is kept for how long; everything for ever where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionRules {
    /// Executions expire so many days after they ended.
    pub executions_days: Option<u32>,
    /// Of the executions that ended, so many are kept: those that ended last.
    pub executions_max: Option<u64>,
    /// Links of the audit log are pruned after so many days.
    pub audit_days: Option<u32>,
}

impl RetentionRules {
    fn executions_age_ms(&self) -> Option<i64> {
        self.executions_days.map(days)
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
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

/// Why an execution expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Age,
    Count,
}

impl Shared {
    /// Applies the rules as time passes and executions end, until the host drains.
    pub(crate) async fn retain(self: Arc<Self>) {
        let rules = self.config.retention;
        if rules.is_empty() {
            return;
        }
        let mut pruned_at = Timestamp(i64::MIN);
        loop {
            let swept = tokio::select! {
                biased;
                () = self.draining.cancelled() => return,
                swept = self.sweep(&rules, &mut pruned_at) => swept,
            };
            let wake = match swept {
                Ok(wake) => self.until(wake),
                Err(error) => {
                    tracing::warn!(%error, "retention has to wait");
                    RETRY
                }
            };
            // Nothing falls due by its age within the longest sleep after it ended.
            let woken = async {
                match rules.executions_max {
                    Some(_) => self.ended.notified().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.draining.cancelled() => return,
                () = tokio::time::sleep(wake) => {}
                () = woken => {}
            }
        }
    }

    fn until(&self, at: Option<Timestamp>) -> Duration {
        let Some(at) = at else { return SLEEP_MAX };
        let left = at.0.saturating_sub(self.ports.clock.now().0);
        Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(SLEEP_MAX)
    }

    /// Applies every rule; when to look again.
    async fn sweep(
        &self,
        rules: &RetentionRules,
        pruned_at: &mut Timestamp,
    ) -> Result<Option<Timestamp>, Error> {
        self.clear_leftovers().await?;
        let executions = self.expire(rules).await?;
        let Some(audit_days) = rules.audit_days else {
            return Ok(executions);
        };
        let again = pruned_at.plus_ms(PRUNE_EVERY_MS);
        let now = self.ports.clock.now();
        let audit = match again <= now {
            false => again,
            true => {
                *pruned_at = now;
                self.prune(audit_days)
                    .await?
                    .max(now.plus_ms(PRUNE_EVERY_MS))
            }
        };
        Ok(Some(executions.map_or(audit, |at| at.min(audit))))
    }

    /// Lets executions expire until no rule applies any more.
    async fn expire(&self, rules: &RetentionRules) -> Result<Option<Timestamp>, Error> {
        let age = rules.executions_age_ms();
        if age.is_none() && rules.executions_max.is_none() {
            return Ok(None);
        }
        let mut slack = rules.slack();
        let mut size = 1;
        loop {
            let page = self.ports.retention.ended(None, size).await?;
            let now = self.ports.clock.now();
            let over = rules
                .executions_max
                .map_or(0, |most| page.count.saturating_sub(most));
            let over = if over > slack { over } else { 0 };
            let rule = |(index, item): (u64, &Expirable)| {
                let at = item.ended.at;
                match age {
                    _ if at > now => None,
                    Some(age) if at.plus_ms(age) <= now => Some(Rule::Age),
                    Some(_) | None => (index < over).then_some(Rule::Count),
                }
            };
            let due: Vec<_> = (0..)
                .zip(&page.items)
                .map_while(|item| rule(item).map(|rule| (item.1, rule)))
                .collect();
            if due.is_empty() {
                let first = page.items.first().map(|item| item.ended.at);
                return Ok(first.and_then(|at| next_look(at, age, over > 0)));
            }
            slack = 0;
            if size < BATCH {
                size = BATCH;
                continue;
            }
            let begun = Instant::now();
            self.commit_expiry(rules, &due, now).await?;
            self.clear_leftovers().await?;
            self.rest(begun).await;
        }
    }

    async fn commit_expiry(
        &self,
        rules: &RetentionRules,
        due: &[(&Expirable, Rule)],
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut upkeep = Upkeep::default();
        let mut audit = Vec::new();
        let held = due.iter().filter(|(item, _)| item.is_held);
        let again = now.plus_ms(HOLD_MS);
        upkeep.postpone = held.map(|(item, _)| (item.ended.clone(), again)).collect();
        for rule in [Rule::Age, Rule::Count] {
            let of_rule = due.iter().filter(|(item, by)| *by == rule && !item.is_held);
            let expired: Vec<_> = of_rule.map(|(item, _)| *item).collect();
            if expired.is_empty() {
                continue;
            }
            let request = match rule {
                Rule::Age => json!({"rule": "executions_days", "limit": rules.executions_days}),
                Rule::Count => json!({"rule": "executions_max", "limit": rules.executions_max}),
            };
            let told = expired
                .iter()
                .map(|item| json!({"id": item.ended.id, "arn": item.arn}));
            let outcome = json!({"executions": told.collect::<Vec<_>>()});
            audit.push(self.retention_record(EXPIRE_EXECUTIONS, now, request, outcome));
            let ended = expired.iter().map(|item| item.ended.clone());
            upkeep.expire.extend(ended);
        }
        let expired = upkeep.expire.len();
        self.commit_upkeep(upkeep, audit).await?;
        if expired > 0 {
            tracing::info!(executions = expired, "executions expired");
        }
        Ok(())
    }

    /// Removes what is left of large executions that expired.
    async fn clear_leftovers(&self) -> Result<(), Error> {
        loop {
            let left: Vec<Ended> = self.ports.retention.leftovers(BATCH).await?;
            if left.is_empty() {
                return Ok(());
            }
            let begun = Instant::now();
            let upkeep = Upkeep {
                expire: left,
                ..Upkeep::default()
            };
            self.commit_upkeep(upkeep, Vec::new()).await?;
            self.rest(begun).await;
        }
    }

    /// Prunes the audit log; when its oldest link is due.
    async fn prune(&self, audit_days: u32) -> Result<Timestamp, Error> {
        let age = days(audit_days);
        let retention = &self.ports.retention;
        loop {
            let now = self.ports.clock.now();
            let Some(anchor) = retention.prunable(now.plus_ms(-age)).await? else {
                let oldest = retention.oldest_link().await?;
                return Ok(oldest.unwrap_or(now).plus_ms(age));
            };
            let begun = Instant::now();
            let upkeep = Upkeep {
                prune: Some(anchor),
                ..Upkeep::default()
            };
            let request = json!({"rule": "audit_days", "limit": audit_days});
            let outcome = json!({"anchor": anchor.to_json()});
            let record = self.retention_record(PRUNE_AUDIT, now, request, outcome);
            self.commit_upkeep(upkeep, vec![record]).await?;
            tracing::info!(up_to = anchor.length, "the audit log was pruned");
            self.rest(begun).await;
        }
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

/// When the execution that ended first is due: by its age, with those that follow it closely, or
/// because there are too many.
fn next_look(at: Timestamp, age: Option<i64>, is_over: bool) -> Option<Timestamp> {
    let by_age = age.map(|age| at.plus_ms(age).plus_ms((age / 100).min(GATHER_MS_MAX)));
    match (by_age, is_over) {
        (Some(by_age), true) => Some(by_age.min(at)),
        (None, true) => Some(at),
        (by_age, false) => by_age,
    }
}
