//! Judging definitions, whether to publish them or only to tell.
//!
//! Owns what a definition must be by itself. It does not know which components, roles and
//! reviews there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::StateMachine;
use asl::definition::check_expressions;
use asl::jsonata::Evaluator;
use auth::policy::{Permit, ReadStateMachine};
use document::Problem;
use serde_json::Value;

use super::{Definition, MachineType};
use crate::{Engine, Error};

/// What is known of a definition that is in order.
pub(super) struct Judgement {
    pub(super) machine: Arc<StateMachine>,
    pub(super) warnings: Vec<Problem>,
    /// The variables that each state reads, by the state's name.
    pub(super) variables: BTreeMap<String, Vec<String>>,
}

impl Engine {
    /// Judges a definition as publishing it would, as far as it stands for itself; the answer is
    /// what an author should look at though it is allowed.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every problem of the definition, [`Error::TooLarge`].
    pub async fn judge(
        &self,
        _permit: Permit<ReadStateMachine>,
        definition: &Definition,
        kind: MachineType,
    ) -> Result<Vec<Problem>, Error> {
        let judgement = self.judgement(definition, kind).await?;
        Ok(judgement.warnings)
    }

    pub(super) async fn judgement(
        &self,
        definition: &Definition,
        kind: MachineType,
    ) -> Result<Judgement, Error> {
        let bytes = match &definition.text {
            Some(text) => text.len(),
            None => definition.value.to_string().len(),
        };
        let limit = self.shared.config.definition_bytes_max;
        if bytes > limit {
            return Err(Error::TooLarge(format!(
                "the definition has {bytes} bytes, at most {limit} are allowed"
            )));
        }
        let evaluator = Arc::clone(&self.shared.ports.evaluator);
        let value = definition.value.clone();
        let judge = move || judge(&value, kind, evaluator.as_ref());
        self.shared.judged(judge).await?
    }
}

fn judge(
    definition: &Value,
    kind: MachineType,
    evaluator: &dyn Evaluator,
) -> Result<Judgement, Error> {
    let parsed = StateMachine::parse(definition).map_err(Error::Invalid)?;
    let judged = check_expressions(&parsed.machine, evaluator).map_err(Error::host)?;
    let mut problems = kind.problems(&parsed.machine);
    problems.extend(judged.problems);
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    Ok(Judgement {
        machine: Arc::new(parsed.machine),
        warnings: parsed.warnings,
        variables: judged.variables,
    })
}

impl MachineType {
    /// Every reason why `machine` cannot be of this type.
    pub(super) fn problems(self, machine: &StateMachine) -> Vec<Problem> {
        match self {
            Self::Standard => Vec::new(),
            Self::Express => machine.express_problems(),
        }
    }
}
