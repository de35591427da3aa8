//! Everything the expressions of one state may read, and what they may spend.

use std::sync::Arc;

use serde_json::Value;

use crate::Timestamp;
use crate::Variables;
use crate::budget::Budget;
use crate::inspection::{Notes, Stage};
use crate::intrinsic::Random;
use crate::jsonata::Evaluator;
use crate::path::Roots;

/// What the fields of a state are evaluated with, in either query language.
pub(crate) struct Scope<'a> {
    /// The context object.
    pub(crate) context: &'a Value,
    /// The variables that the state sees.
    pub(crate) variables: &'a Variables,
    /// The state's raw input: `$states.input`.
    pub(crate) input: &'a Value,
    /// The state's raw result: `$states.result`.
    pub(crate) result: Option<&'a Value>,
    /// What a catcher caught: `$states.errorOutput`.
    pub(crate) error_output: Option<&'a Value>,
    /// Who evaluates JSONata.
    pub(crate) evaluator: &'a dyn Evaluator,
    /// When the event happened.
    pub(crate) at: Timestamp,
    /// The event's randomness, different for each state.
    pub(crate) random: Random,
    pub(crate) budget: Budget,
    /// Who is told of the values between the state's fields, if somebody looks.
    pub(crate) notes: Option<&'a mut Notes>,
}

impl<'a> Scope<'a> {
    /// What JSONPaths read where `$` stands for `data`.
    pub(crate) fn roots<'b>(&self, data: &'b Value) -> Roots<'b>
    where
        'a: 'b,
    {
        Roots {
            data,
            context: self.context,
            variables: self.variables,
        }
    }

    /// Tells whoever looks what data has become.
    pub(crate) fn note(&mut self, stage: Stage, value: &Arc<Value>) {
        if let Some(notes) = &mut self.notes {
            notes.note(stage, value);
        }
    }

    /// The member of `$states` of that name.
    pub(crate) fn member_of_states(&self, name: &str) -> Option<&'a Value> {
        match name {
            "input" => Some(self.input),
            "result" => self.result,
            "errorOutput" => self.error_output,
            "context" => Some(self.context),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
