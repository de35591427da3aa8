//! Everything that somebody outside was told or saw done, and when.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// Something that must still be so after any fault.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A document was stored or shown: who reads it at `path` finds these members.
    Document {
        /// Where it is read.
        path: String,
        /// What it holds, at the least.
        members: Value,
    },
    /// Another revision of a document was asked for; whether it is stored is not known.
    Revised {
        /// Where it is read.
        path: String,
    },
    /// A start was acknowledged.
    Started {
        /// The request.
        request: Value,
        /// The answer: ARN, id and date.
        answer: Value,
    },
    /// An execution was described.
    Described {
        /// The execution.
        id: String,
        /// What was said of it.
        description: Value,
    },
    /// A line of an execution's history was shown.
    Event {
        /// The execution.
        id: String,
        /// The line.
        event: Value,
    },
    /// A stop was acknowledged.
    Stopped {
        /// The execution.
        id: String,
        /// The answer: the date.
        answer: Value,
    },
    /// A worker was given a Task.
    Handed {
        /// The execution.
        id: String,
        /// The token for the answer.
        token: String,
        /// The Task's input.
        input: Value,
    },
    /// A worker's answer was accepted.
    Answered {
        /// The execution.
        id: String,
        /// The answer.
        output: Value,
    },
    /// A link of the audit log was shown.
    Link(Value),
    /// The end of the audit log was shown.
    Head(Value),
    /// An effect left the host.
    Effect(Effect),
}

/// A request that an attempt made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The ARN of the execution.
    pub execution: String,
    /// The state.
    pub state: String,
    /// Which of the state's attempts, as the state itself counts them.
    pub retry: String,
}

/// Facts as they come in, from any number of sides. A moment is a number that grows, such as
/// that of the syncs that have ended.
#[derive(Clone)]
pub struct Facts {
    known: Arc<Mutex<Vec<(u64, Fact)>>>,
    moment: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Facts {
    /// No facts; each will be noted with the moment.
    pub fn new(moment: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self {
            known: Arc::default(),
            moment: Arc::new(moment),
        }
    }

    /// No facts, of which only the order will matter.
    pub fn timeless() -> Self {
        Self::new(|| 0)
    }

    /// Notes what is known from this moment on.
    pub fn note(&self, fact: Fact) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.push(((self.moment)(), fact));
    }

    /// What was known at a moment.
    pub fn until(&self, moment: u64) -> Vec<Fact> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let early = known.iter().filter(|(noted, _)| *noted <= moment);
        early.map(|(_, fact)| fact.clone()).collect()
    }

    /// Everything that is known.
    pub fn all(&self) -> Vec<Fact> {
        self.until(u64::MAX)
    }

    /// How many facts there are.
    pub fn count(&self) -> usize {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}
