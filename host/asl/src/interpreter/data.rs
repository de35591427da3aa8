//! A state's data flow: input, result and output, kept as payloads within the quota.

use std::sync::Arc;

use serde_json::Value;

use super::step::{Fault, Step};
use crate::budget::Budget;
use crate::definition::State;
use crate::execution::Frame;
use crate::{Failure, Payload};

impl Step<'_> {
    /// The state's input after `InputPath`: what its own paths read.
    pub(super) fn selected_input(
        &mut self,
        frame: &Frame,
        state: &State,
    ) -> Result<Arc<Value>, Fault> {
        self.evaluate(frame, state, |context, budget| {
            state
                .flow
                .selected_input(&frame.input.shared(), context, budget)
        })
    }

    /// The state's input after `InputPath` and `Parameters`.
    pub(super) fn effective_input(
        &mut self,
        frame: &Frame,
        state: &State,
    ) -> Result<Arc<Value>, Fault> {
        self.evaluate(frame, state, |context, budget| {
            state
                .flow
                .effective_input(&frame.input.shared(), context, budget)
        })
    }

    /// The state's output: its result through `ResultSelector`, `ResultPath` and `OutputPath`.
    /// `kept` is the result where it was kept before.
    pub(super) fn output(
        &mut self,
        frame: &Frame,
        state: &State,
        result: Arc<Value>,
        kept: Option<&Payload>,
    ) -> Result<Payload, Fault> {
        let output = self.evaluate(frame, state, |context, budget| {
            let result = state.flow.result(result, context, budget)?;
            let merged = state.flow.merge(&frame.input.shared(), result)?;
            state.flow.output(&merged, context, budget)
        })?;
        match kept {
            Some(kept) => self.keep_once(&[&frame.input, kept], output, &frame.state),
            None => self.keep_once(&[&frame.input], output, &frame.state),
        }
    }

    /// Evaluates something of the state's own with the context object.
    pub(super) fn evaluate<R>(
        &mut self,
        frame: &Frame,
        state: &State,
        evaluate: impl FnOnce(&Value, &mut Budget) -> Result<R, Failure>,
    ) -> Result<R, Fault> {
        let evaluated = self.with_context(frame, state, evaluate);
        evaluated.map_err(|failure| Fault::of_state(frame, failure))
    }

    /// Keeps `value` unless one of the `known` payloads is the same value already.
    pub(super) fn keep_once(
        &mut self,
        known: &[&Payload],
        value: Arc<Value>,
        what: &str,
    ) -> Result<Payload, Fault> {
        match known
            .iter()
            .find(|payload| Arc::ptr_eq(&payload.shared(), &value))
        {
            Some(payload) => Ok(Payload::clone(payload)),
            None => self.keep(value, what),
        }
    }
}
