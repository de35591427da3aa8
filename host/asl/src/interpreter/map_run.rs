//! `Map`, mode `DISTRIBUTED`: a map run with one child execution for each item or batch.
//!
//! Owns the run's course: reading items, starting children, counting failures, writing results.
//! It does not know how an execution is started nor where items come from.

mod begin;
mod items;

use std::sync::Arc;

use serde_json::{Value, json};

use super::Ignored;
use super::step::{Fault, Outcome, Progress, Step};
use crate::definition::{Mode, State, StateKind, Writer};
use crate::execution::{ChildrenWait, Frame, MapWait, RunPhase, RunWait, Waiting};
use crate::history::{ErrorDetail, HistoryDetail};
use crate::items::ResultFormat;
use crate::template::Template;
use crate::{EffectId, Failure, FrameId, Payload};
pub use begin::MAP_RUN_ID_SHARED;
pub(super) use begin::{batch, begin, reading, tolerated};
pub(super) use items::batched;

/// What a run fails with when more items failed than it tolerates.
const THRESHOLD: &str = "States.ExceedToleratedFailureThreshold";

/// What a run fails with when its results cannot be put together.
const WRITER_FAILED: &str = "States.ResultWriterFailed";

/// How a child execution ended.
pub(super) enum Ended {
    Succeeded(Value),
    Failed(ErrorDetail),
}

impl Ended {
    pub(super) fn failed(error: String, cause: String) -> Self {
        Self::Failed(ErrorDetail {
            error: Some(error),
            cause: Some(cause),
        })
    }
}

