//! Where a step runs, and for whom.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::bindings::sluice::step::types as wire;

/// Where and as what the step runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The execution's ARN.
    pub execution: String,
    /// The state machine's name.
    pub state_machine: String,
    /// The Task state's name.
    pub state: String,
    /// The component's name.
    pub component: String,
    /// 1 for the first attempt, one more for each retry.
    pub attempt: u32,
    /// The same for every rerun of this attempt, different for every other attempt.
    pub idempotency_key: String,
    /// When the attempt is cut off, in milliseconds since the Unix epoch.
    pub deadline_ms: u64,
    /// Who called; there only if the manifest asks for it and the role grants it.
    pub caller: Option<Caller>,
}

impl Context {
    /// How long the attempt may still run; zero once the deadline has passed. Needs the clock:
    /// with a frozen one it never shrinks.
    pub fn remaining(&self) -> Duration {
        let deadline = UNIX_EPOCH + Duration::from_millis(self.deadline_ms);
        deadline
            .duration_since(SystemTime::now())
            .unwrap_or_default()
    }
}

/// The principal an execution runs for, and whoever acts for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// For whom.
    pub principal: Principal,
    /// Who acts for the principal: the current actor first.
    pub actors: Vec<Principal>,
}

/// Who called, as an identity provider vouched for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The issuer that vouched.
    pub issuer: String,
    /// The issuer's stable key for the principal.
    pub subject: String,
    /// What kind of principal it is.
    pub kind: PrincipalKind,
    /// Groups, in the issuer's words.
    pub groups: Vec<String>,
}

/// The kinds of principals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    /// A person.
    User,
    /// A program with its own credentials.
    Service,
    /// An AI agent.
    Agent,
}

impl From<wire::Context> for Context {
    fn from(context: wire::Context) -> Self {
        Self {
            execution: context.execution,
            state_machine: context.state_machine,
            state: context.state,
            component: context.component,
            attempt: context.attempt,
            idempotency_key: context.idempotency_key,
            deadline_ms: context.deadline_ms,
            caller: context.caller.map(Caller::from),
        }
    }
}

impl From<wire::Caller> for Caller {
    fn from(caller: wire::Caller) -> Self {
        Self {
            principal: caller.principal.into(),
            actors: caller.actors.into_iter().map(Principal::from).collect(),
        }
    }
}

impl From<wire::Principal> for Principal {
    fn from(principal: wire::Principal) -> Self {
        let kind = match principal.kind {
            wire::PrincipalKind::User => PrincipalKind::User,
            wire::PrincipalKind::Service => PrincipalKind::Service,
            wire::PrincipalKind::Agent => PrincipalKind::Agent,
        };
        Self {
            issuer: principal.issuer,
            subject: principal.subject,
            kind,
            groups: principal.groups,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passed_deadline_leaves_no_time() {
        let context = Context {
            deadline_ms: 1,
            ..Context::default()
        };
        assert_eq!(context.remaining(), Duration::ZERO);
        let context = Context {
            deadline_ms: u64::from(u32::MAX) * 1_000,
            ..Context::default()
        };
        assert!(context.remaining() > Duration::ZERO);
    }
}
