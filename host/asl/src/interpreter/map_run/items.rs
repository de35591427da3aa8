//! Items to children: selecting, batching, starting as many as may run.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::begin::map_of;
use super::run_mut;
use crate::definition::{self, State};
use crate::execution::{Batch, ChildrenWait, Frame, MapWait, RunWait, Waiting};
use crate::interpreter::map;
use crate::interpreter::step::{Fault, Step};

/// Starts children until as many run as may, or no item is left. Once none is left, the run's
/// total is known.
pub(super) fn start_children(step: &mut Step<'_>, frame: &mut Frame) -> Result<(), Fault> {
    let Some(state) = step.state(frame) else {
        return Ok(());
    };
    let Some(map) = map_of(state) else {
        return Ok(());
    };
    loop {
        let Some((children, run)) = frame.map_run() else {
            return Ok(());
        };
        let Waiting::Children(ChildrenWait {
            map: Some(wait), ..
        }) = &frame.waiting
        else {
            return Ok(());
        };
        let length = wait.items.value().as_array().map_or(0, Vec::len);
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        if run.next_item >= length {
            break;
        }
        let running = children.started.saturating_sub(children.done);
        if running >= run.concurrency {
            return Ok(());
        }
        if step.has_spent_enough() {
            step.ask_to_continue();
            return Ok(());
        }
        start_child(step, frame, state, map, wait.clone())?;
    }
    if let Some((counts, _)) = run_mut(frame) {
        *counts.total = *counts.started;
    }
    Ok(())
}

fn start_child(
    step: &mut Step<'_>,
    frame: &mut Frame,
    state: &State,
    map: &definition::Map,
    wait: MapWait,
) -> Result<(), Fault> {
    let Some(run) = wait.run.as_deref() else {
        return Ok(());
    };
    let (input, items) = match &run.batch {
        None => (selected(step, frame, state, map, &wait, run.next_item)?, 1),
        Some(batch) => batched(step, frame, state, map, (&wait, run, batch))?,
    };
    let input = step.keep(Arc::new(input), &frame.state)?;
    let effect = step.execution.new_effect();
    let Some((counts, run)) = run_mut(frame) else {
        return Ok(());
    };
    let place = *counts.started;
    *counts.started = place.saturating_add(1);
    run.next_item = run.next_item.saturating_add(items);
    let child = Frame {
        id: step.execution.new_frame(),
        parent: Some(frame.id),
        place,
        block: map.processor,
        state: String::new(),
        input,
        entered_at: step.at,
        entered_event: 0,
        retries: Vec::new(),
        last_event: 0,
        before_entry: 0,
        variables: BTreeMap::new(),
        token: None,
        waiting: Waiting::Child { effect, items },
    };
    step.effects
        .push(crate::Effect::StartChild(crate::ChildRun {
            effect,
            map_run: frame
                .map_run()
                .map(|(_, run)| run.arn.clone())
                .unwrap_or_default(),
            state: frame.state.clone(),
            block: child.block,
            index: place,
            input: child.input.clone(),
        }));
    step.execution.frames.put(child);
    Ok(())
}

/// One item through `ItemSelector`.
fn selected(
    step: &mut Step<'_>,
    frame: &Frame,
    state: &State,
    map: &definition::Map,
    wait: &MapWait,
    place: u32,
) -> Result<Value, Fault> {
    map::item_value(step, frame, state, map, wait, place)
}

/// As many items as fit into one batch, at least one; gives how many.
pub(in crate::interpreter) fn batched(
    step: &mut Step<'_>,
    frame: &Frame,
    state: &State,
    map: &definition::Map,
    (wait, run, batch): (&MapWait, &RunWait, &Batch),
) -> Result<(Value, u32), Fault> {
    let length = wait.items.value().as_array().map_or(0, Vec::len);
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let mut items = Vec::new();
    let around = batch
        .input
        .as_ref()
        .and_then(|input| step.payload_bytes(input.value()));
    let mut bytes = around
        .unwrap_or(0)
        .saturating_add(r#"{"BatchInput":,"Items":[]}"#.len());
    let mut place = run.next_item;
    while place < length && (items.len() as u64) < batch.items_max {
        let item = selected(step, frame, state, map, wait, place)?;
        let size = step.payload_bytes(&item).unwrap_or(usize::MAX);
        bytes = bytes.saturating_add(size).saturating_add(1);
        // What the items cost ends a batch as well, so that no transition is without bounds.
        let is_full = bytes as u64 > batch.bytes_max || step.has_spent_enough();
        if is_full && !items.is_empty() {
            break;
        }
        items.push(item);
        place = place.saturating_add(1);
    }
    let mut members = Map::new();
    if let Some(input) = &batch.input {
        members.insert("BatchInput".to_owned(), input.value().clone());
    }
    members.insert("Items".to_owned(), Value::Array(items));
    Ok((Value::Object(members), place.saturating_sub(run.next_item)))
}
