//! Clocks and randomness.

use std::sync::Arc;

use ports::{Outcome, Runner as _};
use serde_json::{Value, json};

use crate::harness::{Bench, Witnessed, guest, say};

async fn clock(grants: Value) -> (u64, u64) {
    let ran = Bench::new()
        .run(&guest("probe"), &say("clock"), grants)
        .await;
    let output = ran.output().trim_matches('"').to_owned();
    let (wall, elapsed) = output.split_once(' ').unwrap();
    (wall.parse().unwrap(), elapsed.parse().unwrap())
}

#[tokio::test]
async fn a_granted_clock_runs() {
    let (wall, elapsed) = clock(json!({"ambient": {"clock": true}})).await;
    assert_ne!(wall, 1_800_000_000_000);
    assert!(elapsed >= 20);
}

#[tokio::test]
async fn a_clock_that_is_not_granted_stands_still_at_the_attempts_start() {
    // 30 s, the default limit, before the deadline of the context.
    assert_eq!(clock(json!({})).await, (1_800_000_000_000, 0));
}

async fn random(key: &str, grants: Value) -> String {
    let bench = Bench::new();
    let mut attempt = bench.attempt(
        &guest("probe"),
        &say("random"),
        grants,
        Arc::<Witnessed>::default(),
    );
    attempt.context.idempotency_key = key.to_owned();
    match bench.runtime.run(attempt).await.unwrap().outcome {
        Outcome::Succeeded { output } => output,
        outcome @ (Outcome::Failed { .. } | Outcome::Cancelled) => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn randomness_that_is_not_granted_follows_from_the_attempt() {
    let first = random("one", json!({})).await;
    assert_eq!(first, random("one", json!({})).await);
    assert_ne!(first, random("two", json!({})).await);
}

#[tokio::test]
async fn granted_randomness_is_different_every_time() {
    let grants = json!({"ambient": {"random": true}});
    assert_ne!(
        random("one", grants.clone()).await,
        random("one", grants).await
    );
}

#[tokio::test]
async fn random_bytes_are_limited_in_one_call() {
    let bench = Bench::new();
    bench
        .run(&guest("probe"), &say("many-random 1000000"), json!({}))
        .await
        .output();
    let ran = bench
        .run(&guest("probe"), &say("many-random 4000000000"), json!({}))
        .await;
    assert!(
        ran.cause("Sluice.Trapped").contains("random bytes"),
        "{ran:?}"
    );
}
