//! The loop that most measurements share: lanes that each do one thing after another, without a
//! pause, while the time is cut into rounds.
//!
//! What is under way when a round ends counts for the round in which it is done, so that rounds
//! neither start cold nor run dry.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::figure::Figure;
use crate::samples::Samples;
use crate::usage;

/// One lane: whatever does the thing.
pub(crate) trait Lane: Send + 'static {
    /// Does it once.
    ///
    /// # Errors
    /// It did not come out as it must; that ends the measurement.
    fn once(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// How long a loop runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) warm_up: Duration,
    pub(crate) rounds: usize,
    pub(crate) round: Duration,
}

/// Half a second to warm up, then five rounds of a second.
impl Default for Plan {
    fn default() -> Self {
        Self {
            warm_up: Duration::from_millis(500),
            rounds: 5,
            round: Duration::from_secs(1),
        }
    }
}

impl Plan {
    /// Three rounds, where there is much to measure.
    pub(crate) fn short() -> Self {
        Self {
            rounds: 3,
            ..Self::default()
        }
    }
}

/// What a loop came to, round by round.
pub(crate) struct Ran {
    rounds: Vec<Round>,
}

struct Round {
    seconds: f64,
    /// How long each thing took that was done in this round, in milliseconds.
    times_ms: Vec<f64>,
    cpu_s: f64,
    counted: u64,
}

/// What stood at one moment.
struct Mark {
    at: Instant,
    cpu: Duration,
    counted: u64,
}

impl Mark {
    fn now(count: &impl Fn() -> u64) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            cpu: usage::cpu_time()?,
            counted: count(),
        })
    }
}

/// Runs lanes side by side; `count` tells how much of something else has happened so far.
///
/// # Errors
/// A lane failed, or nothing was done in some round.
pub(crate) async fn closed_loop<L: Lane>(
    plan: Plan,
    lanes: Vec<L>,
    count: impl Fn() -> u64,
) -> Result<Ran> {
    let stop = Arc::new(AtomicBool::new(false));
    let running: Vec<_> = lanes
        .into_iter()
        .map(|lane| tokio::spawn(work(lane, Arc::clone(&stop))))
        .collect();
    tokio::time::sleep(plan.warm_up).await;
    let mut marks = vec![Mark::now(&count)?];
    for _ in 0..plan.rounds {
        tokio::time::sleep(plan.round).await;
        marks.push(Mark::now(&count)?);
    }
    stop.store(true, Ordering::Relaxed);
    let mut done = Vec::new();
    for lane in running {
        done.extend(lane.await??);
    }
    let rounds: Vec<_> = marks
        .iter()
        .zip(marks.iter().skip(1))
        .map(|(from, to)| Round::between(from, to, &done))
        .collect();
    ensure!(
        rounds.iter().all(|round| !round.times_ms.is_empty()),
        "a round of {:?} was too short to finish anything",
        plan.round
    );
    Ok(Ran { rounds })
}

async fn work<L: Lane>(mut lane: L, stop: Arc<AtomicBool>) -> Result<Vec<(Instant, Duration)>> {
    let mut done = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let started = Instant::now();
        lane.once().await?;
        done.push((Instant::now(), started.elapsed()));
    }
    Ok(done)
}

impl Round {
    fn between(from: &Mark, to: &Mark, done: &[(Instant, Duration)]) -> Self {
        let inside = done.iter().filter(|(at, _)| from.at < *at && *at <= to.at);
        Self {
            seconds: to.at.duration_since(from.at).as_secs_f64(),
            times_ms: inside.map(|(_, time)| time.as_secs_f64() * 1e3).collect(),
            cpu_s: to.cpu.saturating_sub(from.cpu).as_secs_f64(),
            counted: to.counted.saturating_sub(from.counted),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "some thousands a second")]
    fn done(&self) -> f64 {
        self.times_ms.len() as f64
    }
}

impl Ran {
    /// How many were done in a second.
    pub(crate) fn rate(&self, name: impl Into<String>) -> Result<Figure> {
        let rates = self.rounds.iter().map(|round| round.done() / round.seconds);
        Figure::of_rounds(name, "/s", rates)
    }

    /// How long each took; the spread is that of the rounds' medians.
    pub(crate) fn latency(&self, name: impl Into<String>) -> Result<Figure> {
        let all = self.rounds.iter().flat_map(|round| &round.times_ms);
        let medians = self.rounds.iter().map(|round| {
            let times = Samples::of(round.times_ms.iter().copied())?;
            Ok(times.median())
        });
        let medians = Samples::of(medians.collect::<Result<Vec<f64>>>()?)?;
        Ok(Figure::of_values(name, "ms", all.copied())?.spread(&medians))
    }

    /// CPU time of this process for each `parts`th part of one, in microseconds.
    pub(crate) fn cpu_us(&self, name: impl Into<String>, parts: f64) -> Result<Figure> {
        let rounds = self.rounds.iter();
        let each = rounds.map(|round| round.cpu_s * 1e6 / (round.done() * parts));
        Figure::of_rounds(name, "µs", each)
    }

    /// How much of what was counted happened for each one.
    #[expect(clippy::cast_precision_loss, reason = "some thousands a second")]
    pub(crate) fn counted(&self, name: impl Into<String>, unit: &str) -> Result<Figure> {
        let rounds = self.rounds.iter();
        Figure::of_rounds(
            name,
            unit,
            rounds.map(|round| round.counted as f64 / round.done()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(began: Instant, after_ms: u64, cpu_ms: u64, counted: u64) -> Mark {
        Mark {
            at: began + Duration::from_millis(after_ms),
            cpu: Duration::from_millis(cpu_ms),
            counted,
        }
    }

    #[test]
    fn what_is_done_counts_for_the_round_it_is_done_in() {
        let began = Instant::now();
        let done: Vec<_> = [500, 1000, 1001, 1500, 2500]
            .map(|at| (began + Duration::from_millis(at), Duration::from_millis(at)))
            .to_vec();
        let (first, second) = (mark(began, 0, 0, 0), mark(began, 1000, 500, 4));
        let third = mark(began, 2000, 600, 10);
        let rounds = vec![
            Round::between(&first, &second, &done),
            Round::between(&second, &third, &done),
        ];
        let ran = Ran { rounds };
        let rate = ran.rate("rate").unwrap();
        assert_eq!((rate.median, rate.unit.as_str()), (2.0, "/s"));
        let latency = ran.latency("latency").unwrap();
        assert_eq!((latency.median, latency.p99), (1000.5, Some(1500.0)));
        let cpu = ran.cpu_us("cpu", 10.0).unwrap();
        let spread = cpu.rounds.unwrap();
        assert!((spread.min - 5_000.0).abs() < 1e-6 && (spread.max - 25_000.0).abs() < 1e-6);
        let counted = ran.counted("syncs", "syncs").unwrap();
        assert_eq!(counted.median, 2.5);
    }

    struct Failing(u32);

    impl Lane for Failing {
        async fn once(&mut self) -> Result<()> {
            ensure!(self.0 > 0, "it failed");
            self.0 -= 1;
            tokio::task::yield_now().await;
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_failure_ends_the_loop() {
        let plan = Plan {
            warm_up: Duration::ZERO,
            rounds: 1,
            round: Duration::from_millis(1),
        };
        let ran = closed_loop(plan, vec![Failing(3)], || 0).await;
        assert_eq!(ran.err().unwrap().to_string(), "it failed");
    }
}
