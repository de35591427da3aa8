//! The instances kept for the next call, and how many calls are served at once.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use asl::Timestamp;
use asl::jsonata::Unavailable;

use super::EvaluatorConfig;
use super::bindings::{Problem, References, Request};
use super::instance::{Answer, Cut, Instance};
use super::machine::Machine;
use super::worker;

/// Bounds the calls in progress and keeps the instances that nobody uses.
pub(super) struct Pool {
    places: Mutex<Places>,
    freed: Condvar,
    places_max: usize,
    wait_max: Duration,
}

#[derive(Default)]
struct Places {
    taken: usize,
    idle: Vec<Instance>,
}

impl Pool {
    pub(super) fn new(places_max: usize, wait_max: Duration) -> Self {
        Self {
            places: Mutex::default(),
            freed: Condvar::new(),
            places_max: places_max.max(1),
            wait_max,
        }
    }

    /// A place, with an instance if one is idle. Waits while all are taken.
    pub(super) fn lease(&self) -> Result<Lease<'_>, Unavailable> {
        let mut places = self.lock();
        if places.taken >= self.places_max {
            drop(places);
            places = worker::aside(|| self.wait())?;
        }
        places.taken += 1;
        let instance = places.idle.pop();
        drop(places);
        Ok(Lease {
            pool: self,
            instance,
        })
    }

    fn wait(&self) -> Result<MutexGuard<'_, Places>, Unavailable> {
        let started = Instant::now();
        let mut places = self.lock();
        while places.taken >= self.places_max {
            let left = self.wait_max.saturating_sub(started.elapsed());
            if left.is_zero() {
                let waited = self.wait_max.as_millis();
                return Err(Unavailable(format!(
                    "all {} evaluators are busy, and none became free in {waited} ms",
                    self.places_max
                )));
            }
            let woken = self.freed.wait_timeout(places, left);
            places = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(places)
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the calls in progress. What it holds when it is dropped is kept.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    instance: Option<Instance>,
}

impl Lease<'_> {
    /// Makes an instance if there was none idle.
    pub(super) fn ready(
        &mut self,
        machine: &Machine,
        config: &EvaluatorConfig,
    ) -> Result<(), Unavailable> {
        if self.instance.is_none() {
            self.instance = Some(Instance::new(machine, config)?);
        }
        Ok(())
    }

    /// Evaluates; which expression was the last, how many instructions it took, and what came
    /// of it.
    pub(super) fn evaluate(
        &mut self,
        request: &Request,
        at: Timestamp,
        config: &EvaluatorConfig,
    ) -> (usize, u64, Result<Answer, Cut>) {
        let Some(mut instance) = self.instance.take() else {
            return (0, 0, Err(Cut::Fault(NOT_READY.to_owned())));
        };
        let answer = instance.evaluate(request, at, config);
        let (index, used) = (instance.index(), instance.used(config));
        self.keep(instance, answer.is_ok(), config);
        (index, used, answer)
    }

    pub(super) fn check(
        &mut self,
        expression: &str,
        config: &EvaluatorConfig,
    ) -> Result<Result<References, Problem>, Cut> {
        let Some(mut instance) = self.instance.take() else {
            return Err(Cut::Fault(NOT_READY.to_owned()));
        };
        let answer = instance.check(expression, config);
        self.keep(instance, answer.is_ok(), config);
        answer
    }

    fn keep(&mut self, instance: Instance, is_whole: bool, config: &EvaluatorConfig) {
        if is_whole && instance.memory_bytes() <= config.memory_bytes_kept {
            self.instance = Some(instance);
        }
    }
}

const NOT_READY: &str = "the evaluator was used before it was ready";

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut places = self.pool.lock();
        places.taken = places.taken.saturating_sub(1);
        places.idle.extend(self.instance.take());
        drop(places);
        self.pool.freed.notify_one();
    }
}
