//! `Map`, mode `INLINE`: one strand for each item, so many at a time.

use std::sync::Arc;

use serde_json::Value;

use super::children::gathered;
use super::step::{Fault, Outcome, Progress, Step};
use super::{map_run, quantity};
use crate::definition::{Items, Map, Mode, State, StateKind};
use crate::execution::{ChildrenWait, Frame, MapWait, Waiting};
use crate::expression::Expected;
use crate::history::{HistoryDetail, Iteration};
use crate::{Failure, Payload};

/// How many iterations of one Map run at once at most (the service's limit for inline Maps).
const CONCURRENCY_MAX: u32 = 40;

pub(super) fn begin<'m>(
    step: &mut Step<'m>,
    frame: &mut Frame,
    state: &'m State,
    map: &'m Map,
) -> Outcome<'m> {
    if let Mode::Distributed(processor) = &map.mode {
        return map_run::begin(step, frame, state, map, processor);
    }
    let input = step.effective_input(frame, state)?;
    let items = items(step, frame, state, map, &input)?;
    let total = items.as_array().map_or(0, Vec::len);
    let total = u32::try_from(total).unwrap_or(u32::MAX);
    step.record_next(frame, HistoryDetail::MapStateStarted { length: total });
    let limit = concurrency(step, frame, state, map, &input)?;
    let input = step.keep_once(&[&frame.input], input, &frame.state)?;
    let items = step.keep_once(&[&frame.input, &input], items, &frame.state)?;
    let wait = MapWait {
        input,
        items,
        run: None,
    };
    frame.waiting = Waiting::Children(ChildrenWait {
        total,
        started: 0,
        done: 0,
        map: Some(wait),
    });
    if total == 0 {
        return gathered(step, frame, state);
    }
    for _ in 0..limit.min(total) {
        begin_next(step, frame, frame.last_event)?;
    }
    Ok(Progress::Waits)
}

/// Begins the next iteration, if there is one left.
pub(super) fn begin_next(
    step: &mut Step<'_>,
    frame: &mut Frame,
    previous: u64,
) -> Result<(), Fault> {
    let (Some(state), Waiting::Children(children)) = (step.state(frame), &frame.waiting) else {
        return Ok(());
    };
    let (StateKind::Map(map), Some(wait)) = (&state.kind, &children.map) else {
        return Ok(());
    };
    let place = children.started;
    if place >= children.total {
        return Ok(());
    }
    let input = item_input(step, frame, state, map, wait, place)?;
    if let Waiting::Children(children) = &mut frame.waiting {
        children.started = children.started.saturating_add(1);
    }
    let iteration = Iteration {
        name: frame.state.clone(),
        index: place,
    };
    let started = step.record(previous, HistoryDetail::MapIterationStarted(iteration));
    step.begin_child(frame, place, map.processor, input, started)
}

pub(super) fn item_input(
    step: &mut Step<'_>,
    frame: &Frame,
    state: &State,
    map: &Map,
    wait: &MapWait,
    place: u32,
) -> Result<Payload, Fault> {
    let input = item_value(step, frame, state, map, wait, place)?;
    step.keep(Arc::new(input), &frame.state)
}

/// What an iteration is given: the item, or what `ItemSelector` makes of it.
pub(super) fn item_value(
    step: &mut Step<'_>,
    frame: &Frame,
    state: &State,
    map: &Map,
    wait: &MapWait,
    place: u32,
) -> Result<Value, Fault> {
    match &map.item_selector {
        Some(selector) => {
            let selected = step.with_scope_of_item(frame, state, (wait, place), |scope| {
                selector.evaluate(wait.input.value(), scope)
            });
            selected.map_err(|failure| Fault::of_state(frame, failure))
        }
        None => {
            let item = usize::try_from(place)
                .ok()
                .and_then(|place| wait.items.value().get(place));
            Ok(item.cloned().unwrap_or(Value::Null))
        }
    }
}

/// The array under iteration.
pub(super) fn items(
    step: &mut Step<'_>,
    frame: &Frame,
    state: &State,
    map: &Map,
    input: &Arc<Value>,
) -> Result<Arc<Value>, Fault> {
    let items = match &map.items {
        Items::Input => Arc::clone(input),
        Items::At(path) if path.is_root() => Arc::clone(input),
        Items::At(path) => Arc::new(step.evaluate(frame, state, |scope| {
            path.evaluate_within(scope.roots(input), &mut scope.budget)
                .map_err(|error| error.of_field())
        })?),
        Items::Expression(expression) => {
            let items = step.evaluate(frame, state, |scope| {
                expression.value_of(Expected::Array, scope)
            });
            return items.map(Arc::new);
        }
        Items::Template(template) => {
            Arc::new(step.evaluate(frame, state, |scope| template.evaluate(input, scope))?)
        }
    };
    if items.is_array() {
        return Ok(items);
    }
    let path = match &map.items {
        // The service names the context object like any other document.
        Items::At(path) => path.to_string().replacen("$$", "$", 1),
        Items::Input | Items::Expression(_) | Items::Template(_) => "$states.input".to_owned(),
    };
    let cause = format!("Reference path \"{path}\" must point to array.");
    Err(Fault::of_state(frame, Failure::runtime(cause)))
}

fn concurrency(
    step: &mut Step<'_>,
    frame: &Frame,
    state: &State,
    map: &Map,
    input: &Value,
) -> Result<u32, Fault> {
    let asked = asked_concurrency(step, frame, state, map, input)?;
    Ok(if asked == 0 {
        CONCURRENCY_MAX
    } else {
        asked.min(CONCURRENCY_MAX)
    })
}

/// `MaxConcurrency`; 0 is no limit of the definition's.
pub(super) fn asked_concurrency(
    step: &mut Step<'_>,
    frame: &Frame,
    state: &State,
    map: &Map,
    input: &Value,
) -> Result<u32, Fault> {
    let asked = step.evaluate(frame, state, |scope| {
        quantity::resolve("MaxConcurrencyPath", &map.max_concurrency, input, scope)
    })?;
    Ok(u32::try_from(asked).unwrap_or(u32::MAX))
}
