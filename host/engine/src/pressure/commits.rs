//! Commits on their way to the disk, and starts that wait for their turn to commit.
//!
//! Owns that steps of running executions go before starts. A step always goes at once. While less
//! than a quarter of what may wait is on its way, so does a start; beyond that, starts are at most
//! a quarter of what is on its way, and further ones wait, principals in turn. So a busy disk works
//! for what is under way first, and starts never stop.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::shares::{Full, share_of};
use crate::room::Turns;

/// One start in so many commits, once the disk is busy.
const STARTS_EVERY: usize = 4;

/// Commits on their way to the disk.
pub(crate) struct Commits {
    max: usize,
    each_max: usize,
    busy_from: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    steps: usize,
    starts: usize,
    line: Turns<Arc<str>, Line>,
    waiting: usize,
    next: u64,
}

/// Starts of one principal that wait, in their order.
type Line = BTreeMap<u64, oneshot::Sender<StartTurn>>;

/// A step's commit on its way; dropped, it has arrived.
pub(crate) struct Step(Arc<Commits>);

/// A start's turn to commit; dropped, it is over.
pub(crate) struct StartTurn(Arc<Commits>);

/// A start that waits for its turn; dropped, it is given up.
pub(crate) struct WaitingStart {
    commits: Arc<Commits>,
    principal: Arc<str>,
    number: u64,
    turn: oneshot::Receiver<StartTurn>,
}

impl Commits {
    pub(super) fn new(max: usize, percent: usize) -> Self {
        Self {
            max,
            each_max: share_of(max, percent),
            busy_from: share_of(max, 25),
            state: Mutex::default(),
        }
    }

    /// How many are on their way, and how many starts wait for their turn.
    pub(crate) fn load(&self) -> (usize, usize) {
        let state = self.lock();
        (state.steps + state.starts, state.waiting)
    }

    /// Counts the commit of a step.
    pub(crate) fn step(self: &Arc<Self>) -> Step {
        self.lock().steps += 1;
        Step(Arc::clone(self))
    }

    /// Waits for a start's turn.
    ///
    /// # Errors
    /// Too much is on its way, or too many of this principal's starts wait.
    pub(super) fn start(self: &Arc<Self>, principal: &str) -> Result<WaitingStart, Full> {
        let principal: Arc<str> = principal.into();
        let (sender, turn) = oneshot::channel();
        let number = {
            let mut state = self.lock();
            if state.steps + state.starts + state.waiting >= self.max {
                return Err(Full::Host);
            }
            let own = state.line.peek(&principal).map_or(0, BTreeMap::len);
            if own >= self.each_max {
                return Err(Full::Share);
            }
            let number = state.next;
            state.next += 1;
            state.waiting += 1;
            state.line.join(&principal).insert(number, sender);
            number
        };
        self.go_on();
        Ok(WaitingStart {
            commits: Arc::clone(self),
            principal,
            number,
            turn,
        })
    }

    /// Gives those their turn who may have it.
    fn go_on(self: &Arc<Self>) {
        let mut turns = Vec::new();
        {
            let mut state = self.lock();
            while state.may_start(self.busy_from)
                && let Some(sender) = state.pop()
            {
                state.starts += 1;
                turns.push((StartTurn(Arc::clone(self)), sender));
            }
        }
        for (turn, sender) in turns {
            // Whoever went away meanwhile drops the turn, which gives it to the next one.
            let _ = sender.send(turn);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn may_start(&self, busy_from: usize) -> bool {
        let all = self.steps + self.starts;
        all < busy_from || (self.starts + 1) * STARTS_EVERY <= all + 1
    }

    fn pop(&mut self) -> Option<oneshot::Sender<StartTurn>> {
        let principal = Arc::clone(self.line.first()?);
        let line = self.line.of(&principal)?;
        let first = line.pop_first();
        match line.is_empty() {
            true => self.line.leave(&principal),
            false => self.line.pass(&principal),
        }
        let (_, sender) = first?;
        self.waiting -= 1;
        Some(sender)
    }

    fn give_up(&mut self, principal: &Arc<str>, number: u64) {
        let Some(line) = self.line.of(principal) else {
            return;
        };
        if line.remove(&number).is_some() {
            self.waiting -= 1;
        }
        if line.is_empty() {
            self.line.leave(principal);
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        {
            let mut state = self.0.lock();
            state.steps = state.steps.saturating_sub(1);
        }
        self.0.go_on();
    }
}

impl Drop for StartTurn {
    fn drop(&mut self) {
        {
            let mut state = self.0.lock();
            state.starts = state.starts.saturating_sub(1);
        }
        self.0.go_on();
    }
}

impl Future for WaitingStart {
    type Output = StartTurn;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<StartTurn> {
        match Pin::new(&mut self.turn).poll(context) {
            Poll::Ready(Ok(turn)) => Poll::Ready(turn),
            // INVARIANT: the sender stays in line until it is sent to, or this is dropped.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for WaitingStart {
    fn drop(&mut self) {
        let mut state = self.commits.lock();
        state.give_up(&self.principal, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a start's turn is by now.
    async fn now(start: &mut WaitingStart) -> Option<StartTurn> {
        tokio::select! {
            biased;
            turn = start => Some(turn),
            () = std::future::ready(()) => None,
        }
    }

    fn commits(max: usize, percent: usize) -> Arc<Commits> {
        Arc::new(Commits::new(max, percent))
    }

    #[tokio::test]
    async fn a_start_goes_at_once_while_the_disk_is_calm() {
        let commits = commits(16, 50);
        let steps = [(); 3].map(|()| commits.step());
        let turn = now(&mut commits.start("p").ok().unwrap()).await;
        assert!(turn.is_some());
        assert_eq!(commits.load(), (4, 0));
        drop((steps, turn));
        assert_eq!(commits.load(), (0, 0));
    }

    #[tokio::test]
    async fn a_start_waits_behind_steps_and_is_one_commit_in_four() {
        let commits = commits(16, 100);
        let mut steps = [(); 5].map(|()| Some(commits.step()));
        let mut first = commits.start("p").ok().unwrap();
        let turn = now(&mut first).await;
        assert!(turn.is_some());
        let mut second = commits.start("p").ok().unwrap();
        let mut third = commits.start("q").ok().unwrap();
        drop(turn);
        let turn = now(&mut second).await;
        assert!(turn.is_some());
        assert!(now(&mut third).await.is_none());
        assert_eq!(commits.load(), (6, 1));
        // The disk is calm again.
        steps.iter_mut().take(3).for_each(|step| *step = None);
        assert!(now(&mut third).await.is_some());
    }

    #[tokio::test]
    async fn starts_are_refused_when_too_much_waits_and_steps_never_are() {
        let commits = commits(16, 25);
        let steps = [(); 6].map(|()| commits.step());
        // Two have their turn, four wait.
        let held = [(); 6].map(|()| commits.start("p").ok().unwrap());
        assert_eq!(commits.start("p").err(), Some(Full::Share));
        let other = [(); 4].map(|()| commits.start("q").ok().unwrap());
        assert_eq!(commits.start("q").err(), Some(Full::Host));
        let more = [(); 100].map(|()| commits.step());
        assert_eq!(commits.start("r").err(), Some(Full::Host));
        drop((steps, more));
        drop((held, other));
        assert_eq!(commits.load(), (0, 0));
        assert!(commits.start("p").is_ok());
    }
}
