//! JSONata as far as a simulation needs it: plain paths and literals are answered in `asl`;
//! anything else has a value that depends on its text alone.

use asl::jsonata::{
    Evaluated, Evaluation, EvaluationError, Evaluator, References, SyntaxError, Unavailable,
};
use serde_json::json;

use crate::dice::hash;

pub(crate) struct ScriptedEvaluator;

impl Evaluator for ScriptedEvaluator {
    fn evaluate(&self, request: &Evaluation<'_>) -> Result<Evaluated, EvaluationError> {
        let value = |text: &&str| Some(json!(hash(&[text]) % 10));
        Ok(Evaluated {
            values: request.expressions.iter().map(value).collect(),
            instructions: 1,
        })
    }

    fn check(&self, texts: &[&str]) -> Result<Vec<Result<References, SyntaxError>>, Unavailable> {
        Ok(texts.iter().map(|_| Ok(References::default())).collect())
    }
}
