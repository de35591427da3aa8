//! Who may do what: Cedar policies over principals, their actors and the host's resources.
//!
//! Owns the schema, the reading of policy files and the decision, which hands out a [`Permit`]
//! or says which rule refused. It does not know how a caller was identified, nor what is then
//! done with the permit.

mod action;
mod bounds;
mod decision;
mod entities;
mod parse;
mod permit;
mod resource;

use std::str::FromStr as _;
use std::sync::Arc;

use cedar_policy::{PolicySet, Schema};
use document::Problem;

pub use action::{
    Action, DeleteStateMachine, GetActivityTask, PassRole, PublishStateMachine, ReadActivity,
    ReadAudit, ReadBackup, ReadComponent, ReadExecution, ReadMetrics, ReadReview, ReadRole,
    ReadStateMachine, SendTaskFailure, SendTaskHeartbeat, SendTaskSuccess, StartExecution,
    StopExecution, TestState, UploadComponent, WriteActivity, WriteAlias, WriteReview, WriteRole,
    WriteTags,
};
pub use permit::{Denied, Permit};
pub use resource::Resource;

use crate::names::Digest;
use crate::principal::Caller;
use decision::{Question, Seat, Verdict};

const SCHEMA: &str = include_str!("policy/sluice.cedarschema");
const DEVELOPMENT: &str = include_str!("policy/development.cedar");

/// One policy file, as read from the disk.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// What to call it in problems and rule names.
    pub name: String,
    /// Cedar policies.
    pub text: String,
}

/// A set of policies that passed strict validation against the schema.
pub struct Policies {
    set: PolicySet,
    schema: Schema,
    digest: Digest,
}

impl Policies {
    /// Reads policy files; every policy is named by its `@id` annotation, else by file and number.
    ///
    /// # Errors
    /// Every problem of every file, with file name and line.
    pub fn parse(files: &[PolicyFile]) -> Result<Self, Vec<Problem>> {
        let schema = schema();
        let set = parse::policy_set(files, &schema)?;
        Ok(Self {
            set,
            schema,
            digest: digest(files),
        })
    }

    /// The rights of `sluice dev`'s people, for members of the groups named after them.
    pub fn development() -> Self {
        let file = PolicyFile {
            name: "development.cedar".to_owned(),
            text: DEVELOPMENT.to_owned(),
        };
        Self::parse(&[file]).expect("the policy is part of this crate and read by its tests")
    }

    /// No policy at all: denies everything.
    pub fn none() -> Self {
        Self {
            set: PolicySet::new(),
            schema: schema(),
            digest: digest(&[]),
        }
    }

    /// The digest of schema and files: decisions under equal digests follow equal rules.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Decides whether `caller` may do `A` to `resource`: the principal must be permitted, so must
    /// the current actor where there is one, and no earlier actor may be forbidden.
    ///
    /// # Errors
    /// Which rule refused whom, and why.
    pub fn permits<A: Action>(
        &self,
        caller: &Caller,
        resource: &Resource,
    ) -> Result<Permit<A>, Denied> {
        let question = Question {
            policies: &self.set,
            schema: &self.schema,
            caller,
            action: A::NAME,
            resource,
        };
        let denied = |rule: String, reason: String| Denied {
            action: A::NAME,
            resource: resource.to_string(),
            rule,
            reason,
        };
        let mut rules = Vec::new();
        for (seat, who) in Seat::all(caller) {
            match (question.decide(seat, who), seat) {
                (Verdict::Permitted(found), Seat::Principal | Seat::Actor) => rules.extend(found),
                (Verdict::Permitted(_) | Verdict::Silent, Seat::EarlierActor) => {}
                (Verdict::Silent, Seat::Principal | Seat::Actor) => {
                    let reason = format!(
                        "no policy permits the {seat} `{}` to `{}` on `{resource}`",
                        who.key(),
                        A::NAME
                    );
                    return Err(denied(Denied::DEFAULT.to_owned(), reason));
                }
                (Verdict::Refused { rule, reason }, _) => return Err(denied(rule, reason)),
            }
        }
        rules.sort_unstable();
        rules.dedup();
        Ok(Permit::new(
            Arc::new(caller.clone()),
            resource.clone(),
            rules,
        ))
    }
}

impl std::fmt::Debug for Policies {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Policies({})", self.digest)
    }
}

fn schema() -> Schema {
    Schema::from_str(SCHEMA).expect("the schema is part of this crate and read by its tests")
}

/// Lengths stand before the texts, so that no two lists of files have the same input.
fn digest(files: &[PolicyFile]) -> Digest {
    let texts = files.iter().flat_map(|file| [&file.name, &file.text]);
    let mut input = format!("{}\n{SCHEMA}", SCHEMA.len());
    for text in texts {
        input.push_str(&format!("{}\n{text}", text.len()));
    }
    Digest::of(input.as_bytes())
}

#[cfg(test)]
mod tests;
