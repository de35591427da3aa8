//! The two answers of policy.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::policy::{Action, Resource};
use crate::principal::Caller;

/// Proof that policy permitted `A` to one caller on one resource; only a decision makes one.
#[derive(Debug)]
pub struct Permit<A: Action> {
    caller: Arc<Caller>,
    resource: Resource,
    rules: Vec<String>,
    action: PhantomData<fn() -> A>,
}

impl<A: Action> Permit<A> {
    pub(super) fn new(caller: Arc<Caller>, resource: Resource, rules: Vec<String>) -> Self {
        Self {
            caller,
            resource,
            rules,
            action: PhantomData,
        }
    }

    /// Who was permitted.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// On what.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The names of the policies that permitted it to the principal and to the actor, sorted.
    pub fn rules(&self) -> &[String] {
        &self.rules
    }

    /// What was permitted, as policies call it.
    pub fn action(&self) -> &'static str {
        A::NAME
    }
}

/// Policy refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{action}` on `{resource}` was refused by `{rule}`: {reason}")]
pub struct Denied {
    /// What was asked for.
    pub action: &'static str,
    /// On what.
    pub resource: String,
    /// The policy that decided, or [`Denied::DEFAULT`].
    pub rule: String,
    /// Why, in one line that names who was refused.
    pub reason: String,
}

impl Denied {
    /// The rule that refuses what no policy permits.
    pub const DEFAULT: &'static str = "default-deny";
}
