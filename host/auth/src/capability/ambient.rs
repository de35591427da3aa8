//! The clock, randomness and the caller: what a step may read of its surroundings.

use document::{Fields, Problems};
use serde_json::{Map, Value};

use super::{Shape, reading};

/// What a step may read of its surroundings; the default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ambient {
    /// The time of day; without it, the clock stands still.
    pub clock: bool,
    /// True randomness; without it, numbers follow from the attempt.
    pub random: bool,
    /// Who called.
    pub caller: bool,
    reason: Option<String>,
}

impl Ambient {
    /// What both sides have.
    pub(super) fn both(&self, grants: &Self) -> Self {
        Self {
            clock: self.clock && grants.clock,
            random: self.random && grants.random,
            caller: self.caller && grants.caller,
            reason: None,
        }
    }

    /// Every switch with its name, in the order they are written.
    pub(crate) fn switches(&self) -> [(&'static str, bool); 3] {
        [
            ("clock", self.clock),
            ("random", self.random),
            ("caller", self.caller),
        ]
    }

    pub(super) fn to_json(&self) -> Option<Value> {
        let on = self.switches().into_iter().filter(|(_, is_on)| *is_on);
        let mut members: Map<_, _> = on
            .map(|(name, is_on)| (name.to_owned(), is_on.into()))
            .collect();
        if let Some(reason) = &self.reason {
            members.insert("reason".to_owned(), reason.as_str().into());
        }
        (!members.is_empty()).then_some(Value::Object(members))
    }
}

/// Reads `[ambient]`.
pub(super) fn parse(fields: &mut Fields<'_>, shape: Shape, problems: &mut Problems) -> Ambient {
    let Some(mut members) = fields
        .optional("ambient")
        .and_then(|node| node.object(problems))
    else {
        return Ambient::default();
    };
    let mut switch = |name: &'static str, problems: &mut Problems| {
        let node = members.optional(name)?;
        node.boolean(problems)
    };
    let (clock, random, caller) = (
        switch("clock", problems),
        switch("random", problems),
        switch("caller", problems),
    );
    let reason = reading::optional_reason(&mut members, shape, problems);
    members.finish(problems);
    Ambient {
        clock: clock.unwrap_or(false),
        random: random.unwrap_or(false),
        caller: caller.unwrap_or(false),
        reason,
    }
}

/// What is needed and not granted.
pub(super) fn within(needs: &Ambient, grants: &Ambient, problems: &mut Problems) {
    for ((name, is_needed), (_, is_granted)) in needs.switches().into_iter().zip(grants.switches())
    {
        if is_needed && !is_granted {
            problems.push(
                format!("/ambient/{name}"),
                format!(
                    "the role does not grant `{name}`, add `{name} = true` to `ambient` of the role"
                ),
            );
        }
    }
}
