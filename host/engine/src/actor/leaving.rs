//! Leaving memory while the execution only waits.
//!
//! Owns when an execution may leave, and that it leaves between two messages and never with one.
//! Who takes it up again is told by its posture, which is stored.

use std::sync::Arc;

use asl::{Execution, Posture};
use ports::Selection;
use tokio::sync::mpsc;

use super::{Actor, MAILBOX};
use crate::roster::Running;

impl Actor {
    /// Who takes the execution up again once it has left memory.
    pub(super) fn posture_of(&self, execution: &Execution) -> Posture {
        let Selection { parent, .. } = &self.start.selection;
        // How far a test case has come is known in memory alone. A bound execution is taken up by
        // each host, to see whether it is still waited for. Of one whose steps are in memory nothing
        // is left once it leaves.
        let is_bound = parent.as_ref().is_some_and(|parent| parent.is_bound);
        let stays = is_bound || self.is_mocked() || !self.keeping.is_journal();
        match stays {
            true => Posture::Active,
            false => execution.posture(),
        }
    }

    /// Whether nothing needs the execution in memory, for some time to come.
    pub(super) fn may_leave(&self) -> bool {
        let is_idle = self.attempts.is_empty()
            && self.running.is_empty()
            && self.offers.is_empty()
            && self.due.is_empty()
            && self.unwanted.is_empty();
        match self.posture {
            Posture::Active => false,
            Posture::Parked { wake_at } => {
                let stay_ms = i64::try_from(self.shared.config.stay_ms).unwrap_or(i64::MAX);
                let soon = self.now().plus_ms(stay_ms);
                is_idle && wake_at.is_none_or(|at| at > soon)
            }
        }
    }

    /// Leaves memory, unless somebody wants something of the execution at this very moment.
    pub(super) async fn leave(&mut self) -> bool {
        let (shared, id) = (Arc::clone(&self.shared), &self.start.header.id);
        let lane = shared.roster.enter(id).await;
        // Whoever finds it closed waits for the lane, and takes the execution up again.
        self.mailbox.close();
        while let Some(message) = self.mailbox.recv().await {
            self.received.push_back(message);
        }
        if !self.received.is_empty() {
            self.open_again();
            return false;
        }
        shared.roster.remove(id);
        if let Posture::Parked { wake_at: Some(at) } = self.posture {
            shared.next_alarm.set(at);
        }
        // INVARIANT: a draining host tells the followers of what is not in memory once; those of
        // one that leaves at that moment are told here.
        if shared.draining.is_cancelled() {
            shared.followers.end(id);
        }
        drop(lane);
        true
    }

    fn open_again(&mut self) {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        self.mailbox = mailbox;
        let running = Running {
            mailbox: sender,
            machine: self.machine.name.clone(),
        };
        let id = self.start.header.id.clone();
        self.shared.roster.add(id, running);
    }
}
