//! A scope for tests of whatever is evaluated in one.

use serde_json::{Map, Value};

use super::Scope;
use crate::budget::Budget;
use crate::intrinsic::Random;
use crate::jsonata::{
    Evaluated, Evaluation, EvaluationError, EvaluationErrorKind, Evaluator, References,
    SyntaxError, Unavailable,
};
use crate::{Timestamp, Variables};

/// Evaluates nothing.
pub(crate) struct NoEvaluator;

impl Evaluator for NoEvaluator {
    fn evaluate(&self, _: &Evaluation<'_>) -> Result<Evaluated, EvaluationError> {
        let kind = EvaluationErrorKind::Unavailable("none here".to_owned());
        Err(EvaluationError {
            index: 0,
            kind,
            instructions: 0,
        })
    }

    fn check(&self, _: &[&str]) -> Result<Vec<Result<References, SyntaxError>>, Unavailable> {
        Err(Unavailable("none here".to_owned()))
    }
}

/// Evaluates with `input` and `context`, and no variables.
pub(crate) fn with_scope<R>(
    input: &Value,
    context: &Value,
    evaluate: impl FnOnce(&mut Scope<'_>) -> R,
) -> R {
    with_variables(input, context, &Map::new(), evaluate)
}

/// Evaluates with `input`, `context` and variables.
pub(crate) fn with_variables<R>(
    input: &Value,
    context: &Value,
    variables: &Map<String, Value>,
    evaluate: impl FnOnce(&mut Scope<'_>) -> R,
) -> R {
    let mut assigned = Variables::default();
    for (name, value) in variables {
        assigned.add_outer(name, std::sync::Arc::new(value.clone()));
    }
    evaluate(&mut Scope {
        context,
        variables: &assigned,
        input,
        result: None,
        error_output: None,
        evaluator: &NoEvaluator,
        at: Timestamp(0),
        random: Random::new(7),
        budget: Budget::new(),
        notes: None,
    })
}
