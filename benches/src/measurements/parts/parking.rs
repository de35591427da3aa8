//! Parks executions for a day, in a process that ends when they are parked.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use asl::Timestamp;
use engine::MachineType;
use ports::Clock as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::definitions;
use crate::host::{Host, IDEMPOTENT, Script, Setup, SystemClock, start_all};
use crate::usage;

/// How far ahead timers are due, in milliseconds.
pub(crate) const DAY_MS: i64 = 86_400_000;
/// The moments at which timers are due are so many milliseconds.
pub(crate) const MOMENTS: usize = 1_000;
/// Coprime to any number of executions that ends in a zero, so that those started one after
/// another are due in another order.
const STRIDE: usize = 7_919;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) folder: PathBuf,
    /// Executions that wait for a moment.
    pub(crate) waiting: usize,
    /// Executions that wait for whoever has their token.
    pub(crate) asking: usize,
    /// Where the tokens go, one to a line.
    pub(crate) tokens: PathBuf,
}

/// How parking went.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Parked {
    pub(crate) before_mib: f64,
    pub(crate) after_mib: f64,
    pub(crate) seconds: f64,
    /// The first of the moments, in milliseconds of the clock.
    pub(crate) due_at: i64,
}

pub(crate) async fn park(given: Given) -> Result<Parked> {
    let (told, mut heard) = mpsc::unbounded_channel();
    let script = Script { told: Some(told) };
    let host = Host::start_with(&given.folder, Setup::roomy().script(script)).await?;
    let host = Arc::new(host);
    host.allow("bench", IDEMPOTENT).await?;
    let standard = MachineType::Standard;
    let waits = definitions::waits_then_works();
    let waits = host.publish("wait", "bench", standard, waits).await?;
    let asks = definitions::asks();
    let asks = host.publish("ask", "bench", standard, asks).await?;
    let mut file = BufWriter::new(File::create(&given.tokens)?);
    let writing = tokio::spawn(async move {
        let mut tokens = 0;
        while let Some(attempt) = heard.recv().await {
            let input: Value = serde_json::from_str(&attempt.input)?;
            let token = input.get("token").and_then(Value::as_str);
            writeln!(file, "{}", token.context("a token")?)?;
            tokens += 1;
        }
        file.flush()?;
        anyhow::Ok(tokens)
    });
    let before_mib = usage::memory()?.resident_mib;
    let due_at = SystemClock { ahead_ms: 0 }.now().0.saturating_add(DAY_MS);
    let began = Instant::now();
    let count = given.waiting;
    start_all(&host, &waits, given.waiting, move |number| {
        due(number, count, due_at)
    })
    .await?;
    start_all(&host, &asks, given.asking, |_| json!({})).await?;
    host.until_idle().await;
    let parked = Parked {
        before_mib,
        after_mib: usage::memory()?.resident_mib,
        seconds: began.elapsed().as_secs_f64(),
        due_at,
    };
    host.end().await?;
    let tokens = writing.await??;
    ensure!(tokens == given.asking, "{tokens} tokens were handed out");
    Ok(parked)
}

/// What an execution is given: when it is due, and in which place among all of them.
fn due(number: usize, count: usize, due_at: i64) -> Value {
    let place = number * STRIDE % count.max(1);
    let moment = place * MOMENTS / count.max(1);
    let at = Timestamp(due_at.saturating_add(i64::try_from(moment).unwrap_or(0)));
    json!({"at": at.to_rfc3339(), "place": place})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_place_is_due_once_and_later_places_are_due_no_earlier() {
        let all: Vec<_> = (0..2_000).map(|number| due(number, 2_000, 0)).collect();
        let place = |given: &Value| given["place"].as_u64().unwrap();
        let at = |given: &Value| given["at"].as_str().unwrap().to_owned();
        assert_eq!(all.iter().map(place).collect::<BTreeSet<_>>().len(), 2_000);
        let mut sorted = all.clone();
        sorted.sort_by_key(place);
        assert!(sorted.is_sorted_by_key(at));
        assert!(!all.is_sorted_by_key(place));
    }
}
