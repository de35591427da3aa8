//! One request: bindings once, then its expressions in order.

use jsonata_core::evaluator::{Context, Evaluator, EvaluatorOptions};
use jsonata_core::value::JValue;

use crate::error::Failure;
use crate::expression::Known;
use crate::functions::Functions;
use crate::json;

/// How deep functions may call each other, in the engine's own levels (about three per call).
/// Below what the host's stack holds, so that running into it costs no instance.
const DEPTH_MAX: usize = 3_000;
/// The most items of a sequence.
const SEQUENCE_MAX: usize = 1_000_000;

/// Expressions with everything they may see.
pub(crate) struct Request<'a> {
    pub(crate) expressions: &'a [String],
    pub(crate) bindings: &'a str,
    pub(crate) input: Option<&'a str>,
    pub(crate) seed: u64,
}

/// Evaluates until an expression fails, telling `evaluating` which one it is about to do.
pub(crate) fn evaluate(
    request: &Request<'_>,
    known: &mut Known,
    evaluating: impl Fn(u32),
) -> Result<Vec<Option<String>>, Failure> {
    let refuse = |problem: String| Failure::Limit(format!("the bindings: {problem}"));
    let bindings = json::read(request.bindings).map_err(refuse)?;
    let input = match request.input {
        Some(text) => json::read(text).map_err(refuse)?,
        None => JValue::Undefined,
    };
    let mut context = Context::new();
    for (name, value) in bindings.as_object().into_iter().flatten() {
        context.bind(name.clone(), value.clone());
    }
    let options = EvaluatorOptions {
        max_stack_depth: Some(DEPTH_MAX),
        max_sequence_length: Some(SEQUENCE_MAX),
        ..EvaluatorOptions::default()
    };
    let mut evaluator = Evaluator::with_options(context, options);
    let mut functions = Functions::new(request.seed);
    let mut values = Vec::with_capacity(request.expressions.len());
    for (text, index) in request.expressions.iter().zip(0..) {
        evaluating(index);
        let expression = known.parse(text).map_err(Failure::of)?;
        for own in &expression.references.own {
            functions.register(*own, &mut evaluator)?;
        }
        let value = evaluator.evaluate(&expression.tree, &input)?;
        values.push(json::write(&value)?);
    }
    Ok(values)
}
