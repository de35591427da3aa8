//! Functions over the time of the request.

use jsonata_core::evaluator::{Context, Evaluator, HostFnResult};
use jsonata_core::parser;
use jsonata_core::value::JValue;

use super::{exactly, mismatch, raised};

/// `$now([picture [, timezone]])`: the request's time as text.
pub(super) fn now(arguments: &[JValue]) -> HostFnResult {
    let [picture, timezone] = exactly::<2>("now", arguments)?;
    let mut context = Context::new();
    for (name, value, argument) in [("picture", picture, 1), ("timezone", timezone, 2)] {
        if !value.is_undefined() && !value.is_string() {
            return Err(mismatch("now", argument));
        }
        context.bind(name.to_owned(), value.clone());
    }
    let tree = parser::parse("$fromMillis($millis(), $picture, $timezone)")
        .map_err(|error| raised(error.to_string()))?;
    Evaluator::with_context(context).evaluate(&tree, &JValue::Undefined)
}
