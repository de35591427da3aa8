//! From JSON text through the step and back.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::sluice::step::types as wire;
use crate::{Context, Failure};

/// The error name of an input that is not of the step's type.
const INVALID_INPUT: &str = "Sluice.InvalidInput";

/// The error name of an output that JSON cannot hold.
const INVALID_OUTPUT: &str = "Sluice.InvalidOutput";

/// Runs a step on JSON text.
pub fn run<I, O, E>(
    step: impl FnOnce(I, &Context) -> Result<O, E>,
    context: wire::Context,
    input: &str,
) -> Result<String, wire::Failure>
where
    I: DeserializeOwned,
    O: Serialize,
    E: Into<Failure>,
{
    let output = parse(input).and_then(|input| {
        let output = step(input, &context.into()).map_err(Into::into)?;
        serde_json::to_string(&output).map_err(|error| {
            Failure::new(INVALID_OUTPUT, format!("the output is not JSON: {error}"))
        })
    });
    output.map_err(wire::Failure::from)
}

fn parse<I: DeserializeOwned>(input: &str) -> Result<I, Failure> {
    let mut deserializer = serde_json::Deserializer::from_str(input);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        Failure::new(
            INVALID_INPUT,
            format!("the input does not fit at `{path}`: {}", error.inner()),
        )
    })?;
    deserializer.end().map_err(|error| {
        Failure::new(
            INVALID_INPUT,
            format!("the input is not one JSON value: {error}"),
        )
    })?;
    Ok(value)
}
