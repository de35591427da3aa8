//! The evaluator's interface as generated from its `evaluator.wit`.

mod generated {
    wasmtime::component::bindgen!({
        path: "../evaluator/wit",
        world: "evaluator",
        exports: { default: async },
    });
}

pub(super) use generated::sluice::evaluator::progress;
pub(super) use generated::sluice::evaluator::types::{Failure, Problem, References, Request};
pub(super) use generated::{Evaluator as Component, EvaluatorPre as ComponentPre};