impl Step<'_> {
    /// A child execution has answered its effect.
    pub(super) fn child_answered(&mut self, effect: EffectId, ended: Ended) -> Result<(), Ignored> {
        let frame = self
            .execution
            .frames
            .waiting_for(effect)
            .ok_or(Ignored::NotWaiting(effect))?;
        match &frame.waiting {
            Waiting::Child { .. } => {
                let id = frame.id;
                self.child_ended(id, ended);
                Ok(())
            }
            Waiting::Turn
            | Waiting::Task(_)
            | Waiting::Time(_)
            | Waiting::Delay(_)
            | Waiting::Children(_)
            | Waiting::Siblings { .. } => Err(Ignored::WrongAnswer(effect)),
        }
    }

    /// A child execution has ended: the run starts the next one, or has them all.
    fn child_ended(&mut self, id: FrameId, ended: Ended) {
        let Some(mut child) = self.execution.frames.take(id) else {
            return;
        };
        let parent = child
            .parent
            .and_then(|parent| self.execution.frames.take(parent));
        let Some(mut parent) = parent else { return };
        let Waiting::Child { items, .. } = child.waiting else {
            self.execution.frames.put(child);
            return self.execution.frames.put(parent);
        };
        let (output, failed) = match ended {
            Ended::Succeeded(output) => (output, 0),
            Ended::Failed(error) => {
                let error = json!({ "Error": error.error, "Cause": error.cause });
                (error, items)
            }
        };
        let kept = self.keep_result(&mut parent, output, failed > 0);
        let kept = kept.map(|output| {
            child.waiting = Waiting::Siblings { output };
            self.execution.frames.put(child);
        });
        let went_on = kept.and_then(|()| self.go_on_with_run(&mut parent, failed));
        match went_on {
            Ok(()) => self.execution.frames.put(parent),
            Err(fault) => self.fail(parent, fault),
        }
    }

    /// Keeps what the run needs of a child's output: all of it where results stay in the state's
    /// output and may still fit, and none of a success where a writer reads it from the child.
    fn keep_result(
        &mut self,
        parent: &mut Frame,
        output: Value,
        failed: bool,
    ) -> Result<Payload, Fault> {
        let is_written = self.state(parent).and_then(writer_of_files).is_some();
        let bytes_max = self.payload_bytes_max();
        let Some(bytes) = self.payload_bytes(&output) else {
            return Err(Fault::too_large(&parent.state));
        };
        let is_needed = match run_mut(parent) {
            _ if is_written => failed,
            Some((_, run)) => {
                // Flattened, an array leaves its brackets behind.
                run.result_bytes = run.result_bytes.saturating_add(bytes.saturating_sub(2));
                run.result_bytes <= bytes_max
            }
            None => true,
        };
        let kept = if is_needed { output } else { Value::Null };
        Ok(self.execution.payload(Arc::new(kept)))
    }

    fn go_on_with_run(&mut self, parent: &mut Frame, failed: u32) -> Result<(), Fault> {
        if let Some((children, run)) = run_mut(parent) {
            *children.done = children.done.saturating_add(1);
            run.failed = run.failed.saturating_add(failed);
        }
        check_tolerance(parent)?;
        items::start_children(self, parent)?;
        if let Some((children, _)) = parent.map_run()
            && children.done >= children.total
        {
            self.gathered.push(parent.id);
        }
        Ok(())
    }

    /// Lets runs that could have more children under way start them.
    pub(super) fn go_on_with_runs(&mut self) {
        let frames = self.execution.frames.iter();
        let hungry = frames.filter(|frame| {
            frame.map_run().is_some_and(|(children, run)| {
                let running = children.started.saturating_sub(children.done);
                matches!(run.phase, RunPhase::Children)
                    && children.total == u32::MAX
                    && running < run.concurrency
            })
        });
        let hungry: Vec<FrameId> = hungry.map(|frame| frame.id).collect();
        for id in hungry {
            let Some(mut frame) = self.execution.frames.take(id) else {
                continue;
            };
            match items::start_children(self, &mut frame) {
                Ok(()) => {
                    let is_over = frame
                        .map_run()
                        .is_some_and(|(children, _)| children.done >= children.total);
                    if is_over {
                        self.gathered.push(frame.id);
                    }
                    self.execution.frames.put(frame);
                }
                Err(fault) => self.fail(frame, fault),
            }
        }
    }

    /// The run's items have come.
    pub(super) fn items_read(
        &mut self,
        effect: EffectId,
        items: Vec<Value>,
    ) -> Result<(), Ignored> {
        let id = self.run_of(effect)?;
        self.resume(id, |step, frame, state| {
            begin::with_items(step, frame, state, items)
        });
        Ok(())
    }

    /// The run's results have been written.
    pub(super) fn results_written(
        &mut self,
        effect: EffectId,
        details: Value,
    ) -> Result<(), Ignored> {
        let id = self.run_of(effect)?;
        self.resume(id, |step, frame, state| {
            let arn = frame.map_run().map(|(_, run)| run.arn.clone());
            let result = json!({ "MapRunArn": arn, "ResultWriterDetails": details });
            leave(step, frame, state, result)
        });
        Ok(())
    }

    /// The run's items could not be read, or its results not be written.
    pub(super) fn map_run_failed(
        &mut self,
        effect: EffectId,
        error: String,
        cause: String,
    ) -> Result<(), Ignored> {
        let id = self.run_of(effect)?;
        self.resume(id, |_, _, _| Err(Fault::new(error, cause)));
        Ok(())
    }

    /// The frame whose map run waits for the effect itself.
    fn run_of(&self, effect: EffectId) -> Result<FrameId, Ignored> {
        let frame = self
            .execution
            .frames
            .waiting_for(effect)
            .ok_or(Ignored::NotWaiting(effect))?;
        match &frame.waiting {
            Waiting::Children(_) => Ok(frame.id),
            Waiting::Turn
            | Waiting::Task(_)
            | Waiting::Time(_)
            | Waiting::Delay(_)
            | Waiting::Child { .. }
            | Waiting::Siblings { .. } => Err(Ignored::WrongAnswer(effect)),
        }
    }
}

/// Ends a run whose children have all ended: leaves the state, or has the results written first.
pub(super) fn gathered<'m>(
    step: &mut Step<'m>,
    frame: &mut Frame,
    state: &'m State,
    outputs: Vec<Payload>,
) -> Outcome<'m> {
    let Some(writer) = writer_of_files(state) else {
        let bytes = frame.map_run().map_or(0, |(_, run)| run.result_bytes);
        if bytes > step.payload_bytes_max() {
            return Err(Fault::too_large(&frame.state));
        }
        let format = result_format(step, frame, state)?;
        let outputs = outputs.iter().map(|output| output.value().clone());
        let results = outputs.flat_map(|output| format.results(output)).collect();
        return leave(step, frame, state, Value::Array(results));
    };
    let arguments = filled(step, frame, state, writer.arguments.as_ref())?;
    let config = filled(step, frame, state, writer.config.as_ref())?;
    let effect = step.execution.new_effect();
    if let Some((_, run)) = run_mut(frame) {
        run.phase = RunPhase::Writing {
            effect,
            resource: writer.resource.clone(),
            arguments,
            config,
            results: outputs,
        };
    }
    let wanted = step.execution.effect_of_run(frame);
    step.effects.extend(wanted);
    Ok(Progress::Waits)
}

