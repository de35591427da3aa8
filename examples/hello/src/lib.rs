//! The smallest step: it needs nothing, so it has no manifest.

use sluice_step::{Failure, step};

#[derive(serde::Deserialize)]
struct Input {
    name: String,
}

#[derive(serde::Serialize)]
struct Output {
    greeting: String,
}

#[step]
fn hello(input: Input) -> Result<Output, Failure> {
    Ok(Output {
        greeting: format!("Hello, {}", input.name),
    })
}
