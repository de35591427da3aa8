//! Advances the sandbox's epoch while attempts run.
//!
//! A thread of its own, because the async threads may all be busy with the very guests that
//! have to be interrupted. It sleeps while nothing runs and ends when its owner is dropped.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::Engine;

/// Owns the thread.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    attempts: usize,
    is_stopped: bool,
}

/// Keeps the epoch advancing for as long as it lives.
pub(crate) struct Ticking(Arc<Shared>);

impl Ticker {
    pub(crate) fn start(engine: Engine, tick: Duration) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("sluice-epoch".to_owned())
            .spawn(move || seen.advance(&engine, tick))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Says that an attempt runs until the answer is dropped.
    pub(crate) fn attempt(&self) -> Ticking {
        let mut state = self.shared.lock();
        state.attempts += 1;
        if state.attempts == 1 {
            self.shared.changed.notify_one();
        }
        drop(state);
        Ticking(Arc::clone(&self.shared))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.lock().is_stopped = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the epoch thread panicked");
        }
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.lock().attempts -= 1;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, engine: &Engine, tick: Duration) {
        let mut state = self.lock();
        while !state.is_stopped {
            if state.attempts == 0 {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let waited = self.changed.wait_timeout(state, tick);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            engine.increment_epoch();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_ticker_has_ended_its_thread() {
        let ticker = Ticker::start(Engine::default(), Duration::from_millis(1)).unwrap();
        let shared = Arc::downgrade(&ticker.shared);
        drop(ticker.attempt());
        drop(ticker);
        assert!(shared.upgrade().is_none());
    }
}
