//! The context object (`$$`).
//!
//! Owns its members. What is the same for a whole execution, its input above all, is built once
//! and kept beside the execution; only the state and the Map item change.

use serde_json::{Map, Value, json};

use super::step::Step;
use crate::Execution;
use crate::budget::Budget;
use crate::definition::{State, StateKind};
use crate::execution::{Frame, MapWait, Waiting};

impl Step<'_> {
    /// Evaluates with the context object as the frame's state sees it.
    pub(super) fn with_context<R>(
        &mut self,
        frame: &Frame,
        state: &State,
        evaluate: impl FnOnce(&Value, &mut Budget) -> R,
    ) -> R {
        let item = self.item_around(frame);
        self.with_item(frame, state, item, evaluate)
    }

    /// Evaluates with the context object for the item at `place` of the Map under way in `frame`.
    pub(super) fn with_context_of_item<R>(
        &mut self,
        frame: &Frame,
        state: &State,
        (map, place): (&MapWait, u32),
        evaluate: impl FnOnce(&Value, &mut Budget) -> R,
    ) -> R {
        self.with_item(frame, state, item(map, place), evaluate)
    }

    fn with_item<R>(
        &mut self,
        frame: &Frame,
        state: &State,
        item: Option<Value>,
        evaluate: impl FnOnce(&Value, &mut Budget) -> R,
    ) -> R {
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
        let context = Value::Object(context);
        let mut budget = Budget::new();
        let evaluated = evaluate(&context, &mut budget);
        self.spent = self.spent.saturating_add(budget.spent());
        if let Value::Object(context) = context {
            self.execution.context.0 = Some(context);
        }
        evaluated
    }

    /// The item of the innermost Map iteration that the frame belongs to.
    fn item_around(&self, frame: &Frame) -> Option<Value> {
        let mut place = frame.place;
        let mut parent = self.execution.frames.get(frame.parent?)?;
        loop {
            if let Waiting::Children(children) = &parent.waiting
                && let Some(map) = &children.map
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

fn can_retry(state: &State) -> bool {
    match &state.kind {
        StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_) => true,
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_) => false,
    }
}
