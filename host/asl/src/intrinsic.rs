//! Intrinsic functions: the calls such as `States.Format('{}', $.name)` of the JSONPath language.
//!
//! Owns their syntax, their results and the words of their failures. It does not know which
//! fields hold calls, nor where randomness comes from: a seed arrives with the event.

mod argument;
mod array;
mod encoding;
mod error;
mod function;
mod json;
mod math;
mod parse;
mod random;
mod rendering;
mod template;
mod text;

use std::fmt;

use serde_json::Value;

use crate::budget::{self, Budget};
use crate::path::Roots;
use crate::{Failure, Variables};
use argument::Call;
pub(crate) use random::Random;

/// A call of an intrinsic function.
#[derive(Clone, Debug, PartialEq)]
pub struct Intrinsic {
    text: String,
    call: Call,
}

/// What a call reads from.
pub(crate) struct Sources<'a> {
    /// What `$` stands for.
    pub(crate) data: &'a Value,
    /// What `$$` stands for.
    pub(crate) context: &'a Value,
    /// Variables by name without the `$`.
    pub(crate) variables: &'a Variables,
    /// Feeds `States.UUID` and `States.MathRandom`.
    pub(crate) random: &'a mut Random,
    /// Everything looked at and made is spent from it.
    pub(crate) budget: &'a mut Budget,
}

impl<'a> Sources<'a> {
    /// What paths read.
    fn roots(&self) -> Roots<'a> {
        self.roots_at(self.data)
    }

    /// What paths read where `$` stands for `data`.
    fn roots_at(&self, data: &'a Value) -> Roots<'a> {
        Roots {
            data,
            context: self.context,
            variables: self.variables,
        }
    }
}

impl Intrinsic {
    /// Parses a call, such as `States.Array($.a, 'b')`.
    ///
    /// # Errors
    /// What is wrong and at which character, in one line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Ok(Self {
            text: text.to_owned(),
            call: parse::call(text)?,
        })
    }

    /// Calls the function.
    ///
    /// # Errors
    /// `States.Runtime` if a path finds nothing, an argument is not one that the function takes,
    /// or the call looks at or makes more than one state may.
    pub(crate) fn evaluate(&self, sources: &mut Sources<'_>) -> Result<Value, Failure> {
        let data = sources.data;
        let mut sources = Sources {
            data,
            context: sources.context,
            variables: sources.variables,
            random: &mut *sources.random,
            budget: &mut *sources.budget,
        };
        let result = self
            .call
            .evaluate(&mut sources)
            .map_err(|error| error.of(&self.text, data))?;
        if budget::is_shallow(&result) {
            Ok(result)
        } else {
            Err(budget::too_deep())
        }
    }

    /// The names of the variables that the call reads, without the `$`.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        let mut names = Vec::new();
        self.call.gather_variables(&mut names);
        names.into_iter()
    }
}

impl fmt::Display for Intrinsic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
