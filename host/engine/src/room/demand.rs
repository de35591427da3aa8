//! What counts an attempt: the limit of its state machine, its role, its component.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::Header;
use auth::authority::{AttemptPermit, AuthorityVersion, EgressPermit};
use auth::capability;
use auth::names::{Digest, Name};
use ports::Start;

use super::claims::{Owner, Stage};
use crate::Component;
use crate::authority::Authority;

/// A limit on attempts at once, narrower than the host's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Limit {
    /// Of a component under a role, where its manifest states one.
    Component(Name, Digest),
    /// Of a role.
    Role(Name),
    /// Of a state machine, where the configuration states one.
    Machine(Name),
}

/// How many attempts each state machine may run at once on this host.
#[derive(Clone, Debug, Default)]
pub struct MachineLimits {
    /// Of every state machine that is not named; the host's own limit if there is none.
    pub each_max: Option<usize>,
    /// Of single state machines.
    pub named_max: BTreeMap<Name, usize>,
}

impl MachineLimits {
    fn of(&self, machine: &Name) -> Option<usize> {
        self.named_max.get(machine).copied().or(self.each_max)
    }
}

/// Room that an attempt wants.
pub(crate) struct Demand {
    pub(super) owner: Owner,
    /// The authority that the limits are of.
    pub(super) under: AuthorityVersion,
    pub(super) limits: Vec<(Limit, usize)>,
}

impl Demand {
    /// Room for a component's attempt.
    pub(crate) fn of_attempt(
        owner: Owner,
        machine: (&Name, &MachineLimits),
        authority: &Authority,
        (component, permit): (Option<&Component>, &AttemptPermit),
    ) -> Self {
        let role = permit.role();
        let stated = component.and_then(|component| {
            let needs = component.facts.manifest.needs();
            needs.limits.stated(capability::Limit::Concurrency)
        });
        let granted = role_max(authority, role);
        let granted = granted.unwrap_or_else(|| permit.capabilities().limits.concurrency());
        let own = stated.map(|stated| {
            let limit = Limit::Component(role.clone(), permit.digest().clone());
            (limit, places(stated))
        });
        let owner = (owner, authority.version);
        Self::new(owner, own, (role, granted), machine)
    }

    /// Room for a Task's own request.
    pub(crate) fn of_request(
        owner: Owner,
        machine: (&Name, &MachineLimits),
        (under, permit): (AuthorityVersion, &EgressPermit),
    ) -> Self {
        let granted = permit.limits().concurrency();
        Self::new((owner, under), None, (permit.role(), granted), machine)
    }

    fn new(
        (owner, under): (Owner, AuthorityVersion),
        own: Option<(Limit, usize)>,
        (role, granted): (&Name, u64),
        (machine, limits): (&Name, &MachineLimits),
    ) -> Self {
        let of_role = (Limit::Role(role.clone()), places(granted));
        let of_machine = limits.of(machine);
        let of_machine = of_machine.map(|max| (Limit::Machine(machine.clone()), max));
        Self {
            owner,
            under,
            limits: own.into_iter().chain([of_role]).chain(of_machine).collect(),
        }
    }
}

impl Limit {
    /// What the limit is under an authority, where it follows from one.
    pub(super) fn max_under(&self, authority: &Authority) -> Option<usize> {
        match self {
            Self::Role(role) => role_max(authority, role).map(places),
            Self::Component(..) | Self::Machine(_) => None,
        }
    }
}

fn role_max(authority: &Authority, role: &Name) -> Option<u64> {
    let revision = authority.role(role)?;
    Some(revision.facts.role().grants().limits.concurrency())
}

fn places(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

impl Owner {
    /// For whom the attempts of an execution ask that has done nothing yet. One that another
    /// execution waits for is part of what is under way.
    pub(crate) fn of(start: &Start) -> Self {
        let Header {
            principal,
            id,
            map_run,
            ..
        } = &start.header;
        let parent = start.selection.parent.as_ref();
        let stage = match parent {
            Some(_) => Stage::UnderWay,
            None => Stage::Starting,
        };
        let parent = parent.filter(|_| map_run.is_some());
        let execution = parent.map_or(id, |parent| &parent.execution);
        Self {
            principal: principal.as_str().into(),
            execution: Arc::new(execution.clone()),
            stage,
        }
    }
}
