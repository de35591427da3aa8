//! What is counted of an execution whose single steps are not on record.

use ports::{AuditRecord, Usage, Use};
use serde_json::{Map, Value, json};

/// Kinds of attempts, and kinds of host calls, that are told apart; more are counted together.
const KINDS_MAX: usize = 32;

/// What one or more steps did.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    transitions: u64,
    attempts: Vec<Attempts>,
    attempts_beyond: u64,
    cancelled: u64,
    uses: Vec<Use>,
    uses_beyond: u64,
    usage: Usage,
}

/// Attempts that were allowed alike.
#[derive(Clone)]
struct Attempts {
    resource: String,
    request: Value,
    count: u64,
}

impl Tally {
    pub(crate) fn is_empty(&self) -> bool {
        self.transitions == 0
    }

    pub(crate) fn transition(&mut self) {
        self.transitions = self.transitions.saturating_add(1);
    }

    /// Counts an attempt that was allowed, as its record says.
    pub(crate) fn allowed(&mut self, record: AuditRecord) {
        self.add_attempts(Attempts {
            resource: record.resource,
            request: record.request,
            count: 1,
        });
    }

    /// Counts what an attempt used and did.
    pub(crate) fn used(&mut self, usage: Usage, uses: &[Use]) {
        let sum = &mut self.usage;
        sum.wall_us = sum.wall_us.saturating_add(usage.wall_us);
        sum.cpu_ms = sum.cpu_ms.saturating_add(usage.cpu_ms);
        sum.memory_bytes = sum.memory_bytes.max(usage.memory_bytes);
        sum.http_requests = sum.http_requests.saturating_add(usage.http_requests);
        uses.iter().for_each(|used| self.add_use(used));
    }

    /// Counts an attempt that nobody waited for any more when it ended.
    pub(crate) fn cancelled(&mut self, usage: Usage, uses: &[Use]) {
        self.cancelled = self.cancelled.saturating_add(1);
        self.used(usage, uses);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.transitions = self.transitions.saturating_add(other.transitions);
        self.cancelled = self.cancelled.saturating_add(other.cancelled);
        self.attempts_beyond = self.attempts_beyond.saturating_add(other.attempts_beyond);
        self.uses_beyond = self.uses_beyond.saturating_add(other.uses_beyond);
        for attempts in &other.attempts {
            self.add_attempts(attempts.clone());
        }
        self.used(other.usage, &other.uses);
    }

    /// Adds what was counted to the outcome of the record of the end.
    pub(crate) fn describe(&self, outcome: &mut Map<String, Value>) {
        let attempts = self.attempts.iter().map(|attempts| {
            let mut told = json!({"resource": attempts.resource, "count": attempts.count});
            if let (Value::Object(told), Value::Object(request)) = (&mut told, &attempts.request) {
                told.extend(request.clone());
            }
            told
        });
        let attempts: Vec<_> = attempts.collect();
        outcome.insert("transitions".to_owned(), json!(self.transitions));
        outcome.insert("attempts".to_owned(), json!(attempts));
        outcome.insert("uses".to_owned(), json!(self.uses));
        outcome.insert("usage".to_owned(), json!(self.usage));
        for (name, count) in [
            ("attemptsCancelled", self.cancelled),
            ("attemptsBeyond", self.attempts_beyond),
            ("usesBeyond", self.uses_beyond),
        ] {
            if count > 0 {
                outcome.insert(name.to_owned(), json!(count));
            }
        }
    }

    fn add_attempts(&mut self, more: Attempts) {
        let has_room = self.attempts.len() < KINDS_MAX;
        let alike = self
            .attempts
            .iter_mut()
            .find(|known| known.resource == more.resource && known.request == more.request);
        match alike {
            Some(known) => known.count = known.count.saturating_add(more.count),
            None if has_room => self.attempts.push(more),
            None => self.attempts_beyond = self.attempts_beyond.saturating_add(more.count),
        }
    }

    fn add_use(&mut self, more: &Use) {
        let has_room = self.uses.len() < KINDS_MAX;
        let alike = self
            .uses
            .iter_mut()
            .find(|known| known.capability == more.capability && known.on == more.on);
        match alike {
            Some(known) => known.count = known.count.saturating_add(more.count),
            None if has_room => self.uses.push(more.clone()),
            None => self.uses_beyond = self.uses_beyond.saturating_add(more.count),
        }
    }
}
