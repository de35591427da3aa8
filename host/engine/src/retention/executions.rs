//! Letting executions expire by the rules for all of them.

use std::collections::BTreeMap;

use asl::Timestamp;
use ports::{EXPIRE_EXECUTIONS, Ended, EndedOrder, Expirable, Upkeep};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{BATCH, GATHER_MS_MAX, Limits, Look, RetentionRules};
use crate::Error;
use crate::shared::Shared;

/// When an execution is looked at again that a running one started, in milliseconds.
pub(super) const HOLD_MS: i64 = 600_000;

/// Which of the limits an execution is beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    Age,
    Count,
}

/// Why an execution expires, as the audit log tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cause {
    pub(super) rule: Rule,
    pub(super) limit: Option<u64>,
    /// The state machines that the rule is for, where it is not for all.
    pub(super) machines: Option<String>,
}

impl Cause {
    fn to_json(&self) -> Value {
        let rule = match self.rule {
            Rule::Age => "executions_days",
            Rule::Count => "executions_max",
        };
        let mut told = json!({"rule": rule, "limit": self.limit});
        if let (Some(machines), Value::Object(members)) = (&self.machines, &mut told) {
            members.insert("stateMachines".to_owned(), json!(machines));
        }
        told
    }
}

impl Limits {
    /// What a rule allows.
    pub(super) fn of(self, rule: Rule) -> Option<u64> {
        match rule {
            Rule::Age => self.days.map(u64::from),
            Rule::Count => self.most,
        }
    }
}

/// The executions that are due and that running ones started: they are passed over where they
/// stand, so that they neither count against others nor live longer than these do.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The last of them; whatever ended before it is one of them.
    last: Option<Ended>,
    count: u64,
    /// When they are looked at again.
    again: Option<Timestamp>,
}

impl Held {
    /// Has all of them looked at again once it is time.
    fn mind(&mut self, now: Timestamp) {
        if self.again.is_some_and(|again| again <= now) {
            *self = Self::default();
        }
    }

    /// Passes over what is still held of the executions that were due.
    fn pass(&mut self, due: &[(&Expirable, Cause)], now: Timestamp) {
        let held = due.iter().filter(|(item, _)| item.is_held).count();
        // Before any is held there is nothing to pass over.
        if self.count == 0 && held == 0 {
            return;
        }
        self.count = self.count.saturating_add(held as u64);
        self.last = due.last().map(|(item, _)| item.ended.clone());
        self.again.get_or_insert(now.plus_ms(HOLD_MS));
    }
}

impl Shared {
    /// Lets executions expire until no rule applies any more.
    pub(super) async fn expire(
        &self,
        rules: &RetentionRules,
        held: &mut Held,
    ) -> Result<Look, Error> {
        if !rules.takes_executions() {
            return Ok(Look::default());
        }
        held.mind(self.ports.clock.now());
        let mut slack = rules.slack();
        let mut size = 1;
        loop {
            let begun = Instant::now();
            let retention = &self.ports.retention;
            let beyond = held.last.clone();
            let page = retention
                .ended(EndedOrder::OldestFirst, beyond, size)
                .await?;
            let now = self.ports.clock.now();
            let over = over(rules, page.count, held.count);
            let over = if over > slack { over } else { 0 };
            let due = due_of(rules, &page.items, over, now);
            if due.is_empty() {
                let first = page.items.first().map(|item| item.ended.at);
                let age = rules.host_limits().age_ms();
                let look = Look {
                    at: first.and_then(|at| next_look(at, age, over > 0)),
                    // Nothing falls due by its age within the longest sleep after it ended.
                    ends: rules.executions_max.map(|_| 1),
                    ..Look::default()
                };
                return Ok(match held.again {
                    Some(again) => look.and_at(again),
                    None => look,
                });
            }
            slack = 0;
            if size < BATCH {
                size = BATCH;
                continue;
            }
            self.commit_expiry(&due, now).await?;
            held.pass(&due, now);
            self.clear_leftovers().await?;
            self.rest(begun).await;
        }
    }

    /// Lets executions expire that are due and not held, and tells by which rule.
    pub(super) async fn commit_expiry(
        &self,
        due: &[(&Expirable, Cause)],
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut upkeep = Upkeep::default();
        let mut by_cause = BTreeMap::<&Cause, Vec<&Expirable>>::new();
        for (item, cause) in due.iter().filter(|(item, _)| !item.is_held) {
            by_cause.entry(cause).or_default().push(item);
        }
        let mut audit = Vec::new();
        for (cause, expired) in by_cause {
            let told = expired
                .iter()
                .map(|item| json!({"id": item.ended.id, "arn": item.arn}));
            let outcome = json!({"executions": told.collect::<Vec<_>>()});
            audit.push(self.retention_record(EXPIRE_EXECUTIONS, now, cause.to_json(), outcome));
            let ended = expired.iter().map(|item| item.ended.clone());
            upkeep.expire.extend(ended);
        }
        let expired = upkeep.expire.len();
        if expired > 0 {
            self.commit_upkeep(upkeep, audit).await?;
            tracing::info!(executions = expired, "executions expired");
        }
        Ok(())
    }

    /// Removes what is left of large executions that expired.
    pub(super) async fn clear_leftovers(&self) -> Result<(), Error> {
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
}

/// How many of those that ended behind the held ones are more than may be kept.
fn over(rules: &RetentionRules, count: u64, held: u64) -> u64 {
    rules
        .executions_max
        .map_or(0, |most| count.saturating_sub(most).saturating_sub(held))
}

/// The first of some executions, in the order in which they ended, that are due: by their age, or
/// as they are among the first `over`.
fn due_of<'a>(
    rules: &RetentionRules,
    items: &'a [Expirable],
    over: u64,
    now: Timestamp,
) -> Vec<(&'a Expirable, Cause)> {
    let limits = rules.host_limits();
    let age = limits.age_ms();
    let rule = |index: u64, at: Timestamp| match age {
        _ if at > now => None,
        Some(age) if at.plus_ms(age) <= now => Some(Rule::Age),
        Some(_) | None => (index < over).then_some(Rule::Count),
    };
    (0..)
        .zip(items)
        .map_while(|(index, item)| {
            let rule = rule(index, item.ended.at)?;
            let cause = Cause {
                rule,
                limit: limits.of(rule),
                machines: None,
            };
            Some((item, cause))
        })
        .collect()
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
