//! One state run on its own: entered, given the outcome of its work, left or failed.
//!
//! Owns nothing of what a state does: it calls what a transition calls, and notes on the way.

mod map;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::step::{Exit, Fault, Onward, Progress, Step};
use super::{error, passage, task, wait};
use crate::Header;
use crate::definition::{State, StateKind};
use crate::execution::{Frame, Waiting};
use crate::inspection::{
    Details, Ending, Handling, Inspection, MapFields, Notes, Outcome, Refusal, STATE_NAME, Stage,
    Tested, Trial, stages,
};
use crate::jsonata::Evaluator;
use crate::{Execution, ExecutionId, Failure};

/// Who looks into a step: what it makes of the context object, and what it has seen.
pub(super) struct Probe {
    /// Members of the context object that stand in for the execution's own.
    pub(super) context: Map<String, Value>,
    pub(super) notes: Notes,
}

/// The tested state on its way.
struct Run<'m> {
    step: Step<'m>,
    frame: Frame,
    state: &'m State,
    map: MapFields,
}

/// Runs the state under test.
///
/// # Errors
/// What the trial says of the state's work cannot be.
pub(crate) fn inspect(
    tested: &Tested,
    trial: Trial,
    evaluator: &dyn Evaluator,
) -> Result<Inspection, Refusal> {
    let Trial {
        at,
        seed,
        input,
        context,
        variables,
        outcome,
        retried,
        failures,
        reader_data,
    } = trial;
    let execution = Execution::start(header(&context, at), input.clone());
    let mut step = Step::new(&tested.machine, execution, (at, seed), evaluator);
    let token = context.get("Task").and_then(|task| task.get("Token"));
    let token = token.and_then(Value::as_str).map(str::to_owned);
    step.probe = Some(Probe {
        context,
        notes: Notes::default(),
    });
    let frame = frame(&mut step, tested, (variables, token, retried));
    let mut run = Run {
        step,
        frame,
        state: &tested.state,
        map: MapFields::default(),
    };
    let ran = match &tested.state.kind {
        StateKind::Map(state) => {
            let told = (failures, reader_data.as_deref());
            map::run(&mut run, state, outcome, told)?
        }
        StateKind::Parallel(parallel) => run.parallel(&parallel.next, outcome),
        StateKind::Task(_) => run.task(outcome),
        StateKind::Wait(_) => run.wait(),
        StateKind::Pass(_) => run.pass(),
        StateKind::Choice(_) | StateKind::Succeed | StateKind::Fail(_) => run.begin(),
    };
    Ok(run.settle(ran, input))
}