/// How results that stay in the state's output are put together.
fn result_format(step: &mut Step<'_>, frame: &Frame, state: &State) -> Result<ResultFormat, Fault> {
    let config = match writer(state).and_then(|writer| writer.config.as_ref()) {
        Some(config) => filled(step, frame, state, Some(config))?.value().clone(),
        None => Value::Null,
    };
    ResultFormat::parse(&config).map_err(|error| Fault::new(WRITER_FAILED, error.0))
}

/// Leaves the state with the run's result.
fn leave<'m>(
    step: &mut Step<'m>,
    frame: &mut Frame,
    state: &'m State,
    result: Value,
) -> Outcome<'m> {
    let StateKind::Map(map) = &state.kind else {
        return Err(Fault::of_state(
            frame,
            Failure::runtime("The state is not a Map state."),
        ));
    };
    if step.payload_bytes(&result).is_none() {
        return Err(Fault::too_large(&frame.state));
    }
    let exit = step.exit(frame, state, Arc::new(result), None)?;
    frame.waiting = Waiting::Turn;
    step.record_next(frame, HistoryDetail::MapRunSucceeded);
    step.record(frame.last_event, HistoryDetail::MapStateSucceeded);
    Ok(Progress::Leaves {
        exit,
        next: (&map.next).into(),
    })
}

/// A template of the run's own, filled in and kept; `null` where there is none.
fn filled(
    step: &mut Step<'_>,
    frame: &Frame,
    state: &State,
    template: Option<&Template>,
) -> Result<Payload, Fault> {
    let value = match template {
        None => Value::Null,
        Some(template) => {
            let input = step.effective_input(frame, state)?;
            step.evaluate(frame, state, |scope| template.evaluate(&input, scope))?
        }
    };
    step.keep(Arc::new(value), &frame.state)
}

/// The writer of the state, if it writes results away.
fn writer_of_files(state: &State) -> Option<&Writer> {
    writer(state).filter(|writer| writer.resource.is_some())
}

fn writer(state: &State) -> Option<&Writer> {
    match &state.kind {
        StateKind::Map(map) => match &map.mode {
            Mode::Distributed(processor) => processor.writer.as_ref(),
            Mode::Inline => None,
        },
        StateKind::Task(_)
        | StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_)
        | StateKind::Parallel(_) => None,
    }
}

/// The run under way in the frame, to be changed.
fn run_mut(frame: &mut Frame) -> Option<(Counts<'_>, &mut RunWait)> {
    let Waiting::Children(ChildrenWait {
        total,
        started,
        done,
        map: Some(MapWait { run, .. }),
    }) = &mut frame.waiting
    else {
        return None;
    };
    let counts = Counts {
        total,
        started,
        done,
    };
    Some((counts, run.as_deref_mut()?))
}

/// The counts of a run's children.
struct Counts<'a> {
    total: &'a mut u32,
    started: &'a mut u32,
    done: &'a mut u32,
}

fn check_tolerance(frame: &Frame) -> Result<(), Fault> {
    let Waiting::Children(ChildrenWait {
        map: Some(MapWait {
            items,
            run: Some(run),
            ..
        }),
        ..
    }) = &frame.waiting
    else {
        return Ok(());
    };
    let total = items.value().as_array().map_or(0, Vec::len);
    match is_over(
        run.failed,
        total,
        (run.tolerated_count, run.tolerated_percentage),
    ) {
        true => Err(over_threshold()),
        false => Ok(()),
    }
}

/// Whether so many failed items are more than a run tolerates: none, unless it says otherwise.
pub(super) fn is_over(failed: u32, total: usize, tolerated: (Option<u64>, Option<f64>)) -> bool {
    let is_over_count = |count: u64| u64::from(failed) > count;
    #[expect(clippy::cast_precision_loss, reason = "items are far fewer than 2^53")]
    let is_over_percentage =
        |percentage: f64| f64::from(failed) * 100.0 > percentage * total as f64;
    match tolerated {
        _ if failed == 0 => false,
        (None, None) => true,
        (count, percentage) => {
            count.is_some_and(is_over_count) || percentage.is_some_and(is_over_percentage)
        }
    }
}

/// What a run fails with when more items failed than it tolerates.
pub(super) fn over_threshold() -> Fault {
    let cause = "The specified tolerated failure threshold was exceeded";
    Fault::new(THRESHOLD, cause)
}
