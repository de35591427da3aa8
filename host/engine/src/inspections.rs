//! Single states, tested with the host's evaluator and clock.
//!
//! Owns where the test takes place. What it means is `asl`'s; nothing of it is stored.

use std::sync::Arc;

use asl::inspection::{Inspection, Refusal, Request, Setting, inspect};
use auth::policy::{Permit, TestState};

use crate::{Engine, Error};

impl Engine {
    /// Runs one state on its own, with a mock in place of its work; `role_arn` is what its
    /// context object says.
    ///
    /// # Errors
    /// [`Error::Host`] if the host could not do it. That the request is refused is an answer.
    pub async fn test_state(
        &self,
        _permit: Permit<TestState>,
        request: Request,
        role_arn: Option<String>,
    ) -> Result<Result<Inspection, Refusal>, Error> {
        let (ports, config) = (&self.shared.ports, &self.shared.config);
        let setting = Setting {
            at: ports.clock.now(),
            seed: ports.clock.seed(),
            region: config.region.clone(),
            account: config.account.clone(),
            role_arn,
        };
        let evaluator = Arc::clone(&ports.evaluator);
        // Evaluating takes as long as the evaluator's limits let it.
        let inspect = move || inspect(&request, &setting, evaluator.as_ref());
        self.shared.judged(inspect).await
    }
}
