//! What an actor does next.
//!
//! Owns the order among requests, answers of its own tasks, what is due and what was put off, and
//! the sleep where there is none of them. It does not know what is done.

use std::sync::Arc;
use std::time::Duration;

use asl::EventKind;

use super::{Actor, Message, Trigger};
use crate::Error;

/// What an actor does next.
pub(super) enum Next {
    Trigger(Trigger),
    Message(Message),
    /// Leave memory, if it still may.
    Leave,
    /// Leave everything to the next host.
    Drained,
    /// Nothing more can be done here, for this reason.
    GivenUp(Error),
}

impl Actor {
    /// Waits for the next thing to do.
    pub(super) async fn next(&mut self) -> Next {
        loop {
            let is_draining = self.shared.draining.is_cancelled();
            let is_leaving = is_draining && self.keeping.is_journal();
            let is_cut_off = self.shared.killed.is_cancelled();
            if is_cut_off || (is_leaving && self.attempts.is_empty()) {
                return Next::Drained;
            }
            // Requests and answers and what is due take turns, so that neither keeps the other out.
            let was_message = std::mem::take(&mut self.was_message);
            if !was_message && let Some(message) = self.waiting_message() {
                return self.next_message(message);
            }
            if let Err(error) = Box::pin(self.tell_unwanted()).await {
                return Next::GivenUp(error);
            }
            if let Some(finished) = self.attempts.try_join_next() {
                if let Some(trigger) = self.finished(finished) {
                    return Next::Trigger(trigger);
                }
                continue;
            }
            if !is_leaving && let Some(trigger) = self.pop_due() {
                tokio::task::consume_budget().await;
                return Next::Trigger(trigger);
            }
            if was_message && let Some(message) = self.waiting_message() {
                return self.next_message(message);
            }
            if !is_draining && self.may_leave() {
                return Next::Leave;
            }
            // What only waits is sooner done by the next host.
            if is_draining && self.keeping.runs_again() && self.attempts.is_empty() {
                return Next::Drained;
            }
            if let Some(next) = self.wait(is_draining, is_leaving).await {
                return next;
            }
        }
    }

    /// Waits for something to happen; `None` where it needs a closer look.
    async fn wait(&mut self, is_draining: bool, is_leaving: bool) -> Option<Next> {
        self.arrival = None;
        let shared = Arc::clone(&self.shared);
        // From here on it is told of a clock that is set while the time to sleep is found.
        let clock_set = shared.clock_set.notified();
        let sleep = self.until_next_timer();
        tokio::select! {
            biased;
            () = shared.killed.cancelled() => Some(Next::Drained),
            () = shared.draining.cancelled(), if !is_draining => None,
            Some(message) = self.mailbox.recv() => Some(self.next_message(message)),
            Some(finished) = self.attempts.join_next() => {
                self.finished(finished).map(Next::Trigger)
            }
            () = tokio::time::sleep(sleep.unwrap_or_default()), if sleep.is_some() && !is_leaving => None,
            () = clock_set => None,
        }
    }

    fn waiting_message(&mut self) -> Option<Message> {
        let received = self.received.pop_front();
        received.or_else(|| self.mailbox.try_recv().ok())
    }

    fn next_message(&mut self, message: Message) -> Next {
        self.was_message = true;
        Next::Message(message)
    }

    /// What is due: timers before what was put off, so that a loop cannot outrun its timeout.
    fn pop_due(&mut self) -> Option<Trigger> {
        let (now, due) = (self.now(), self.timers.next());
        if let Some(effect) = self.timers.pop_due(now) {
            let late_ms = due.map_or(0, |due| now.0.saturating_sub(due.0));
            self.shared.metrics.timer_fired(late_ms);
            return Some(Trigger::Event(EventKind::TimerFired { effect }));
        }
        self.due.pop_front()
    }

    fn until_next_timer(&self) -> Option<Duration> {
        let at = self.timers.next()?;
        let milliseconds = u64::try_from(at.0.saturating_sub(self.now().0)).unwrap_or(0);
        Some(Duration::from_millis(milliseconds))
    }
}
