//! One instance of the evaluator, and what cuts its calls off.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use asl::Timestamp;
use asl::jsonata::Unavailable;
use wasmtime::{ResourceLimiter, Store, Trap};

use super::bindings::{Component, Failure, Problem, References, Request, progress};
use super::machine::Machine;
use super::{EvaluatorConfig, worker};
use crate::text;

/// After how much fuel a call is looked at: short enough for an async worker to wait for.
const SLICE_FUEL: u64 = 1_000_000;
/// Bytes of the engine's own words in a message.
const MESSAGE_BYTES_MAX: usize = 512;

/// Why a call did not come to its end. The instance is of no more use.
pub(super) enum Cut {
    /// It used up something; the text says what.
    Limit(String),
    /// The evaluator failed at it.
    Fault(String),
}

/// What the evaluator says of a request: the values as JSON, none for undefined.
pub(super) type Answer = Result<Vec<Option<String>>, Failure>;

/// What the host keeps about an instance.
pub(super) struct Guest {
    pub(super) at: Timestamp,
    index: u32,
    panic: Option<String>,
    memory_bytes: usize,
    memory_bytes_max: usize,
    is_memory_used_up: bool,
}

/// An instance; it serves one call at a time.
pub(super) struct Instance {
    store: Store<Guest>,
    component: Component,
}

impl Instance {
    pub(super) fn new(machine: &Machine, config: &EvaluatorConfig) -> Result<Self, Unavailable> {
        let guest = Guest {
            at: Timestamp(0),
            index: 0,
            panic: None,
            memory_bytes: 0,
            memory_bytes_max: config.memory_bytes_max,
            is_memory_used_up: false,
        };
        let mut store = Store::new(&machine.engine, guest);
        store.limiter(|guest| guest);
        let unavailable =
            |problem: String| Unavailable(format!("no instance of the evaluator: {problem}"));
        let failed = |error: wasmtime::Error| unavailable(format!("{error:#}"));
        store.set_fuel(config.fuel).map_err(failed)?;
        store
            .fuel_async_yield_interval(Some(SLICE_FUEL))
            .map_err(failed)?;
        let made = drive(
            machine.evaluator.instantiate_async(&mut store),
            config.time_max,
        );
        let component = made
            .ok_or_else(|| unavailable("it takes too long".to_owned()))?
            .map_err(failed)?;
        Ok(Self { store, component })
    }

    /// Which expression was last begun.
    pub(super) fn index(&self) -> usize {
        usize::try_from(self.store.data().index).unwrap_or(0)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.store.data().memory_bytes
    }

    pub(super) fn evaluate(
        &mut self,
        request: &Request,
        at: Timestamp,
        config: &EvaluatorConfig,
    ) -> Result<Answer, Cut> {
        self.begin(at, config)?;
        let call = self.component.call_evaluate(&mut self.store, request);
        let called = drive(call, config.time_max);
        self.end(called, config)
    }

    /// How many instructions the last call took.
    pub(super) fn used(&self, config: &EvaluatorConfig) -> u64 {
        config
            .fuel
            .saturating_sub(self.store.get_fuel().unwrap_or(0))
    }

    pub(super) fn check(
        &mut self,
        expression: &str,
        config: &EvaluatorConfig,
    ) -> Result<Result<References, Problem>, Cut> {
        self.begin(Timestamp(0), config)?;
        let expressions = [expression.to_owned()];
        let call = self.component.call_check(&mut self.store, &expressions);
        let called = drive(call, config.time_max);
        let mut judged = self.end(called, config)?;
        judged
            .pop()
            .ok_or_else(|| Cut::Fault("the evaluator gave no judgement".to_owned()))
    }

    fn begin(&mut self, at: Timestamp, config: &EvaluatorConfig) -> Result<(), Cut> {
        let guest = self.store.data_mut();
        guest.at = at;
        guest.index = 0;
        self.store
            .set_fuel(config.fuel)
            .map_err(|error| Cut::Fault(format!("{error:#}")))
    }

    fn end<T>(
        &self,
        called: Option<wasmtime::Result<T>>,
        config: &EvaluatorConfig,
    ) -> Result<T, Cut> {
        let error = match called {
            Some(Ok(answer)) => return Ok(answer),
            Some(Err(error)) => error,
            None => {
                let time_max = config.time_max.as_millis();
                return Err(Cut::Limit(format!("it takes longer than {time_max} ms")));
            }
        };
        let guest = self.store.data();
        let memory = || {
            let bytes_max = config.memory_bytes_max;
            Cut::Limit(format!("it needs more than {bytes_max} bytes of memory"))
        };
        if guest.is_memory_used_up {
            return Err(memory());
        }
        if let Some(message) = &guest.panic {
            return Err(match message.as_str() {
                "capacity overflow" => memory(),
                message => fault(message),
            });
        }
        Err(match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => {
                Cut::Limit(format!("it takes more than {} instructions", config.fuel))
            }
            // The stack in linear memory lies at its start: running out of it leaves the memory.
            Some(Trap::StackOverflow | Trap::MemoryOutOfBounds) => {
                Cut::Limit("it is nested too deeply".to_owned())
            }
            Some(_) | None => fault(&format!("{:#}", error.root_cause())),
        })
    }
}

fn fault(message: &str) -> Cut {
    let message = text::plain(message, MESSAGE_BYTES_MAX);
    Cut::Fault(format!("the evaluator failed: {message}"))
}

/// Runs a call to its end on this thread; `None` if it takes longer than `time_max`.
fn drive<F: Future>(call: F, time_max: Duration) -> Option<F::Output> {
    let started = Instant::now();
    let mut call = pin!(call);
    let mut context = Context::from_waker(Waker::noop());
    if let Poll::Ready(answer) = call.as_mut().poll(&mut context) {
        return Some(answer);
    }
    worker::aside(|| {
        while started.elapsed() < time_max {
            if let Poll::Ready(answer) = call.as_mut().poll(&mut context) {
                return Some(answer);
            }
        }
        None
    })
}

impl progress::Host for Guest {
    fn evaluating(&mut self, index: u32) {
        self.index = index;
    }

    fn panicked(&mut self, message: String) {
        self.panic = Some(message);
    }
}

impl ResourceLimiter for Guest {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let others = self.memory_bytes.saturating_sub(current);
        let bytes = others.saturating_add(desired);
        if bytes > self.memory_bytes_max {
            self.is_memory_used_up = true;
            return Err(wasmtime::Error::msg("the limit of memory is used up"));
        }
        self.memory_bytes = bytes;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}

/// Elements of one table; the evaluator's own does not grow.
const TABLE_ELEMENTS_MAX: usize = 100_000;
