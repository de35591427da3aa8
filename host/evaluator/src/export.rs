//! The world's exports: from the wire to the evaluator and back.

use std::cell::RefCell;

use crate::bindings::Guest;
use crate::bindings::sluice::evaluator::{progress, types as wire};
use crate::error::Failure;
use crate::evaluation::{self, Request};
use crate::expression::{Expression, Known};

/// The part of the stack that lies in linear memory. Recursive walks move on to another one before
/// it is full; without it, each would begin with one of its own.
const STACK_BYTES: usize = 1 << 20;
/// What a panic may say.
const MESSAGE_BYTES_MAX: usize = 512;

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::new(prepare());
}

fn prepare() -> Known {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let message = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let end = message.map_or(0, |text| text.floor_char_boundary(MESSAGE_BYTES_MAX));
        progress::panicked(message.and_then(|text| text.get(..end)).unwrap_or(""));
    }));
    Known::default()
}

struct Component;

impl Guest for Component {
    fn evaluate(request: wire::Request) -> Result<Vec<Option<String>>, wire::Failure> {
        stacker::grow(STACK_BYTES, || evaluate(&request))
    }

    fn check(expressions: Vec<String>) -> Vec<Result<wire::References, wire::Problem>> {
        stacker::grow(STACK_BYTES, || check(&expressions))
    }
}
mod exported {
    #![allow(unsafe_code, unreachable_pub, reason = "generated code")]

    use super::Component;

    crate::bindings::export!(Component with_types_in crate::bindings);
}

fn evaluate(request: &wire::Request) -> Result<Vec<Option<String>>, wire::Failure> {
    let request = Request {
        expressions: &request.expressions,
        bindings: &request.bindings,
        input: request.input.as_deref(),
        seed: request.seed,
    };
    KNOWN
        .with_borrow_mut(|known| evaluation::evaluate(&request, known, progress::evaluating))
        .map_err(|failure| match failure {
            Failure::Raised { code, message } => {
                wire::Failure::Raised(wire::Problem { code, message })
            }
            Failure::Unsupported => wire::Failure::Unsupported,
            Failure::Limit(limit) => wire::Failure::Limit(limit),
        })
}

fn check(expressions: &[String]) -> Vec<Result<wire::References, wire::Problem>> {
    KNOWN.with_borrow(|_| ());
    let judge = |text: &String| match Expression::parse(text) {
        Ok(expression) => match expression.references.top_name {
            Some(name) => Err(wire::Problem {
                code: String::new(),
                message: format!("Reference to '{name}' at the top level is not supported."),
            }),
            None => Ok(wire::References {
                variables: expression.references.variables.into_iter().collect(),
                states: expression.references.states.into_iter().collect(),
            }),
        },
        Err(error) => Err(wire::Problem {
            code: error.code,
            message: error.message,
        }),
    };
    expressions.iter().map(judge).collect()
}
