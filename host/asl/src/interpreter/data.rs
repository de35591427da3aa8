//! A state's data flow: input, result, output and variables, kept as payloads within the quota.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::step::{Exit, Fault, Step};
use crate::definition::{Flow, State};
use crate::execution::Frame;
use crate::scope::Scope;
use crate::template::Template;
use crate::{Failure, Payload};

impl Step<'_> {
    /// The state's input after `InputPath`: what its own paths read.
    pub(super) fn selected_input(
        &mut self,
        frame: &Frame,
        state: &State,
    ) -> Result<Arc<Value>, Fault> {
        self.evaluate(frame, state, |scope| {
            state.flow.selected_input(&frame.input.shared(), scope)
        })
    }

    /// The state's input after `InputPath` and `Parameters`, or its `Arguments`.
    pub(super) fn effective_input(
        &mut self,
        frame: &Frame,
        state: &State,
    ) -> Result<Arc<Value>, Fault> {
        self.evaluate(frame, state, |scope| {
            state.flow.effective_input(&frame.input.shared(), scope)
        })
    }

    /// What the state leaves behind, made of its result. `kept` is the result where it was kept
    /// before.
    pub(super) fn exit(
        &mut self,
        frame: &Frame,
        state: &State,
        result: Arc<Value>,
        kept: Option<&Payload>,
    ) -> Result<Exit, Fault> {
        let raw = frame.input.shared();
        let about = Arc::clone(&result);
        let told = Told::result_of(state, &about);
        let (output, assigned) = self.evaluate_told(frame, state, told, |scope| {
            let assigned = assigned(state.assign.as_ref(), &about, scope)?;
            let output = state.flow.output(&raw, result, scope)?;
            Ok((output, assigned))
        })?;
        let known = [Some(&frame.input), kept];
        self.exit_with(frame, &known, output, assigned)
    }

    /// What the state leaves behind, with fields of its own for output and variables; they see
    /// `data` as `$`, or as what `told` says.
    pub(super) fn exit_by(
        &mut self,
        frame: &Frame,
        state: &State,
        (output, assign): (Option<&Template>, Option<&Template>),
        (data, told): (Arc<Value>, Told<'_>),
    ) -> Result<Exit, Fault> {
        let (output, assigned) = self.evaluate_told(frame, state, told, |scope| {
            let assigned = assigned(assign, &data, scope)?;
            let output = match output {
                Some(output) => Arc::new(output.evaluate(&data, scope)?),
                None => Arc::clone(&data),
            };
            Ok((output, assigned))
        })?;
        self.exit_with(frame, &[Some(&frame.input)], output, assigned)
    }

    /// Keeps an output and variables.
    pub(super) fn exit_with(
        &mut self,
        frame: &Frame,
        known: &[Option<&Payload>],
        output: Arc<Value>,
        assigned: serde_json::Map<String, Value>,
    ) -> Result<Exit, Fault> {
        let known: Vec<&Payload> = known.iter().copied().flatten().collect();
        let output = self.keep_once(&known, output, &frame.state)?;
        let assigned = self.keep_assigned(frame, assigned)?;
        Ok(Exit { output, assigned })
    }

    /// Evaluates something of the state's own.
    pub(super) fn evaluate<R>(
        &mut self,
        frame: &Frame,
        state: &State,
        evaluate: impl FnOnce(&mut Scope<'_>) -> Result<R, Failure>,
    ) -> Result<R, Fault> {
        self.evaluate_told(frame, state, Told::default(), evaluate)
    }

    /// Evaluates something of the state's own that may see what `told` holds.
    pub(super) fn evaluate_told<R>(
        &mut self,
        frame: &Frame,
        state: &State,
        told: Told<'_>,
        evaluate: impl FnOnce(&mut Scope<'_>) -> Result<R, Failure>,
    ) -> Result<R, Fault> {
        let evaluated = self.with_scope(frame, state, told, evaluate);
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

    fn keep_assigned(
        &mut self,
        frame: &Frame,
        assigned: serde_json::Map<String, Value>,
    ) -> Result<BTreeMap<String, Payload>, Fault> {
        if assigned.is_empty() {
            return Ok(BTreeMap::new());
        }
        // All that one state assigns is limited like a payload.
        let all = Value::Object(assigned);
        if self.payload_bytes(&all).is_none() {
            return Err(Fault::too_large(&frame.state));
        }
        let Value::Object(assigned) = all else {
            return Ok(BTreeMap::new());
        };
        assigned
            .into_iter()
            .map(|(name, value)| {
                let kept = self.keep(Arc::new(value), &frame.state)?;
                Ok((name, kept))
            })
            .collect()
    }
}

/// What expressions may see besides the state's input.
#[derive(Clone, Copy, Default)]
pub(super) struct Told<'a> {
    /// `$states.result`.
    pub(super) result: Option<&'a Value>,
    /// `$states.errorOutput`.
    pub(super) error_output: Option<&'a Value>,
}

impl<'a> Told<'a> {
    /// The result, in states that have one of their own.
    fn result_of(state: &State, result: &'a Value) -> Self {
        let has_result = match &state.flow {
            Flow::JsonPath(_) => false,
            Flow::Jsonata(_) => super::error::can_retry(state),
        };
        Self {
            result: has_result.then_some(result),
            error_output: None,
        }
    }

    /// What a catcher caught.
    pub(super) fn error_output(error_output: &'a Value) -> Self {
        Self {
            result: None,
            error_output: Some(error_output),
        }
    }
}

/// The values of `Assign` where `$` stands for `data`.
fn assigned(
    assign: Option<&Template>,
    data: &Value,
    scope: &mut Scope<'_>,
) -> Result<serde_json::Map<String, Value>, Failure> {
    match assign {
        Some(assign) => assign.members(data, scope),
        None => Ok(serde_json::Map::new()),
    }
}
