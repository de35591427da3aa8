//! One evaluator for all tests, and short ways to ask it.

use std::sync::LazyLock;

use asl::Timestamp;
use asl::jsonata::{Evaluation, EvaluationErrorKind, Evaluator as _, References, SyntaxError};
use runtime::{EvaluatorConfig, JsonataEvaluator};
use serde_json::{Map, Value, json};

pub(crate) static EVALUATOR: LazyLock<JsonataEvaluator> =
    LazyLock::new(|| JsonataEvaluator::new(EvaluatorConfig::default()));

/// The time of requests in tests: 2026-11-22T20:00:00.123Z.
pub(crate) const AT: Timestamp = Timestamp(1_795_377_600_123);

/// Asks for one expression with `$states.input` and variables `x`, `list`.
pub(crate) fn ask(expression: &str) -> Result<Option<Value>, EvaluationErrorKind> {
    seeded(expression, 1)
}

pub(crate) fn seeded(expression: &str, seed: u64) -> Result<Option<Value>, EvaluationErrorKind> {
    let bindings = json!({
        "states": {"input": {"a": 1, "name": "Ada", "orders": [
            {"id": 1, "price": 10.5, "tags": ["x", "y"]},
            {"id": 2, "price": 20, "tags": []},
        ]}},
        "x": 5,
        "list": [3, 1, 2],
    });
    with(expression, bindings.as_object().unwrap(), seed)
}

pub(crate) fn with(
    expression: &str,
    bindings: &Map<String, Value>,
    seed: u64,
) -> Result<Option<Value>, EvaluationErrorKind> {
    let request = Evaluation {
        expressions: &[expression],
        bindings,
        at: AT,
        seed,
    };
    let answer = EVALUATOR
        .evaluate(&request)
        .map(|evaluated| evaluated.values);
    answer
        .map(|mut values| values.pop().unwrap())
        .map_err(|error| error.kind)
}

/// The value of an expression that has one.
pub(crate) fn value(expression: &str) -> Value {
    match ask(expression) {
        Ok(Some(value)) => value,
        other => panic!("`{expression}` gave {other:?}"),
    }
}

/// The code and message of what an expression raises.
pub(crate) fn raised(expression: &str) -> (String, String) {
    match ask(expression) {
        Err(EvaluationErrorKind::Raised { code, message }) => (code, message),
        other => panic!("`{expression}` gave {other:?}"),
    }
}

pub(crate) fn check(expression: &str) -> Result<References, SyntaxError> {
    let mut judged = EVALUATOR.check(&[expression]).unwrap();
    judged.pop().unwrap()
}

/// Whether two values are equal, `1` and `1.0` being the same.
pub(crate) fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let in_other = |(name, one): (&String, &Value)| {
                other.get(name).is_some_and(|other| is_same(one, other))
            };
            one.len() == other.len() && one.iter().all(in_other)
        }
        _ => one == other,
    }
}
