//! The beginning of a map run: its limits, its items, its first children.

use std::sync::Arc;

use serde_json::Value;

use super::{filled, items, run_mut};
use crate::definition::{Batcher, Map, Processor, Quantity, Reader, State, StateKind, Tolerance};
use crate::execution::{Batch, ChildrenWait, Frame, MapWait, RunPhase, RunWait, Waiting};
use crate::history::HistoryDetail;
use crate::interpreter::step::{Fault, Outcome, Progress, Step};
use crate::interpreter::{map, quantity};
use crate::{Failure, Payload};

/// How many children of one map run a host runs at once.
const CHILDREN_MAX: u32 = 200;
const UUID_CHARACTERS: usize = 36;
/// How much of its execution's id a map run's id begins with, in characters.
pub const MAP_RUN_ID_SHARED: usize = 18;

pub(in crate::interpreter) fn begin<'m>(
    step: &mut Step<'m>,
    frame: &mut Frame,
    state: &'m State,
    map: &'m Map,
    processor: &'m Processor,
) -> Outcome<'m> {
    let input = step.effective_input(frame, state)?;
    let found = match &processor.reader {
        Some(_) => Arc::new(Value::Array(Vec::new())),
        None => map::items(step, frame, state, map, &input)?,
    };
    let length = found.as_array().map_or(0, Vec::len);
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    step.record_next(frame, HistoryDetail::MapStateStarted { length });
    let concurrency = map::asked_concurrency(step, frame, state, map, &input)?;
    let (count, percentage) = tolerated(step, frame, state, &processor.tolerance, &input)?;
    let batch = match &processor.batcher {
        Some(batcher) => Some(batch(step, frame, state, batcher, &input)?),
        None => None,
    };
    let reading = match &processor.reader {
        Some(reader) => Some(reading(step, frame, state, reader, &input)?),
        None => None,
    };
    let arn = arn(step, processor);
    let input = step.keep_once(&[&frame.input], input, &frame.state)?;
    let items = step.keep_once(&[&frame.input, &input], found, &frame.state)?;
    step.record_next(frame, HistoryDetail::MapRunStarted { arn: arn.clone() });
    let run = RunWait {
        arn,
        concurrency: if concurrency == 0 {
            CHILDREN_MAX
        } else {
            concurrency.min(CHILDREN_MAX)
        },
        next_item: 0,
        failed: 0,
        tolerated_count: count,
        tolerated_percentage: percentage,
        batch,
        result_bytes: 0,
        phase: RunPhase::Children,
    };
    frame.waiting = Waiting::Children(ChildrenWait {
        total: u32::MAX,
        started: 0,
        done: 0,
        map: Some(MapWait {
            input,
            items,
            run: Some(Box::new(run)),
        }),
    });
    match reading {
        Some(reading) => read(step, frame, reading),
        None => first_children(step, frame, state),
    }
}

/// Goes on with the items that were read.
pub(super) fn with_items<'m>(
    step: &mut Step<'m>,
    frame: &mut Frame,
    state: &'m State,
    items: Vec<Value>,
) -> Outcome<'m> {
    // Items from outside may be larger than a state's quota; the reading has limits of its own.
    let items = step.execution.payload(Arc::new(Value::Array(items)));
    if let Waiting::Children(ChildrenWait { map: Some(map), .. }) = &mut frame.waiting {
        map.items = items;
    }
    if let Some((_, run)) = run_mut(frame) {
        run.phase = RunPhase::Children;
    }
    first_children(step, frame, state)
}

fn first_children<'m>(step: &mut Step<'m>, frame: &mut Frame, state: &'m State) -> Outcome<'m> {
    items::start_children(step, frame)?;
    match frame.map_run() {
        Some((children, _)) if children.total == 0 => {
            super::gathered(step, frame, state, Vec::new())
        }
        Some(_) | None => Ok(Progress::Waits),
    }
}

/// What a reader is asked for.
pub(in crate::interpreter) struct Reading {
    resource: String,
    arguments: Payload,
    pub(in crate::interpreter) config: Payload,
    max_items: i64,
}

impl Reading {
    /// How many items are wanted; 0 is all.
    pub(in crate::interpreter) fn wanted(&self) -> Result<u64, Fault> {
        let cause = "field MaxItems must be positive";
        u64::try_from(self.max_items).map_err(|_| Fault::new("States.ItemReaderFailed", cause))
    }
}

fn read<'m>(step: &mut Step<'m>, frame: &mut Frame, reading: Reading) -> Outcome<'m> {
    let max_items = reading.wanted()?;
    let effect = step.execution.new_effect();
    if let Some((_, run)) = run_mut(frame) {
        run.phase = RunPhase::Reading {
            effect,
            resource: reading.resource,
            arguments: reading.arguments,
            config: reading.config,
            max_items,
        };
    }
    let wanted = step.execution.effect_of_run(frame);
    step.effects.extend(wanted);
    Ok(Progress::Waits)
}

