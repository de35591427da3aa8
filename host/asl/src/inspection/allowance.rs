//! What one test may cost, however many times the state under test has something evaluated.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::jsonata::{
    Evaluated, Evaluation, EvaluationError, EvaluationErrorKind, Evaluator, References,
    SyntaxError, Unavailable,
};

/// Calls of the evaluator: one for each item that a Map shows, and a few for its other fields.
const CALLS_MAX: u64 = 256;
/// Instructions of all calls together: what the expressions of one state may take.
const INSTRUCTIONS_MAX: u64 = 12_000_000_000;

/// An evaluator that answers until the test has spent what it may.
pub(super) struct Allowance<'a> {
    evaluator: &'a dyn Evaluator,
    calls: AtomicU64,
    instructions: AtomicU64,
}

impl<'a> Allowance<'a> {
    pub(super) fn new(evaluator: &'a dyn Evaluator) -> Self {
        Self {
            evaluator,
            calls: AtomicU64::new(0),
            instructions: AtomicU64::new(0),
        }
    }
}

impl Evaluator for Allowance<'_> {
    fn evaluate(&self, request: &Evaluation<'_>) -> Result<Evaluated, EvaluationError> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        let spent = self.instructions.load(Ordering::Relaxed);
        if calls >= CALLS_MAX || spent >= INSTRUCTIONS_MAX {
            let limit = format!(
                "A test of a state may make {CALLS_MAX} evaluations and take {INSTRUCTIONS_MAX} instructions in all of them, and this one did"
            );
            return Err(EvaluationError {
                index: 0,
                kind: EvaluationErrorKind::Limit(limit),
                instructions: 0,
            });
        }
        let answer = self.evaluator.evaluate(request);
        let taken = match &answer {
            Ok(evaluated) => evaluated.instructions,
            Err(error) => error.instructions,
        };
        self.instructions.fetch_add(taken, Ordering::Relaxed);
        answer
    }

    fn check(
        &self,
        expressions: &[&str],
    ) -> Result<Vec<Result<References, SyntaxError>>, Unavailable> {
        self.evaluator.check(expressions)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::Timestamp;

    /// Each call takes so many instructions.
    struct Costly(u64);

    impl Evaluator for Costly {
        fn evaluate(&self, _: &Evaluation<'_>) -> Result<Evaluated, EvaluationError> {
            Ok(Evaluated {
                values: vec![None],
                instructions: self.0,
            })
        }

        fn check(&self, _: &[&str]) -> Result<Vec<Result<References, SyntaxError>>, Unavailable> {
            Err(Unavailable("none here".to_owned()))
        }
    }

    /// How many of many calls are answered.
    fn answered(instructions: u64) -> usize {
        let costly = Costly(instructions);
        let allowance = Allowance::new(&costly);
        let bindings = Map::new();
        let request = Evaluation {
            expressions: &["$sum([])"],
            bindings: &bindings,
            at: Timestamp(0),
            seed: 0,
        };
        let answers = (0..1_000).map(|_| allowance.evaluate(&request));
        answers.filter(Result::is_ok).count()
    }

    #[test]
    fn a_test_makes_so_many_evaluations() {
        assert_eq!(answered(1), 256);
    }

    #[test]
    fn a_test_takes_so_many_instructions() {
        assert_eq!(answered(INSTRUCTIONS_MAX / 3), 3);
        assert_eq!(answered(INSTRUCTIONS_MAX), 1);
    }
}
