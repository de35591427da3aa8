//! What happens during one attempt besides its result.
//!
//! Owns the refusals on their way to the witness, the limit that was hit, what was used, and
//! the switch that stops the guest. Shared by the attempt and its host calls; every list is
//! bounded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auth::capability::Limit;
use ports::{Refusal, StepContext, Use};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::limits::LimitExceeded;
use crate::text;

/// An attempt that was refused this often is stopped.
pub(crate) const REFUSALS_MAX: usize = 16;
/// Uses told apart; the rest are counted together as `others`.
const USES_MAX: usize = 128;
/// Bytes of what was asked for or used.
const ASKED_BYTES_MAX: usize = 512;

/// A refusal on its way to the witness, and where to say that it arrived.
pub(crate) struct Asked {
    pub(crate) refusal: Refusal,
    pub(crate) recorded: oneshot::Sender<()>,
}

/// Why a host call is refused.
pub(crate) struct Denial {
    pub(crate) capability: &'static str,
    pub(crate) asked: String,
    pub(crate) rule: String,
    pub(crate) reason: String,
}

pub(crate) struct Ledger {
    at: Place,
    /// Cancelled when the guest must not go on.
    pub(crate) stopped: CancellationToken,
    asked: mpsc::Sender<Asked>,
    state: Mutex<State>,
}

struct Place {
    execution: asl::ExecutionId,
    state: String,
    attempt: u32,
}

#[derive(Default)]
struct State {
    is_closed: bool,
    refused: Option<Refusal>,
    refusals: usize,
    exceeded: Option<LimitExceeded>,
    uses: BTreeMap<(&'static str, String), u64>,
    http_requests: u64,
    memory_bytes: u64,
}

/// What the ledger says once the attempt has ended.
pub(crate) struct Summary {
    pub(crate) refused: Option<Refusal>,
    pub(crate) exceeded: Option<LimitExceeded>,
    pub(crate) uses: Vec<Use>,
    pub(crate) http_requests: u64,
    pub(crate) memory_bytes: u64,
}

impl Ledger {
    pub(crate) fn open(context: &StepContext) -> (Arc<Self>, mpsc::Receiver<Asked>) {
        let (asked, receiver) = mpsc::channel(REFUSALS_MAX);
        let at = Place {
            execution: context.execution.clone(),
            state: context.state.clone(),
            attempt: context.attempt,
        };
        let stopped = CancellationToken::new();
        let ledger = Self {
            at,
            stopped,
            asked,
            state: Mutex::default(),
        };
        (Arc::new(ledger), receiver)
    }

    /// Writes a refusal down and sends it to the witness. The answer resolves once the witness
    /// has it, or fails if the attempt is being stopped.
    pub(crate) fn refuse(&self, denial: Denial) -> oneshot::Receiver<()> {
        let refusal = Refusal {
            execution: self.at.execution.clone(),
            state: self.at.state.clone(),
            attempt: self.at.attempt,
            capability: denial.capability.to_owned(),
            asked: text::plain(&denial.asked, ASKED_BYTES_MAX),
            rule: denial.rule,
            reason: text::plain(&denial.reason, 2 * ASKED_BYTES_MAX),
        };
        let (recorded, receiver) = oneshot::channel();
        let mut state = self.lock();
        if state.is_closed {
            return receiver;
        }
        state.refusals += 1;
        if state.refused.is_none() {
            state.refused = Some(refusal.clone());
        }
        // INVARIANT: sent under the lock, so that whatever a closed ledger has was sent before.
        let is_sent = self.asked.try_send(Asked { refusal, recorded }).is_ok();
        if state.refusals >= REFUSALS_MAX || !is_sent {
            self.stopped.cancel();
        }
        receiver
    }

    /// Writes down which limit was hit, and stops the guest.
    pub(crate) fn exceed(&self, exceeded: LimitExceeded) -> LimitExceeded {
        let mut state = self.lock();
        state.exceeded.get_or_insert_with(|| exceeded.clone());
        drop(state);
        self.stopped.cancel();
        exceeded
    }

    /// Counts one outgoing request, unless there have been `count_max`.
    pub(crate) fn request(&self, count_max: u64) -> Result<(), LimitExceeded> {
        let mut state = self.lock();
        if state.http_requests >= count_max {
            drop(state);
            return Err(self.exceed(LimitExceeded::Granted {
                limit: Limit::HttpRequests,
                allowed: count_max,
            }));
        }
        state.http_requests += 1;
        Ok(())
    }

    /// Counts a host call that was allowed.
    pub(crate) fn used(&self, capability: &'static str, on: &str) {
        let mut key = (capability, text::plain(on, ASKED_BYTES_MAX));
        let mut state = self.lock();
        if state.uses.len() >= USES_MAX && !state.uses.contains_key(&key) {
            key.1 = "others".to_owned();
        }
        *state.uses.entry(key).or_default() += 1;
    }

    pub(crate) fn note_memory(&self, bytes: u64) {
        let mut state = self.lock();
        state.memory_bytes = state.memory_bytes.max(bytes);
    }

    /// Everything written so far. A task that the guest left behind can add no refusal any more;
    /// it is stopped before it could do what it was refused.
    pub(crate) fn close(&self) -> Summary {
        let mut state = self.lock();
        state.is_closed = true;
        let uses = std::mem::take(&mut state.uses).into_iter();
        Summary {
            refused: state.refused.clone(),
            exceeded: state.exceeded.clone(),
            uses: uses
                .map(|((capability, on), count)| Use {
                    capability: capability.to_owned(),
                    on,
                    count,
                })
                .collect(),
            http_requests: state.http_requests,
            memory_bytes: state.memory_bytes,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