pub(in crate::interpreter) fn reading(
    step: &mut Step<'_>,
    frame: &Frame,
    state: &State,
    reader: &Reader,
    input: &Value,
) -> Result<Reading, Fault> {
    let max_items = whole(step, frame, state, ("MaxItems", &reader.max_items), input)?;
    Ok(Reading {
        resource: reader.resource.clone(),
        arguments: filled(step, frame, state, reader.arguments.as_ref())?,
        config: filled(step, frame, state, reader.config.as_ref())?,
        max_items: max_items.unwrap_or(0),
    })
}

pub(in crate::interpreter) fn batch(
    step: &mut Step<'_>,
    frame: &Frame,
    state: &State,
    batcher: &Batcher,
    input: &Value,
) -> Result<Batch, Fault> {
    let mut limit = |name: &str, quantity: &Option<Quantity>| {
        let limit = whole(step, frame, state, (name, quantity), input)?;
        let positive = |limit: i64| u64::try_from(limit).ok().filter(|limit| *limit > 0);
        match limit.map(positive) {
            Some(Some(limit)) => Ok(Some(limit)),
            Some(None) => Err(Fault::of_state(
                frame,
                Failure::runtime(format!("{name} must be positive.")),
            )),
            None => Ok(None),
        }
    };
    let items_max = limit("MaxItemsPerBatch", &batcher.items_max)?;
    let bytes_max = limit("MaxInputBytesPerBatch", &batcher.bytes_max)?;
    let input = match &batcher.input {
        Some(template) => Some(filled(step, frame, state, Some(template))?),
        None => None,
    };
    let most = u64::try_from(step.payload_bytes_max()).unwrap_or(u64::MAX);
    Ok(Batch {
        items_max: items_max.unwrap_or(u64::MAX),
        bytes_max: bytes_max.unwrap_or(most).min(most),
        input,
    })
}

pub(in crate::interpreter) fn tolerated(
    step: &mut Step<'_>,
    frame: &Frame,
    state: &State,
    tolerance: &Tolerance,
    input: &Value,
) -> Result<(Option<u64>, Option<f64>), Fault> {
    let count = whole(
        step,
        frame,
        state,
        ("ToleratedFailureCount", &tolerance.count),
        input,
    )?;
    let count = match count.map(u64::try_from) {
        Some(Ok(count)) => Some(count),
        Some(Err(_)) => {
            let cause = "ToleratedFailureCount cannot be negative.";
            return Err(Fault::of_state(frame, Failure::runtime(cause)));
        }
        None => None,
    };
    let percentage = tolerance.percentage.as_ref().map(|percentage| {
        step.evaluate(frame, state, |scope| {
            quantity::percentage("ToleratedFailurePercentage", percentage, input, scope)
        })
    });
    Ok((count, percentage.transpose()?))
}

fn whole(
    step: &mut Step<'_>,
    frame: &Frame,
    state: &State,
    (name, quantity): (&str, &Option<Quantity>),
    input: &Value,
) -> Result<Option<i64>, Fault> {
    let quantity = quantity.as_ref().map(|quantity| {
        step.evaluate(frame, state, |scope| {
            quantity::integer(name, quantity, input, scope)
        })
    });
    quantity.transpose()
}

/// A new map run's ARN: that of the machine, with the label and an id.
fn arn(step: &mut Step<'_>, processor: &Processor) -> String {
    let label = match &processor.label {
        Some(label) => label.clone(),
        None => step.random.uuid(),
    };
    let id = step.random.uuid();
    let header = step.execution.header();
    let id = run_id(header.id.as_str(), &id);
    let machine = header.machine_arn.replacen(":stateMachine:", ":mapRun:", 1);
    format!("{machine}/{label}:{id}")
}

/// A map run's id begins as that of its execution does, so that the one leads to the other.
fn run_id(execution: &str, own: &str) -> String {
    let shared = execution.get(..MAP_RUN_ID_SHARED);
    match (shared, own.get(MAP_RUN_ID_SHARED..)) {
        (Some(shared), Some(own)) if execution.len() == UUID_CHARACTERS => format!("{shared}{own}"),
        (Some(_) | None, Some(_) | None) => own.to_owned(),
    }
}

/// The Map that the state is.
pub(super) fn map_of(state: &State) -> Option<&Map> {
    match &state.kind {
        StateKind::Map(map) => Some(map),
        StateKind::Task(_)
        | StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_)
        | StateKind::Parallel(_) => None,
    }
}
