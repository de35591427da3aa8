//! One question to Cedar: may this one principal do this?

use std::error::Error;
use std::fmt;

use cedar_policy::{
    AuthorizationError, Authorizer, Decision, Entities, PolicySet, Request, Response, Schema,
};

use crate::policy::{Denied, Resource, entities};
use crate::principal::{Caller, Principal};

/// In which place a principal stands in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    Principal,
    Actor,
    EarlierActor,
}

impl Seat {
    /// Everyone who takes part in a call, in the order in which they are decided on.
    pub(super) fn all(caller: &Caller) -> impl Iterator<Item = (Self, &Principal)> {
        let seats = std::iter::once(Self::Actor).chain(std::iter::repeat(Self::EarlierActor));
        std::iter::once((Self::Principal, &caller.principal)).chain(seats.zip(&caller.actors))
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Principal => "principal",
            Self::Actor => "actor",
            Self::EarlierActor => "earlier actor",
        })
    }
}

/// What the policies say about one principal.
#[derive(Debug)]
pub(super) enum Verdict {
    /// These permit it and nothing forbids it.
    Permitted(Vec<String>),
    /// Nothing permits and nothing forbids it.
    Silent,
    /// A policy forbids it, or could not be evaluated.
    Refused { rule: String, reason: String },
}

/// An action on a resource, asked for every seat of a call.
pub(super) struct Question<'a> {
    pub(super) policies: &'a PolicySet,
    pub(super) schema: &'a Schema,
    pub(super) caller: &'a Caller,
    pub(super) action: &'static str,
    pub(super) resource: &'a Resource,
}

impl Question<'_> {
    /// Asks the policies about `who`.
    pub(super) fn decide(&self, seat: Seat, who: &Principal) -> Verdict {
        match self.ask(seat, who) {
            Ok(response) => self.verdict(&response, seat, who),
            Err(error) => Verdict::Refused {
                rule: Denied::DEFAULT.to_owned(),
                reason: format!("the policies could not be asked: {}", one_line(&*error)),
            },
        }
    }

    fn verdict(&self, response: &Response, seat: Seat, who: &Principal) -> Verdict {
        let diagnostics = response.diagnostics();
        let mut errors: Vec<_> = diagnostics
            .errors()
            .map(|AuthorizationError::PolicyEvaluationError(error)| {
                (error.policy_id().to_string(), one_line(error.inner()))
            })
            .collect();
        errors.sort_unstable();
        if let Some((rule, error)) = errors.into_iter().next() {
            let reason = format!("deciding on the {seat} `{}` failed: {error}", who.key());
            return Verdict::Refused { rule, reason };
        }
        let mut rules: Vec<_> = diagnostics.reason().map(ToString::to_string).collect();
        rules.sort_unstable();
        match response.decision() {
            Decision::Allow => Verdict::Permitted(rules),
            Decision::Deny => match rules.into_iter().next() {
                None => Verdict::Silent,
                Some(rule) => Verdict::Refused {
                    rule,
                    reason: format!(
                        "the {seat} `{}` is forbidden to `{}` on `{}`",
                        who.key(),
                        self.action,
                        self.resource
                    ),
                },
            },
        }
    }

    fn ask(&self, seat: Seat, who: &Principal) -> Result<Response, Box<dyn Error>> {
        let principal = entities::principal(who)?;
        let resource = entities::resource(self.resource)?;
        let acting_for = match seat {
            Seat::Principal => None,
            Seat::Actor | Seat::EarlierActor => Some(&self.caller.principal),
        };
        let actor = self.caller.actors.first();
        let request = Request::new(
            principal.uid(),
            entities::uid("Action", self.action)?,
            resource.uid(),
            entities::context(&self.caller.method, actor, acting_for)?,
            Some(self.schema),
        )?;
        // The tests hold these entities against the schema; doing it here would double the time.
        let entities = Entities::from_entities([principal, resource], None)?;
        Ok(Authorizer::new().is_authorized(&request, self.policies, &entities))
    }
}

fn one_line(error: &(impl fmt::Display + ?Sized)) -> String {
    error
        .to_string()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
