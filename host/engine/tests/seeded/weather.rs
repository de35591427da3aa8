//! The store's surroundings under one host: how long it takes, and when it fails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ports::{Commit, Receipt};
use store::{Fault, Weather};
use tokio_util::sync::CancellationToken;

use crate::book::Book;
use crate::dice::Dice;
use crate::outside::{HostClock, Outside};

pub(crate) struct SeededWeather {
    outside: Arc<Outside>,
    book: Arc<Mutex<Book>>,
    dice: Mutex<Dice>,
    /// How long a call may usually take.
    usual_ms: u64,
    /// The fault to come, and how many commits are left until then.
    fault: Mutex<Option<(u64, Fault)>>,
    clock: Arc<HostClock>,
    /// Whether the disk may be full.
    may_be_full: AtomicBool,
    /// Whether time stands still, for those who only look.
    is_calm: AtomicBool,
    /// The host is dead.
    pub(crate) crashed: CancellationToken,
    /// The disk refuses every write.
    pub(crate) failed: CancellationToken,
}

impl SeededWeather {
    pub(crate) fn new(
        outside: &Arc<Outside>,
        book: &Arc<Mutex<Book>>,
        clock: &Arc<HostClock>,
        life: usize,
    ) -> Arc<Self> {
        let mut dice = Dice::new(outside.plan.seed, &format!("weather {life}"));
        let usual_ms = *dice.pick(&[2, 5, 50, 400]);
        Arc::new(Self {
            outside: Arc::clone(outside),
            book: Arc::clone(book),
            dice: Mutex::new(dice),
            usual_ms,
            fault: Mutex::new(None),
            clock: Arc::clone(clock),
            may_be_full: AtomicBool::new(false),
            is_calm: AtomicBool::new(false),
            crashed: CancellationToken::new(),
            failed: CancellationToken::new(),
        })
    }

    /// From here on this fault comes after so many commits.
    pub(crate) fn threaten(&self, commits: u64, fault: Fault) {
        *self.fault.lock().unwrap() = Some((commits, fault));
    }

    /// From here on the disk is full when the plan says so.
    pub(crate) fn fill(&self) {
        self.may_be_full.store(true, Ordering::Relaxed);
    }

    fn is_full(&self) -> bool {
        let now = self.clock.elapsed_ms();
        let mut full = self.outside.plan.full.iter();
        self.may_be_full.load(Ordering::Relaxed)
            && full.any(|(from, until)| (*from..*until).contains(&now))
    }

    /// Lets reads take no time, or time again.
    pub(crate) fn calm(&self, is_calm: bool) {
        self.is_calm.store(is_calm, Ordering::Relaxed);
    }

    async fn pass(&self) {
        if self.is_calm.load(Ordering::Relaxed) {
            return;
        }
        let pause = {
            let mut dice = self.dice.lock().unwrap();
            match dice.within(0..=99) {
                0..=59 => 0,
                60..=97 => dice.within(1..=self.usual_ms),
                _ => dice.within(1..=3_000),
            }
        };
        if pause > 0 {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
}

#[async_trait]
impl Weather for SeededWeather {
    async fn before_write(&self) {
        self.pass().await;
    }

    fn strikes(&self) -> Option<Fault> {
        if self.is_full() {
            self.outside.note("the disk is full");
            return Some(Fault::Full);
        }
        let mut coming = self.fault.lock().unwrap();
        let (left, fault) = (*coming)?;
        *coming = left
            .checked_sub(1)
            .map(|left| (left, fault))
            .filter(|(left, _)| *left > 0);
        if coming.is_some() {
            return None;
        }
        self.outside.note(&format!("{fault:?}"));
        match fault {
            Fault::CrashBefore | Fault::CrashAfter => self.crashed.cancel(),
            Fault::Fail | Fault::FailLate => self.failed.cancel(),
            Fault::Full => {}
        }
        Some(fault)
    }

    fn written(&self, commit: &Commit, receipt: &Receipt) {
        let actions: Vec<_> = commit
            .audit
            .iter()
            .map(|record| record.action.as_str())
            .collect();
        let of = commit
            .execution
            .as_ref()
            .map_or("-", |step| step.id.as_str());
        self.outside
            .note(&format!("{of} {actions:?} {}", receipt.audit.hash));
        let verdict = self.book.lock().unwrap().enter(commit);
        self.outside.check(verdict);
    }

    async fn before_answer(&self) {
        self.pass().await;
    }

    async fn around_read(&self) {
        self.pass().await;
    }
}