impl<'m> Run<'m> {
    fn begin(&mut self) -> Result<Progress<'m>, Fault> {
        passage::begin(&mut self.step, &mut self.frame, self.state)
    }

    /// What `Result` hides of the input is noted all the same, as far as it can be.
    fn pass(&mut self) -> Result<Progress<'m>, Fault> {
        if let StateKind::Pass(pass) = &self.state.kind
            && pass.result.is_some()
        {
            let _ = self.step.effective_input(&self.frame, self.state);
        }
        self.begin()
    }

    fn wait(&mut self) -> Result<Progress<'m>, Fault> {
        match self.begin()? {
            Progress::Waits => {
                self.frame.waiting = Waiting::Turn;
                wait::end(&mut self.step, &mut self.frame, self.state)
            }
            leaves @ Progress::Leaves { .. } => Ok(leaves),
        }
    }

    fn task(&mut self, outcome: Option<Outcome>) -> Result<Progress<'m>, Fault> {
        let began = self.begin()?;
        match outcome {
            None => Ok(began),
            Some(Outcome::Result(result)) => {
                self.note(Stage::Result, &Arc::new(result.clone()));
                task::succeeded(&mut self.step, &mut self.frame, self.state, result)
            }
            Some(Outcome::Error { error, cause }) => {
                let text = cause.clone().unwrap_or_default();
                let fault = task::failed(&mut self.step, &mut self.frame, error, text);
                Err(Fault { cause, ..fault })
            }
        }
    }

    fn parallel(
        &mut self,
        next: &'m crate::definition::Next,
        outcome: Option<Outcome>,
    ) -> Result<Progress<'m>, Fault> {
        self.step.effective_input(&self.frame, self.state)?;
        self.leave(next, outcome)
    }

    /// Leaves a state that has children with what stands for their outputs.
    fn leave(
        &mut self,
        next: &'m crate::definition::Next,
        outcome: Option<Outcome>,
    ) -> Result<Progress<'m>, Fault> {
        match outcome {
            None => Ok(Progress::Waits),
            Some(Outcome::Error { error, cause }) => Err(Fault {
                cause,
                ..Fault::new(error, "")
            }),
            Some(Outcome::Result(result)) => {
                let result = Arc::new(result);
                let exit = self.step.exit(&self.frame, self.state, result, None)?;
                Ok(Progress::Leaves {
                    exit,
                    next: next.into(),
                })
            }
        }
    }

    fn note(&mut self, stage: Stage, value: &Arc<Value>) {
        if let Some(probe) = &mut self.step.probe {
            probe.notes.note(stage, value);
        }
    }

    /// What the state made of it all, its handlers included.
    fn settle(mut self, ran: Result<Progress<'m>, Fault>, input: Value) -> Inspection {
        let mut handling = Handling::default();
        let (ending, left, fault) = match ran {
            Ok(Progress::Leaves { exit, next }) => (Ending::Succeeded, Some((exit, next)), None),
            Ok(Progress::Waits) => {
                let failure = Failure::runtime("Nothing stands for the outcome of the state.");
                let fault = Fault::of_state(&self.frame, failure);
                (Ending::Failed, None, Some(fault))
            }
            Err(fault) => self.handle(fault, &mut handling),
        };
        let place = Fault::place(&self.frame);
        let (error, cause) = fault.map_or((None, None), |fault| (fault.error, fault.cause));
        // Tests tell what happened without where, as there is only one state.
        let cause = cause.map(|cause| match cause.strip_prefix(&place) {
            Some(rest) => rest.trim_start().to_owned(),
            None => cause,
        });
        let mut variables = self.frame.variables;
        let (output, next_state) = match left {
            Some((Exit { output, assigned }, next)) => {
                variables.extend(assigned);
                let next = match next {
                    Onward::State(name) => Some(name.to_owned()),
                    Onward::End => None,
                };
                (Some(output.shared()), next)
            }
            None => (None, None),
        };
        let variables = variables.into_iter();
        let variables = variables.map(|(name, value)| (name, value.value().clone()));
        Inspection {
            ending,
            output,
            error,
            cause,
            next_state,
            details: Details {
                input,
                stages: stages(self.state),
                notes: self.step.probe.map(|probe| probe.notes).unwrap_or_default(),
                variables: variables.collect(),
                handling,
                map: self.map,
            },
        }
    }

    /// What the state's retriers and catchers make of an error.
    fn handle(
        &mut self,
        fault: Fault,
        handling: &mut Handling,
    ) -> (Ending, Option<(Exit, Onward<'m>)>, Option<Fault>) {
        let state = self.state;
        handling.retrier = error::retrier_for(state, &fault);
        handling.backoff_ms = self.step.retry_delay(&mut self.frame, state, &fault);
        if handling.backoff_ms.is_some() {
            return (Ending::Retriable, None, Some(fault));
        }
        match self.step.catch(&self.frame, state, &fault) {
            Some(Ok((exit, next))) => {
                handling.catcher = error::catcher_for(state, &fault);
                let left = Some((exit, Onward::State(next)));
                (Ending::CaughtError, left, Some(fault))
            }
            Some(Err(other)) => (Ending::Failed, None, Some(other)),
            None => (Ending::Failed, None, Some(fault)),
        }
    }
}

fn frame(
    step: &mut Step<'_>,
    tested: &Tested,
    (variables, token, retried): (Map<String, Value>, Option<String>, u32),
) -> Frame {
    let execution = &mut step.execution;
    let variables: BTreeMap<_, _> = variables
        .into_iter()
        .map(|(name, value)| (name, execution.payload(Arc::new(value))))
        .collect();
    Frame {
        id: execution.new_frame(),
        parent: None,
        place: 0,
        block: tested.block,
        state: STATE_NAME.to_owned(),
        input: execution.input.clone(),
        entered_at: step.at,
        entered_event: 0,
        retries: vec![retried; error::retriers(&tested.state)],
        last_event: 0,
        before_entry: 0,
        variables,
        token,
        waiting: Waiting::Turn,
    }
}

/// A header that says what the context object says.
fn header(context: &Map<String, Value>, started_at: crate::Timestamp) -> Header {
    let text = |of: &str, member: &str| {
        let value = context.get(of).and_then(|of| of.get(member));
        let text = value.and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    Header {
        id: ExecutionId::parse("test-state").expect("lower case and a dash"),
        arn: text("Execution", "Id"),
        name: text("Execution", "Name"),
        machine_arn: text("StateMachine", "Id"),
        machine_name: text("StateMachine", "Name"),
        role_arn: None,
        started_at,
        principal: String::new(),
        actor: None,
        map_run: None,
        limits: crate::Limits::default(),
    }
}
