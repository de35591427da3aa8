//! An evaluator that is not there, and knows whether it was missed.

use std::sync::atomic::{AtomicBool, Ordering};

use asl::jsonata::{
    Evaluated, Evaluation, EvaluationError, EvaluationErrorKind, Evaluator, References,
    SyntaxError, Unavailable,
};

#[derive(Default)]
pub(crate) struct Absent(AtomicBool);

impl Absent {
    /// Whether an expression needed more than plain paths and literals.
    pub(crate) fn was_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Evaluator for Absent {
    fn evaluate(&self, _: &Evaluation<'_>) -> Result<Evaluated, EvaluationError> {
        self.0.store(true, Ordering::Relaxed);
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
