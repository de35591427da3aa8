//! One attempt: the runner against bare wasmtime, and the check before it.

mod chain;

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use async_trait::async_trait;
use auth::names::Digest;
use bytes::Bytes;
use ports::{Catalogue, Document, Key, Kind, Outcome, Runner as _, StoreError};
use runtime::{Bare, Runtime, RuntimeConfig};

use super::Here;
use crate::figure::{Figure, Part};
use crate::samples::Samples;
use crate::targets::{ATTEMPT_RATIO, AUTHORITY_US, PROMISE};
use chain::{Chain, INPUT};

const WARM_UP: usize = 200;
const ROUNDS: usize = 5;
const RUNS: usize = 2_000;
/// Authority checks whose time is taken together: one is too short for the clock.
const CHECKS: u32 = 100;

pub(super) async fn measure(here: &Here) -> Result<Vec<Figure>> {
    let wasm = here.hello()?;
    let config = RuntimeConfig::default();
    let bare = Bare::new(&config, &wasm).map_err(anyhow::Error::msg)?;
    let bytes = Bytes::from(wasm);
    let runtime = Runtime::new(config, Arc::new(OneBlob(bytes.clone())))?;
    let chain = Chain::of(Digest::of(&bytes))?;
    one_after_another(&bare, &runtime, &chain, WARM_UP).await?;
    let (mut bare_rounds, mut our_rounds) = (Vec::new(), Vec::new());
    let (mut bare_times, mut our_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (bare_round, our_round) = one_after_another(&bare, &runtime, &chain, RUNS).await?;
        bare_rounds.push(Samples::of(bare_round.iter().copied())?.median());
        our_rounds.push(Samples::of(our_round.iter().copied())?.median());
        bare_times.extend(bare_round);
        our_times.extend(our_round);
    }
    let bare = Figure::of_values("bare wasmtime, pooled", "µs", bare_times)?;
    let bare = bare.spread(&Samples::of(bare_rounds)?);
    let ours = Figure::of_values("through the runner", "µs", our_times)?
        .spread(&Samples::of(our_rounds)?)
        .limit("bare wasmtime, alternating", bare.median, bare.median)
        .at_most(Part::Ratio, ATTEMPT_RATIO, PROMISE);
    Ok(vec![bare, ours, authority(&chain)?])
}

/// The times of bare wasmtime and of the runner in turn, in microseconds.
async fn one_after_another(
    bare: &Bare,
    runtime: &Runtime,
    chain: &Chain,
    runs: usize,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut bare_times, mut our_times) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let (bare_time, _) = bare.call(INPUT).await.map_err(anyhow::Error::msg)?;
        let attempt = chain.attempt()?;
        let started = Instant::now();
        let report = runtime.run(attempt).await?;
        let our_time = started.elapsed();
        ensure!(
            matches!(report.outcome, Outcome::Succeeded { .. }),
            "{:?}",
            report.outcome
        );
        bare_times.push(bare_time.as_secs_f64() * 1e6);
        our_times.push(our_time.as_secs_f64() * 1e6);
    }
    Ok((bare_times, our_times))
}

/// The check of an attempt whose pairing and permits are known.
fn authority(chain: &Chain) -> Result<Figure> {
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let started = Instant::now();
        for _ in 0..CHECKS {
            std::hint::black_box(chain.permit()?);
        }
        times.push(started.elapsed().as_secs_f64() * 1e6 / f64::from(CHECKS));
    }
    let figure = Figure::of_values("authority check, warm", "µs", times)?;
    Ok(figure.at_most(Part::Median, AUTHORITY_US, PROMISE))
}

struct OneBlob(Bytes);

#[async_trait]
impl Catalogue for OneBlob {
    async fn documents(
        &self,
        _: Kind,
        _: Option<Key>,
        _: usize,
    ) -> Result<Vec<Document>, StoreError> {
        Ok(Vec::new())
    }

    async fn blob(&self, _: &Digest) -> Result<Option<Bytes>, StoreError> {
        Ok(Some(self.0.clone()))
    }
}
