//! Timers that all come due within a second on a host that runs: they are to be served in their
//! order, and without a pause.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use engine::MachineType;
use ports::Clock as _;
use serde_json::Value;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio_util::sync::CancellationToken;

use super::Here;
use super::parts::parking::{Given, MOMENTS, Parked};
use crate::again::{Inside, ask};
use crate::figure::Figure;
use crate::host::{Heard, Host, Script, Setup, SystemClock};
use crate::usage;

/// As many as the promise is about.
const TIMERS_LONG: usize = 100_000;
const TIMERS: usize = 20_000;
/// How long before the first timer the host begins, in milliseconds.
const AHEAD_MS: i64 = 3_000;
/// How long nothing may be heard before the rest counts as lost.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How often somebody asks for something meanwhile.
const ASK_EVERY: Duration = Duration::from_millis(5);

pub(super) async fn measure(here: &Here) -> Result<Vec<Figure>> {
    let count = if here.is_long { TIMERS_LONG } else { TIMERS };
    let given = Given {
        folder: here.path("store"),
        waiting: count,
        asking: 0,
        tokens: here.path("tokens"),
    };
    let parked: Parked = ask(Inside::Park, &given).await?;
    // In place of a day that passes, the next host's clock is a day ahead.
    let now = SystemClock { ahead_ms: 0 }.now().0;
    let (told, heard) = mpsc::unbounded_channel();
    let setup = Setup {
        ahead_ms: parked.due_at - AHEAD_MS - now,
        ..Setup::roomy().script(Script { told: Some(told) })
    };
    let first_due = Instant::now() + Duration::from_millis(u64::try_from(AHEAD_MS)?);
    let host = Arc::new(Host::start_with(&given.folder, setup).await?);
    ensure!(
        Instant::now() < first_due,
        "the host was ready too late to see the timers come due"
    );
    usage::forget_peak()?;
    let stop = CancellationToken::new();
    let asking = tokio::spawn(ask_meanwhile(Arc::clone(&host), stop.clone()));
    let served = Served::of(heard, count, first_due).await?;
    host.until_idle().await;
    let all_ended = first_due.elapsed();
    stop.cancel();
    let look_ups = asking.await??;
    ensure!(
        usize::try_from(host.succeeded(MachineType::Standard)?)? == count,
        "not every execution has ended"
    );
    let name = |what: &str| format!("{count} timers due within a second: {what}");
    let mut figures = served.figures(name);
    figures.push(Figure::new(
        name("all ended after"),
        "s",
        all_ended.as_secs_f64(),
    ));
    let slowest = look_ups.iter().copied().fold(0.0, f64::max);
    figures.push(Figure::of_values(
        name("a look-up meanwhile"),
        "ms",
        look_ups,
    )?);
    figures.push(Figure::new(
        name("the slowest look-up meanwhile"),
        "ms",
        slowest,
    ));
    let peak = usage::memory()?.peak_mib;
    figures.push(Figure::new(name("resident at the most"), "MiB", peak));
    host.end().await?;
    Ok(figures)
}

/// In which order, and when, timers were served.
struct Served {
    /// How long after the first was due each was served, in milliseconds, and its moment.
    served: Vec<(f64, u64)>,
}

impl Served {
    async fn of(
        mut heard: UnboundedReceiver<Heard>,
        count: usize,
        first_due: Instant,
    ) -> Result<Self> {
        let mut served = Vec::with_capacity(count);
        while served.len() < count {
            let next = tokio::time::timeout(SILENCE_MAX, heard.recv()).await;
            let attempt = next
                .with_context(|| format!("{} of {count} timers were served", served.len()))?
                .context("the host is gone")?;
            let input: Value = serde_json::from_str(&attempt.input)?;
            let place = input.get("place").and_then(Value::as_u64);
            let moment = place.context("a place")? * MOMENTS as u64 / count as u64;
            let after = attempt.at.saturating_duration_since(first_due);
            served.push((after.as_secs_f64() * 1e3, moment));
        }
        Ok(Self { served })
    }

    #[expect(clippy::cast_precision_loss, reason = "some millions of timers")]
    fn figures(&self, name: impl Fn(&str) -> String) -> Vec<Figure> {
        let first = self.served.first().map_or(0.0, |(after, _)| *after);
        let last = self.served.last().map_or(0.0, |(after, _)| *after);
        let rate = self.served.len() as f64 * 1e3 / last;
        vec![
            Figure::new(name("served"), "/s", rate),
            Figure::new(name("the first one late by"), "ms", first),
            Figure::new(name("longest pause"), "ms", self.longest_pause()),
            Figure::new(
                name("overtaken by timers due later by"),
                "ms",
                self.overtaken(),
            ),
        ]
    }

    /// The longest time in which none was served, in milliseconds.
    fn longest_pause(&self) -> f64 {
        let times = self.served.iter().map(|(after, _)| *after);
        let pauses = times
            .clone()
            .zip(times.skip(1))
            .map(|(one, next)| next - one);
        pauses.fold(0.0, f64::max)
    }

    /// How much later than one that was served after it a timer was due, at the most, in
    /// milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "a thousand moments")]
    fn overtaken(&self) -> f64 {
        let (mut latest, mut most) = (0, 0);
        for (_, moment) in &self.served {
            latest = latest.max(*moment);
            most = most.max(latest - moment);
        }
        most as f64
    }
}

/// Asks for what is not there again and again; how long each answer took, in milliseconds.
async fn ask_meanwhile(host: Arc<Host>, stop: CancellationToken) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    while !stop.is_cancelled() {
        let asked = Instant::now();
        host.engine.find("nothing").await?;
        times.push(asked.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_and_places_are_told() {
        let served = vec![(1.0, 0), (2.0, 3), (9.0, 1), (10.0, 4)];
        let served = Served { served };
        assert_eq!(served.longest_pause(), 7.0);
        assert_eq!(served.overtaken(), 2.0);
        let served = Served { served: Vec::new() };
        assert_eq!((served.longest_pause(), served.overtaken()), (0.0, 0.0));
    }
}
