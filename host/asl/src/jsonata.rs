//! What the language asks of whoever evaluates JSONata.
//!
//! Owns the port and its words. It does not know how an expression is evaluated, nor what
//! stops one that would never end.

use serde_json::{Map, Value};

use crate::Timestamp;

/// Evaluates JSONata 2.0.6 as the service has it: with `$partition`, `$range`, `$hash`,
/// `$random`, `$uuid` and `$parse`, without `$eval`. A pure function but for its limits, which
/// hold for each call: the same request gives the same answer. A crash during a call loses
/// nothing, as nothing is kept between calls.
pub trait Evaluator: Send + Sync {
    /// Evaluates expressions in order with the same bindings.
    ///
    /// # Errors
    /// The first expression that has no value that JSON could hold; those after it were not
    /// evaluated.
    fn evaluate(&self, request: &Evaluation<'_>) -> Result<Evaluated, EvaluationError>;

    /// Judges expressions without evaluating them: one answer for each, in order.
    ///
    /// # Errors
    /// The host could not do it; says nothing about the expressions.
    fn check(
        &self,
        expressions: &[&str],
    ) -> Result<Vec<Result<References, SyntaxError>>, Unavailable>;
}

/// Expressions to evaluate, with everything they may see.
#[derive(Clone, Debug)]
pub struct Evaluation<'a> {
    /// The texts between `{%` and `%}`.
    pub expressions: &'a [&'a str],
    /// Variables by name without the `$`; `states` among them.
    pub bindings: &'a Map<String, Value>,
    /// The time that `$now` and `$millis` tell.
    pub at: Timestamp,
    /// The randomness of `$random` and `$uuid`.
    pub seed: u64,
}

/// What expressions were evaluated to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluated {
    /// The values, in order; `None` is JSONata's undefined.
    pub values: Vec<Option<Value>>,
    /// How many instructions that took.
    pub instructions: u64,
}

/// Which variables an expression reads that it does not bind itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Names without the `$`, sorted, without the names of functions that come with the language.
    pub variables: Vec<String>,
    /// The members of `$states` that are read by name, such as `input`; sorted.
    pub states: Vec<String>,
}

/// Why an expression gave no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationError {
    /// Which expression of the request, from 0.
    pub index: usize,
    /// What went wrong.
    pub kind: EvaluationErrorKind,
    /// How many instructions it took until then.
    pub instructions: u64,
}

/// What went wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvaluationErrorKind {
    /// The expression raised an error.
    Raised {
        /// JSONata's code, such as `T2001`; empty where the evaluator has none.
        code: String,
        /// Its message.
        message: String,
    },
    /// The value is one that JSON cannot hold, such as a function.
    Unsupported,
    /// The expression took more time, memory, depth or output than one evaluation may; the text
    /// says which.
    Limit(String),
    /// The host could not evaluate anything; says nothing about the expression.
    Unavailable(String),
}

/// Why a text is not an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// JSONata's code, such as `S0201`; empty where the evaluator has none.
    pub code: String,
    /// What is wrong, in one line.
    pub message: String,
    /// At which character of the expression, from 0, if known.
    pub position: Option<usize>,
}

/// The host has no evaluator to ask at the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expressions cannot be evaluated: {0}")]
pub struct Unavailable(pub String);
