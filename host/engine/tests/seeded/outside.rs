//! What outlives every host: the people, the post, the components' effects, and the record of
//! everything that was told or seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use asl::{ExecutionId, HistoryEvent, Timestamp};
use ports::Clock;
use serde_json::Value;
use tokio::sync::Notify;

use crate::dice::hash;
use crate::invariants::attempts::Run;
use crate::invariants::told::Fact;
use crate::invariants::{Verdict, Violation};
use crate::plan::Plan;

/// When the first host begins: 2023-11-14T22:13:20Z.
const EPOCH_MS: i64 = 1_700_000_000_000;

pub(crate) struct Outside {
    pub(crate) plan: Plan,
    /// Told that there is post.
    pub(crate) posted: Notify,
    /// How long all hosts before this one took.
    age_ms: AtomicU64,
    seeds: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    /// The first thing that was not as it must be.
    pub(crate) violation: Option<Violation>,
    /// Which host runs, from 0.
    pub(crate) life: usize,
    /// What happened, folded into a number.
    pub(crate) digest: u64,
    /// The last things that happened, in words.
    pub(crate) trace: Vec<String>,
    pub(crate) facts: Vec<(ExecutionId, Fact)>,
    /// The longest history that a follower saw.
    pub(crate) seen: BTreeMap<ExecutionId, Vec<HistoryEvent>>,
    /// Executions that clients started, by name.
    pub(crate) started: BTreeMap<String, ExecutionId>,
    /// What components ran, by idempotency key.
    pub(crate) runs: BTreeMap<String, Vec<Run>>,
    /// Letters to be sent, by time and number.
    pub(crate) letters: BTreeMap<(u64, u64), Letter>,
    /// Tokens that will be or were answered.
    pub(crate) answered: BTreeSet<String>,
    /// Errands that are done, by their place in the plan.
    pub(crate) done: BTreeSet<usize>,
}

/// An answer to whoever waits with a token.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) token: String,
    pub(crate) content: Content,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Success(Value),
    Failure,
    Heartbeat,
}

impl Outside {
    pub(crate) fn new(plan: Plan) -> Arc<Self> {
        let seeds = AtomicU64::new(hash(&[&plan.seed.to_string(), "clock"]));
        Arc::new(Self {
            plan,
            posted: Notify::new(),
            age_ms: AtomicU64::new(0),
            seeds,
            state: Mutex::default(),
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Keeps the first violation.
    pub(crate) fn check(&self, verdict: Verdict) {
        if let Err(violation) = verdict {
            let mut state = self.state();
            let at = self.age_ms.load(Ordering::Relaxed);
            state.violation.get_or_insert(violation);
            drop(state);
            self.note(&format!("violation after {at} ms"));
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.state().violation.is_some()
    }

    /// Remembers that something happened.
    pub(crate) fn note(&self, what: &str) {
        let mut state = self.state();
        state.digest = hash(&[&state.digest.to_string(), what]);
        state.trace.push(what.to_owned());
    }

    pub(crate) fn tell(&self, id: &ExecutionId, fact: Fact) {
        let mut state = self.state();
        state.facts.push((id.clone(), fact));
    }

    pub(crate) fn post(&self, at_ms: u64, letter: Letter) {
        let mut state = self.state();
        let number = state.letters.keys().map(|(_, number)| number + 1).max();
        let number = number.unwrap_or_default();
        state.letters.insert((at_ms, number), letter);
        drop(state);
        self.posted.notify_one();
    }

    pub(crate) fn age_ms(&self) -> u64 {
        self.age_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn grow_older(&self, by_ms: u64) {
        self.age_ms.fetch_add(by_ms, Ordering::Relaxed);
    }
}

/// The time of one host, which begins where the last one ended.
pub(crate) struct HostClock {
    pub(crate) outside: Arc<Outside>,
    pub(crate) began: tokio::time::Instant,
    /// How far it was set since the first host began, in milliseconds.
    pub(crate) set_by_ms: i64,
}

impl HostClock {
    /// Since the first host began.
    pub(crate) fn elapsed_ms(&self) -> u64 {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap();
        self.outside.age_ms() + elapsed
    }

    /// Waits until then, if that is yet to come.
    pub(crate) async fn until(&self, at_ms: u64) {
        let left = at_ms.saturating_sub(self.elapsed_ms());
        if left > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(left)).await;
        }
    }
}

impl Clock for HostClock {
    fn now(&self) -> Timestamp {
        Timestamp(EPOCH_MS + self.set_by_ms + i64::try_from(self.elapsed_ms()).unwrap())
    }

    fn seed(&self) -> u64 {
        let step = 0x9e37_79b9_7f4a_7c15;
        self.outside.seeds.fetch_add(step, Ordering::Relaxed)
    }
}
