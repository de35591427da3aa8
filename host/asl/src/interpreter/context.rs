//! The context object (`$$`).
//!
//! Owns its members. What is the same for a whole execution, its input above all, is built once
//! and kept beside the execution; only the state and the Map item change.

use serde_json::{Map, Value, json};

use super::data::Told;
use super::error::can_retry;
use super::step::Step;
use crate::budget::Budget;
use crate::definition::State;
use crate::execution::{Frame, MapWait, Waiting};
use crate::intrinsic::Random;
use crate::scope::Scope;
use crate::{Execution, Variables};

impl Step<'_> {
    /// Evaluates with everything that the frame's state sees.
    pub(super) fn with_scope<R>(
        &mut self,
        frame: &Frame,
        state: &State,
        told: Told<'_>,
        evaluate: impl FnOnce(&mut Scope<'_>) -> R,
    ) -> R {
        let item = self.item_around(frame);
        self.with_item(frame, state, (item, told), evaluate)
    }

    /// Evaluates for the item at `place` of the Map under way in `frame`.
    pub(super) fn with_scope_of_item<R>(
        &mut self,
        frame: &Frame,
        state: &State,
        (map, place): (&MapWait, u32),
        evaluate: impl FnOnce(&mut Scope<'_>) -> R,
    ) -> R {
        self.with_item(frame, state, (item(map, place), Told::default()), evaluate)
    }

    fn with_item<R>(
        &mut self,
        frame: &Frame,
        state: &State,
        (item, told): (Option<Value>, Told<'_>),
        evaluate: impl FnOnce(&mut Scope<'_>) -> R,
    ) -> R {
        let variables = self.variables(frame);
        let execution = &mut self.execution;
        let mut context = execution
            .context
            .0
            .take()
            .unwrap_or_else(|| lasting(execution));
        context.insert("State".to_owned(), current(frame, state));
        match item {
            Some(item) => context.insert("Map".to_owned(), json!({ "Item": item })),
            None => context.remove("Map"),
        };
        match &frame.token {
            Some(token) => context.insert("Task".to_owned(), json!({ "Token": token })),
            None => context.remove("Task"),
        };
        let mut notes = None;
        if let Some(probe) = &mut self.probe {
            context.extend(probe.context.clone());
            notes = Some(&mut probe.notes);
        }
        let context = Value::Object(context);
        let mut scope = Scope {
            context: &context,
            variables: &variables,
            input: frame.input.value(),
            result: told.result,
            error_output: told.error_output,
            evaluator: self.evaluator,
            at: self.at,
            random: Random::new(self.random.next_u64()),
            budget: Budget::new(),
            notes,
        };
        let evaluated = evaluate(&mut scope);
        self.spent = self.spent.saturating_add(scope.budget.spent());
        if let Value::Object(context) = context {
            self.execution.context.0 = Some(context);
        }
        evaluated
    }

    /// The variables that the frame's state sees: its strand's own, then those around it.
    fn variables(&self, frame: &Frame) -> Variables {
        let mut variables = Variables::default();
        let mut place = Some(frame);
        while let Some(frame) = place {
            for (name, payload) in &frame.variables {
                variables.add_outer(name, payload.shared());
            }
            place = frame
                .parent
                .and_then(|parent| self.execution.frames.get(parent));
        }
        variables
    }

    /// The item of the innermost Map iteration that the frame belongs to.
    fn item_around(&self, frame: &Frame) -> Option<Value> {
        let mut place = frame.place;
        let mut parent = self.execution.frames.get(frame.parent?)?;
        loop {
            if let Waiting::Children(children) = &parent.waiting
                && let Some(map) = &children.map
                && map.run.is_none()
            {
                return item(map, place);
            }
            place = parent.place;
            parent = self.execution.frames.get(parent.parent?)?;
        }
    }
}

/// The members that stay the same.
fn lasting(execution: &Execution) -> Map<String, Value> {
    let header = execution.header();
    let mut about = Map::new();
    about.insert("Id".to_owned(), json!(header.arn));
    about.insert("Input".to_owned(), execution.input.value().clone());
    about.insert(
        "StartTime".to_owned(),
        json!(header.started_at.to_rfc3339()),
    );
    about.insert("Name".to_owned(), json!(header.name));
    if let Some(role_arn) = &header.role_arn {
        about.insert("RoleArn".to_owned(), json!(role_arn));
    }
    about.insert("RedriveCount".to_owned(), json!(0));
    let machine = json!({ "Id": header.machine_arn, "Name": header.machine_name });
    let mut context = Map::new();
    context.insert("Execution".to_owned(), Value::Object(about));
    context.insert("StateMachine".to_owned(), machine);
    context
}

fn current(frame: &Frame, state: &State) -> Value {
    let mut current = Map::new();
    current.insert("Name".to_owned(), json!(frame.state));
    current.insert(
        "EnteredTime".to_owned(),
        json!(frame.entered_at.to_rfc3339()),
    );
    if can_retry(state) {
        current.insert(
            "RetryCount".to_owned(),
            json!(frame.attempt().saturating_sub(1)),
        );
    }
    Value::Object(current)
}

fn item(map: &MapWait, place: u32) -> Option<Value> {
    let value = map.items.value().get(usize::try_from(place).ok()?)?;
    Some(json!({ "Index": place, "Value": value }))
}
