//! Every limit, and what happens at it.

use std::sync::Arc;
use std::time::Duration;

use ports::{Outcome, Runner as _};
use serde_json::json;

use crate::harness::{
    Bench, SOON, STEP_RUN, STEP_TYPES, Witnessed, answering, component, echo, guest, say, step,
};

fn looping() -> Vec<u8> {
    step(r#"(func (export "run") (param i32) (result i32) (loop (br 0)) unreachable)"#)
}

const LIMIT: &str = "Sluice.LimitExceeded";

#[tokio::test]
async fn an_endless_loop_ends_at_its_cpu_limit() {
    let ran = Bench::new()
        .run(&looping(), "{}", json!({"limits": {"cpu": "50ms"}}))
        .await;
    let cause = ran.cause(LIMIT);
    assert!(
        cause.contains("`cpu` of `50ms`") && cause.contains("raise `limits.cpu`"),
        "{cause}"
    );
    assert!((50..5000).contains(&ran.report.usage.cpu_ms), "{ran:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_loop_does_not_starve_another_attempt_on_the_same_thread() {
    let bench = Bench::new();
    let (looping, echo) = (looping(), echo());
    let looped = bench.run(&looping, "{}", json!({"limits": {"cpu": "2s"}}));
    let echoed = async {
        for _ in 0..20 {
            assert_eq!(bench.run(&echo, "1", json!({})).await.output(), "1");
        }
    };
    tokio::select! {
        biased;
        looped = looped => panic!("the loop came first: {looped:?}"),
        () = echoed => {}
    }
}

#[tokio::test]
async fn a_loop_ends_at_its_time_limit() {
    let limits = json!({"limits": {"time": "50ms"}});
    let ran = Bench::new().run(&looping(), "{}", limits).await;
    assert!(ran.cause(LIMIT).contains("`time` of `50ms`"), "{ran:?}");
}

#[tokio::test]
async fn waiting_ends_at_the_time_limit_and_costs_no_cpu() {
    let bench = Bench::new();
    let limits = json!({"limits": {"time": "300ms"}});
    let ran = bench
        .run(&guest("probe"), &say("sleep 60000"), limits)
        .await;
    assert!(ran.cause(LIMIT).contains("`time` of `300ms`"), "{ran:?}");
    assert!(ran.report.usage.cpu_ms < 200, "{ran:?}");
    let ran = bench.run(&guest("probe"), &say("sleep 1"), json!({})).await;
    assert_eq!(ran.output(), r#""awake""#);
}

#[tokio::test]
async fn the_time_a_state_allows_is_a_timeout_not_a_limit() {
    let bench = Bench::new();
    let mut attempt = bench.attempt(&looping(), "{}", json!({}), Arc::<Witnessed>::default());
    attempt.time = Duration::from_millis(30);
    let report = bench.runtime.run(attempt).await.unwrap();
    assert!(matches!(report.outcome, Outcome::Failed { error, .. } if error == "States.Timeout"));
}

/// What an attempt comes to that is cancelled while it runs.
async fn cancelled(wasm: &[u8], input: &str) -> Outcome {
    let bench = Bench::new();
    let attempt = bench.attempt(
        wasm,
        input,
        json!({"limits": {"cpu": "1h", "time": "1h"}}),
        Arc::<Witnessed>::default(),
    );
    let cancelled = attempt.cancelled.clone();
    let running = bench.runtime.run(attempt);
    let cancel = async {
        tokio::task::yield_now().await;
        cancelled.cancel();
        std::future::pending::<()>().await;
    };
    let report = tokio::time::timeout(SOON, async {
        tokio::select! { report = running => report, () = cancel => unreachable!() }
    });
    report.await.unwrap().unwrap().outcome
}

#[tokio::test]
async fn a_cancelled_loop_ends_at_once() {
    assert_eq!(cancelled(&looping(), "{}").await, Outcome::Cancelled);
}

#[tokio::test]
async fn a_guest_that_is_cancelled_in_a_host_call_ends_at_once() {
    let outcome = cancelled(&guest("probe"), &say("sleep 3600000")).await;
    assert_eq!(outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn an_attempt_cancelled_before_it_begins_does_not_run() {
    let bench = Bench::new();
    let attempt = bench.attempt(&echo(), "1", json!({}), Arc::<Witnessed>::default());
    attempt.cancelled.cancel();
    assert_eq!(
        bench.runtime.run(attempt).await.unwrap().outcome,
        Outcome::Cancelled
    );
}

/// Several memories that each grow by 1 MiB in turn, until growing fails.
fn memory_bomb() -> Vec<u8> {
    step(
        r#"(memory $b 1) (memory $c 1)
        (func (export "run") (param i32) (result i32)
            (block $full (loop $again
                (br_if $full (i32.eq (memory.grow 0 (i32.const 16)) (i32.const -1)))
                (br_if $full (i32.eq (memory.grow $b (i32.const 16)) (i32.const -1)))
                (br_if $full (i32.eq (memory.grow $c (i32.const 16)) (i32.const -1)))
                (br $again)))
            unreachable)"#,
    )
}

#[tokio::test]
async fn memories_are_limited_together() {
    let ran = Bench::new()
        .run(&memory_bomb(), "{}", json!({"limits": {"memory": "8MiB"}}))
        .await;
    assert!(ran.cause(LIMIT).contains("`memory` of `8MiB`"), "{ran:?}");
    let bytes = ran.report.usage.memory_bytes;
    assert!((7 << 20..=8 << 20).contains(&bytes), "{bytes}");
}

#[tokio::test]
async fn growth_that_fails_gives_no_memory_back() {
    let interleaved = step(
        r#"(memory $b 0) (table $t 1 10 funcref)
        (func (export "run") (param i32) (result i32)
            (loop $again
                (drop (memory.grow $b (i32.const 16)))
                (drop (table.grow $t (ref.null func) (i32.const -1)))
                (drop (table.grow $t (ref.null func) (i32.const 11)))
                (drop (memory.grow $b (i32.const -1)))
                (br_if $again (i32.lt_u (memory.size $b) (i32.const 8192))))
            unreachable)"#,
    );
    let limits = json!({"limits": {"memory": "8MiB"}});
    let ran = Bench::new().run(&interleaved, "{}", limits).await;
    assert!(ran.cause(LIMIT).contains("`memory` of `8MiB`"), "{ran:?}");
    let bytes = ran.report.usage.memory_bytes;
    assert!((7 << 20..=8 << 20).contains(&bytes), "{bytes}");
}

#[tokio::test]
async fn tables_count_as_memory() {
    let growing = step(
        r#"(table $t 1 funcref)
        (func (export "run") (param i32) (result i32)
            (drop (table.grow $t (ref.null func) (i32.const 90000)))
            unreachable)"#,
    );
    let bench = Bench::new();
    let ran = bench
        .run(&growing, "{}", json!({"limits": {"memory": "512KiB"}}))
        .await;
    assert!(ran.cause(LIMIT).contains("`memory`"), "{ran:?}");
    let ran = bench
        .run(&growing, "{}", json!({"limits": {"memory": "2MiB"}}))
        .await;
    assert!(
        ran.cause("Sluice.Trapped").contains("unreachable"),
        "{ran:?}"
    );
    assert_eq!(ran.report.usage.memory_bytes, 4 * 65536 + 90_001 * 8);
}

#[tokio::test]
async fn a_component_that_begins_above_the_limit_does_not_begin() {
    let ran = Bench::new()
        .run(&echo(), "1", json!({"limits": {"memory": "128KiB"}}))
        .await;
    assert!(ran.cause(LIMIT).contains("`memory` of `128KiB`"), "{ran:?}");
}

#[tokio::test]
async fn a_guest_within_its_memory_runs() {
    let bench = Bench::new();
    let limits = |memory: &str| json!({"limits": {"memory": memory}});
    let ran = bench
        .run(&guest("probe"), &say("allocate 8"), limits("16MiB"))
        .await;
    assert_eq!(ran.output(), format!("\"{}\"", 8 << 20));
    let ran = bench
        .run(&guest("probe"), &say("allocate 32"), limits("16MiB"))
        .await;
    assert!(ran.cause(LIMIT).contains("`memory`"), "{ran:?}");
}

#[tokio::test]
async fn output_is_limited() {
    let bench = Bench::new();
    let long = format!("\"{}\"", "x".repeat(2000));
    let limits = json!({"limits": {"output": "1KiB"}});
    let ran = bench.run(&echo(), &long, limits.clone()).await;
    assert!(ran.cause(LIMIT).contains("`output` of `1KiB`"), "{ran:?}");
    assert_eq!(bench.run(&echo(), &long, json!({})).await.output(), long);
    let ran = bench
        .run(&guest("probe"), &say("stdout 100000000"), limits)
        .await;
    assert!(ran.cause(LIMIT).contains("`output` of `1KiB`"), "{ran:?}");
}

#[tokio::test]
async fn an_output_far_beyond_its_limit_is_not_copied() {
    let long = step(&format!(
        "{} (func $start (drop (memory.grow 0 (i32.const 512)))) (start $start)",
        answering(
            "(i32.store (i32.const 20) (i32.const 65536))
             (i32.store (i32.const 24) (i32.const 33000000))"
        )
    ));
    let ran = Bench::new()
        .run(&long, "{}", json!({"limits": {"output": "1KiB"}}))
        .await;
    assert!(ran.cause(LIMIT).contains("`output` of `1KiB`"), "{ran:?}");
}

#[tokio::test]
async fn logs_are_limited() {
    let bench = Bench::new();
    let limits = json!({"limits": {"logs": "4KiB"}});
    for words in ["stderr 100000000", "lines 100000000"] {
        let ran = bench
            .run(&guest("probe"), &say(words), limits.clone())
            .await;
        assert!(ran.cause(LIMIT).contains("`logs` of `4KiB`"), "{ran:?}");
        let bytes: usize = ran.report.logs.iter().map(|line| line.line.len()).sum();
        assert!(bytes <= 4096 && ran.report.logs.len() <= 256);
    }
    let ran = bench
        .run(&guest("probe"), &say("stderr 2048"), limits)
        .await;
    assert_eq!(ran.report.logs.len(), 1);
}

#[tokio::test]
async fn host_resources_are_limited() {
    let bench = Bench::new();
    assert_eq!(
        bench
            .run(&guest("probe"), &say("handles 200"), json!({}))
            .await
            .output(),
        r#""200""#
    );
    bench
        .run(&guest("probe"), &say("handles 100000"), json!({}))
        .await
        .cause("Sluice.Trapped");
}

#[tokio::test]
async fn a_components_own_resources_are_limited() {
    let hoarding = component(&format!(
        r#"{STEP_TYPES}
        (type $r (resource (rep i32)))
        (core func $new (canon resource.new $r))
        (core module $m
            (import "" "new" (func $new (param i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func (export "run") (param i32) (result i32)
                (loop (drop (call $new (i32.const 1))) (br 0)) unreachable))
        (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
        {STEP_RUN}"#
    ));
    Bench::new()
        .run(&hoarding, "{}", json!({"limits": {"cpu": "1h"}}))
        .await
        .cause("Sluice.Trapped");
}
