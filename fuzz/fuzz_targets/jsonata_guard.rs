//! Any text as a JSONata expression: refused, or judged with everything it reads. What evaluates
//! runs in a sandbox; this is the guard before it.
#![no_main]
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "only the guard is used"
)]

#[path = "../../host/evaluator/src"]
mod evaluator {
    pub(crate) mod error;
    pub(crate) mod evaluation;
    pub(crate) mod expression;
    pub(crate) mod functions;
    pub(crate) mod json;
    pub(crate) mod language;
    pub(crate) mod references;
    pub(crate) mod signatures;
}
// Under these names they know each other.
use evaluator::{error, evaluation, expression, functions, json, language, references, signatures};

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(expression) = expression::Expression::parse(text) {
        let read = &expression.references.states;
        assert!(read.is_empty() || text.contains("states"));
    }
});
