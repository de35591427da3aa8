//! Rules for some state machines, in place of those for all.
//!
//! Owns which rule is whose, and the round that applies them: it goes once over all executions
//! that ended, the last first, so that how many of a state machine's ended later is known of each.

use std::collections::BTreeMap;
use std::time::Duration;

use asl::Timestamp;
use auth::names::Name;
use ports::{EndedOrder, Expirable};
use tokio::time::Instant;

use super::executions::{Cause, HOLD_MS, Rule};
use super::{BATCH, GATHER_MS_MAX, Limits, Look, RetentionRules};
use crate::Error;
use crate::shared::Shared;

/// Executions that are read at once.
const PAGE: usize = 256;
/// A round is followed by a rest of so many times what it took.
const REST_TIMES: u32 = 10;
/// A round that looks for numbers follows once one in so many of the executions is new.
const NEW_PART: u64 = 10;

/// The state machines that a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MachineNames {
    /// The one of this name.
    One(Name),
    /// Those whose names begin so.
    Beginning(String),
}

/// How long the executions of some state machines are kept, whatever is said for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineRule {
    /// Whose executions; children of their map runs are among them.
    pub names: MachineNames,
    /// They expire so many days after they ended; never, where nothing is said.
    pub executions_days: Option<u32>,
    /// Of each state machine, so many that ended are kept; all, where nothing is said.
    pub executions_max: Option<u64>,
}

impl MachineNames {
    /// Reads a name, or the beginning of one with `*` behind it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.strip_suffix('*') {
            None => Ok(Self::One(Name::parse(text)?)),
            Some("") => Err("`*` is every state machine: set it for all of them".to_owned()),
            Some(beginning) => {
                // Whatever a name may begin with may be one.
                Name::parse(beginning)?;
                Ok(Self::Beginning(beginning.to_owned()))
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one.as_str() == name,
            Self::Beginning(beginning) => name.starts_with(beginning),
        }
    }
}

impl std::fmt::Display for MachineNames {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(name) => write!(formatter, "{name}"),
            Self::Beginning(beginning) => write!(formatter, "{beginning}*"),
        }
    }
}

impl MachineRule {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            days: self.executions_days,
            most: self.executions_max,
        }
    }
}

impl RetentionRules {
    /// The rule of its own that a state machine has.
    fn own(&self, machine: &str) -> Option<&MachineRule> {
        self.state_machines
            .iter()
            .find(|rule| rule.names.has(machine))
    }
}

/// What one round has seen so far.
#[derive(Default)]
struct Seen {
    all: u64,
    /// Of each state machine with a rule of its own.
    of_machine: BTreeMap<String, u64>,
    /// Of all others.
    of_others: u64,
    /// When the first of those that are left is due by its age.
    next: Option<Timestamp>,
}

impl Seen {
    /// Why an execution is due, if it is. To be asked of each, the last that ended first.
    fn due(&mut self, rules: &RetentionRules, item: &Expirable, now: Timestamp) -> Option<Cause> {
        self.all = self.all.saturating_add(1);
        let own = rules.own(&item.machine);
        let (limits, count) = match own {
            Some(rule) => {
                let known = self.of_machine.entry(item.machine.clone());
                (rule.limits(), known.or_default())
            }
            None => (rules.host_limits(), &mut self.of_others),
        };
        *count = count.saturating_add(1);
        let due_at = limits.age_ms().map(|age| item.ended.at.plus_ms(age));
        let rule = match due_at {
            _ if item.ended.at > now => None,
            Some(at) if at <= now => Some(Rule::Age),
            Some(_) | None => limits
                .most
                .is_some_and(|most| *count > most)
                .then_some(Rule::Count),
        };
        let next = match rule {
            // Looked at again, whoever holds it, as any other that is due.
            Some(_) if item.is_held => Some(now.plus_ms(HOLD_MS)),
            Some(_) => None,
            None => due_at.map(|at| at.plus_ms(GATHER_MS_MAX)),
        };
        let first = [self.next, next].into_iter().flatten().min();
        self.next = first;
        rule.filter(|_| !item.is_held).map(|rule| Cause {
            rule,
            limit: limits.of(rule),
            machines: own.map(|own| own.names.to_string()),
        })
    }

    /// After how many more have ended the numbers are looked at again.
    fn ends(&self, rules: &RetentionRules) -> Option<u64> {
        let counts = rules.limits().any(|limits| limits.most.is_some());
        counts.then(|| (self.all / NEW_PART).max(BATCH as u64))
    }
}

impl Shared {
    /// Lets executions expire, those of each state machine by the rule that is for it.
    pub(super) async fn expire_by_machine(&self, rules: &RetentionRules) -> Result<Look, Error> {
        let mut seen = Seen::default();
        let mut worked = Duration::ZERO;
        let mut beyond = None;
        loop {
            let begun = Instant::now();
            let retention = &self.ports.retention;
            let page = retention
                .ended(EndedOrder::NewestFirst, beyond, PAGE)
                .await?;
            let Some(last) = page.items.last() else {
                break;
            };
            beyond = Some(last.ended.clone());
            let now = self.ports.clock.now();
            let due = page.items.iter();
            let due = due.filter_map(|item| Some((item, seen.due(rules, item, now)?)));
            let due: Vec<_> = due.collect();
            for due in due.chunks(BATCH) {
                let begun = Instant::now();
                self.commit_expiry(due, now).await?;
                self.clear_leftovers().await?;
                self.rest(begun).await;
            }
            worked = worked.saturating_add(begun.elapsed());
            self.rest(begun).await;
        }
        Ok(Look {
            at: seen.next,
            ends: seen.ends(rules),
            rest: worked.saturating_mul(REST_TIMES),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_one_machine_or_a_beginning() {
        let has = |names: &str, name: &str| MachineNames::parse(names).unwrap().has(name);
        assert!(has("nightly", "nightly"));
        assert!(!has("nightly", "nightly-1"));
        assert!(has("nightly-*", "nightly-1"));
        assert!(has("nightly-*", "nightly-"));
        assert!(!has("nightly-*", "nightly"));
        for wrong in ["", "*", "a b", "a*b", "-*-*", "a/*"] {
            assert!(MachineNames::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_first_rule_that_names_a_machine_is_its_rule() {
        let rule = |names, most| MachineRule {
            names: MachineNames::parse(names).unwrap(),
            executions_days: None,
            executions_max: Some(most),
        };
        let rules = RetentionRules {
            state_machines: vec![rule("nightly-1", 1), rule("nightly-*", 2)],
            ..RetentionRules::default()
        };
        let most = |name| rules.own(name).and_then(|rule| rule.executions_max);
        assert_eq!(most("nightly-1"), Some(1));
        assert_eq!(most("nightly-2"), Some(2));
        assert_eq!(most("other"), None);
    }
}
