//! Waking parked executions when their time has come.
//!
//! Owns the one task that waits for the next alarm, the order in which those that are due are
//! taken up, and noticing that somebody set the clock. It does not know what an execution does
//! once it is in memory.

use std::sync::Arc;
use std::time::Duration;

use asl::Timestamp;
use ports::{Alarm, Alarms};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::Error;
use crate::shared::Shared;

/// The longest uninterrupted sleep: a clock that was set is noticed after this.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// Alarms read at once.
const PAGE: usize = 256;
/// How far the clock and the time that has passed may part before it counts as set.
const DRIFT_MS: i64 = 500;
const NEVER: Timestamp = Timestamp(i64::MAX);

/// When the next alarm is due, as far as anybody told.
pub(crate) struct NextAlarm(watch::Sender<Timestamp>);

impl Default for NextAlarm {
    fn default() -> Self {
        Self(watch::Sender::new(NEVER))
    }
}

impl NextAlarm {
    /// Tells of the alarm of an execution that has left memory.
    pub(crate) fn set(&self, at: Timestamp) {
        self.0.send_if_modified(|next| {
            let is_earlier = at < *next;
            *next = at.min(*next);
            is_earlier
        });
    }
}

impl Shared {
    /// Takes up parked executions as they come due, the earliest first.
    ///
    /// # Errors
    /// The store failed; nothing else ends it.
    pub(crate) async fn ring_alarms(self: &Arc<Self>) -> Result<(), Error> {
        let mut round = Round::new(self.ports.clock.now());
        loop {
            let told = self.next_alarm.0.send_replace(NEVER);
            round.mind(told);
            let next = self.ring_due(&mut round).await?;
            self.next_alarm.set(next.unwrap_or(NEVER));
            self.sleep_until_alarm(&mut round).await;
        }
    }

    /// Takes up what is due; answers when the next one is.
    async fn ring_due(self: &Arc<Self>, round: &mut Round) -> Result<Option<Timestamp>, Error> {
        loop {
            let now = self.ports.clock.now();
            self.check_clock(round, now);
            let journal = &self.ports.journal;
            let Alarms { due, next } = journal.alarms(now, round.rung.clone(), PAGE).await?;
            let is_last = due.len() < PAGE;
            for alarm in due {
                let late_ms = self.ports.clock.now().0.saturating_sub(alarm.at.0);
                self.metrics.alarms_behind(late_ms);
                if !self.roster.is_here(&alarm.id) {
                    self.wake(&alarm).await?;
                }
                round.rung = Some(alarm);
            }
            if is_last {
                self.metrics.alarms_behind(0);
                return Ok(next);
            }
        }
    }

    /// Takes an execution up beside others, as soon as there is room.
    async fn wake(self: &Arc<Self>, alarm: &Alarm) -> Result<(), Error> {
        let claim = self.claim(&alarm.id).await?;
        if let Some(arrival) = self.arrival().await {
            let shared = Arc::clone(self);
            self.tasks
                .spawn(async move { shared.bring_in(claim, arrival).await });
        }
        Ok(())
    }

    /// Sleeps until an alarm is due, and no longer than a clock may be wrong.
    async fn sleep_until_alarm(&self, round: &mut Round) {
        let mut told = self.next_alarm.0.subscribe();
        loop {
            let next = *told.borrow_and_update();
            let now = self.ports.clock.now();
            self.check_clock(round, now);
            let left = u64::try_from(next.0.saturating_sub(now.0)).unwrap_or(0);
            if left == 0 || round.is_over() {
                return;
            }
            let sleep = Duration::from_millis(left).min(round.left());
            tokio::select! {
                biased;
                _ = told.changed() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// Has every execution look at its timers again if the clock was set.
    fn check_clock(&self, round: &mut Round, now: Timestamp) {
        let drift = round.drift_ms(now);
        if drift.saturating_abs() > DRIFT_MS {
            tracing::warn!(drift_ms = drift, "the clock was set");
            self.clock_set.notify_waiters();
        }
    }
}

/// How far the alarms have been rung since they were last rung from the first on.
struct Round {
    began: Instant,
    rung: Option<Alarm>,
    /// When the clock was last looked at, by itself and by the time that passes.
    looked_at: (Timestamp, Instant),
}

impl Round {
    fn new(now: Timestamp) -> Self {
        let began = Instant::now();
        Self {
            began,
            rung: None,
            looked_at: (now, began),
        }
    }

    /// Begins anew where an alarm would be passed over: one that was told of after later ones
    /// were rung, or one whose execution could not be taken up when it was rung.
    fn mind(&mut self, told: Timestamp) {
        if self.is_over() {
            self.began = Instant::now();
            self.rung = None;
        }
        self.rung.take_if(|rung| told <= rung.at);
    }

    fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    fn left(&self) -> Duration {
        SLEEP_MAX.saturating_sub(self.began.elapsed())
    }

    /// How far the clock has gone beyond the time that has passed since this was last asked.
    fn drift_ms(&mut self, now: Timestamp) -> i64 {
        let (then, instant) = self.looked_at;
        let passed = i64::try_from(instant.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.looked_at = (now, Instant::now());
        now.0.saturating_sub(then.0.saturating_add(passed))
    }
}
