//! The functions that this evaluator implements itself: those the service adds to JSONata, and
//! those of JSONata that must not depend on the machine or that the engine gets wrong.

mod arrays;
mod randomness;
mod text;
mod time;

use std::collections::BTreeSet;
use std::rc::Rc;

use jsonata_core::evaluator::{Evaluator, EvaluatorError, HostFnResult};
use jsonata_core::value::JValue;

use crate::language::Own;
use crate::signatures;
use randomness::Randomness;

/// The functions of one request. They share its randomness.
pub(crate) struct Functions {
    randomness: Rc<Randomness>,
    registered: BTreeSet<Own>,
}

impl Functions {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            randomness: Rc::new(Randomness::new(seed)),
            registered: BTreeSet::new(),
        }
    }

    /// Makes a function callable.
    pub(crate) fn register(
        &mut self,
        own: Own,
        evaluator: &mut Evaluator,
    ) -> Result<(), EvaluatorError> {
        if !self.registered.insert(own) {
            return Ok(());
        }
        let name = signatures::registered(own);
        let randomness = Rc::clone(&self.randomness);
        match own {
            Own::Distinct => evaluator.register_fn(name, arrays::distinct),
            Own::EncodeUrl => evaluator.register_fn(name, text::encode_url),
            Own::EncodeUrlComponent => evaluator.register_fn(name, text::encode_url_component),
            Own::Hash => evaluator.register_fn(name, text::hash),
            Own::Now => evaluator.register_fn_override(name, time::now),
            Own::Parse => evaluator.register_fn(name, text::parse),
            Own::Partition => evaluator.register_fn(name, arrays::partition),
            Own::Random => evaluator.register_fn_override(name, move |arguments: &[JValue]| {
                randomness.random(arguments)
            }),
            Own::Range => evaluator.register_fn(name, arrays::range),
            Own::Shuffle => evaluator.register_fn_override(name, move |arguments: &[JValue]| {
                randomness.shuffle(arguments)
            }),
            Own::Uuid => {
                evaluator.register_fn(name, move |arguments: &[JValue]| randomness.uuid(arguments))
            }
        }
    }
}

/// Exactly `N` arguments, those left out undefined.
fn exactly<'a, const N: usize>(
    function: &str,
    arguments: &'a [JValue],
) -> Result<[&'a JValue; N], EvaluatorError> {
    if arguments.len() > N {
        return Err(mismatch(function, N + 1));
    }
    let mut places = [const { &JValue::Undefined }; N];
    for (place, argument) in places.iter_mut().zip(arguments) {
        *place = argument;
    }
    Ok(places)
}

/// The error of an argument, counted from 1, that a function does not take.
fn mismatch(function: &str, argument: usize) -> EvaluatorError {
    EvaluatorError::TypeError(format!(
        "T0410: Argument {argument} of function `{function}` does not match function signature"
    ))
}

/// An error without a code of the language.
fn raised(message: String) -> EvaluatorError {
    EvaluatorError::EvaluationError(message)
}

fn number(function: &str, argument: usize, value: &JValue) -> Result<f64, EvaluatorError> {
    match value.as_f64() {
        Some(number) if number.is_finite() => Ok(number),
        Some(_) | None => Err(mismatch(function, argument)),
    }
}

/// What functions answer to a first argument without a value.
const fn undefined() -> HostFnResult {
    Ok(JValue::Undefined)
}
