//! Where tasks that wait for workers and workers that wait for tasks meet.
//!
//! Owns the order: tasks in the order they were offered, workers in the order they came. Nothing
//! here is durable; a task waits in its execution, which offers it again on the next host.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asl::{EffectId, ExecutionId};
use auth::names::ServiceName;
use tokio::sync::Semaphore;

use crate::{Config, Full, Share, Shares};

/// The tasks on offer and the room for workers.
pub(crate) struct Desk {
    lanes: Mutex<BTreeMap<ServiceName, Arc<Lane>>>,
    workers: Arc<Shares>,
}

/// A task that waits for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) execution: ExecutionId,
    pub(crate) effect: EffectId,
}

/// Keeps a task on offer; dropped, it is withdrawn.
pub(crate) struct Offered {
    lane: Arc<Lane>,
    number: u64,
}

/// The tasks of one activity.
pub(crate) struct Lane {
    offers: Mutex<Offers>,
    /// One permit for each offer.
    ready: Semaphore,
}

#[derive(Default)]
struct Offers {
    waiting: BTreeMap<u64, Offer>,
    next: u64,
}

impl Desk {
    /// A desk with room for as many workers as the configuration says, of all activities.
    pub(crate) fn new(config: &Config) -> Self {
        let workers = Shares::new(config.workers_waiting_max, config.principal_share_percent);
        Self {
            lanes: Mutex::default(),
            workers: Arc::new(workers),
        }
    }

    /// Offers a task to the activity's workers until the answer is dropped.
    pub(crate) fn offer(&self, activity: ServiceName, offer: Offer) -> Offered {
        let lane = self.lane(activity);
        let number = {
            let mut offers = lane.offers();
            let number = offers.next;
            offers.next += 1;
            offers.waiting.insert(number, offer);
            // INVARIANT: permits change with the offers, under their lock; an offer never lacks one.
            lane.ready.add_permits(1);
            number
        };
        Offered { lane, number }
    }

    /// The tasks of an activity.
    pub(crate) fn lane(&self, activity: ServiceName) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(activity).or_default())
    }

    /// Room for one more of a principal's workers to wait, if there is any.
    pub(crate) fn take(&self, principal: &str) -> Result<Share, Full> {
        self.workers.take(principal)
    }

    /// How many workers wait.
    pub(crate) fn workers_waiting(&self) -> usize {
        self.workers.taken()
    }
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            offers: Mutex::default(),
            ready: Semaphore::new(0),
        }
    }
}

impl Lane {
    /// Waits for a task and takes it off the desk. Dropped before, it takes nothing.
    pub(crate) async fn next(&self) -> Option<Offer> {
        loop {
            self.ready.acquire().await.ok()?.forget();
            let first = self.offers().waiting.pop_first();
            if let Some((_, offer)) = first {
                return Some(offer);
            }
        }
    }

    fn offers(&self) -> MutexGuard<'_, Offers> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Offered {
    fn drop(&mut self) {
        let mut offers = self.lane.offers();
        if offers.waiting.remove(&self.number).is_some() {
            // A worker that was woken for it finds nothing, and waits on.
            self.lane.ready.forget_permits(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk() -> Desk {
        Desk::new(&Config {
            workers_waiting_max: 2,
            ..Config::default()
        })
    }

    fn name() -> ServiceName {
        ServiceName::parse("work").unwrap()
    }

    fn offer(effect: u64) -> Offer {
        Offer {
            execution: ExecutionId::parse("e").unwrap(),
            effect: EffectId(effect),
        }
    }

    #[tokio::test]
    async fn the_first_task_goes_to_the_first_worker() {
        let desk = desk();
        let lane = desk.lane(name());
        let mut first = by_hand(lane.next());
        let mut second = by_hand(lane.next());
        assert!(first.poll().is_none());
        assert!(second.poll().is_none());
        let _one = desk.offer(name(), offer(1));
        let _two = desk.offer(name(), offer(2));
        assert_eq!(second.poll(), Some(Some(offer(1))));
        assert_eq!(first.poll(), Some(Some(offer(2))));
    }

    #[tokio::test]
    async fn a_withdrawn_task_goes_to_nobody() {
        let desk = desk();
        let lane = desk.lane(name());
        let mut worker = by_hand(lane.next());
        assert!(worker.poll().is_none());
        drop(desk.offer(name(), offer(1)));
        assert!(worker.poll().is_none());
        let _two = desk.offer(name(), offer(2));
        assert_eq!(worker.poll(), Some(Some(offer(2))));
    }

    #[tokio::test]
    async fn a_worker_that_goes_away_takes_no_task_with_it() {
        let desk = desk();
        let lane = desk.lane(name());
        let mut gone = by_hand(lane.next());
        assert!(gone.poll().is_none());
        let _one = desk.offer(name(), offer(1));
        drop(gone);
        assert_eq!(lane.next().await, Some(offer(1)));
    }

    #[test]
    fn only_so_many_workers_may_wait() {
        let desk = desk();
        let held = [desk.take("p"), desk.take("q")];
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(desk.take("r").err(), Some(Full::Host));
        drop(held);
        let _held = desk.take("p");
        assert_eq!(desk.take("p").err(), Some(Full::Share));
        assert!(desk.take("q").is_ok());
    }

    /// A future that is polled by hand.
    struct ByHand<F>(std::pin::Pin<Box<F>>);

    fn by_hand<F: Future>(future: F) -> ByHand<F> {
        ByHand(Box::pin(future))
    }

    impl<F: Future> ByHand<F> {
        fn poll(&mut self) -> Option<F::Output> {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            match self.0.as_mut().poll(&mut context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            }
        }
    }
}
