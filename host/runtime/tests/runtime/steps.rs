//! Components of world `sluice:step/step`.

use serde_json::json;

use crate::harness::{Bench, Witnessed, answering, config, echo, say, step};
use ports::{RunError, Runner as _};
use std::sync::Arc;

#[tokio::test]
async fn a_step_answers() {
    let bench = Bench::new();
    let ran = bench.run(&echo(), r#"{"n":[1,2]}"#, json!({})).await;
    assert_eq!(ran.output(), r#"{"n":[1,2]}"#);
    assert!(ran.refusals.is_empty());
    assert_eq!(ran.report.usage.memory_bytes, 4 * 65536);
}

#[tokio::test]
async fn a_step_fails_under_its_own_name() {
    let failing = step(
        r#"(data (i32.const 100) "Orders.Rejectedno stock")
        (func (export "run") (param i32) (result i32)
            (i32.store8 (i32.const 16) (i32.const 1))
            (i32.store (i32.const 20) (i32.const 100)) (i32.store (i32.const 24) (i32.const 15))
            (i32.store (i32.const 28) (i32.const 115)) (i32.store (i32.const 32) (i32.const 8))
            (i32.const 16))"#,
    );
    let ran = Bench::new().run(&failing, "{}", json!({})).await;
    assert_eq!(ran.cause("Orders.Rejected"), "no stock");
}

#[tokio::test]
async fn a_trap_is_a_failure_and_the_next_attempt_is_not_touched_by_it() {
    let bench = Bench::new();
    let trapping = step(r#"(func (export "run") (param i32) (result i32) unreachable)"#);
    let ran = bench.run(&trapping, "{}", json!({})).await;
    assert!(
        ran.cause("Sluice.Trapped").contains("unreachable"),
        "{ran:?}"
    );
    assert_eq!(bench.run(&echo(), "1", json!({})).await.output(), "1");
}

#[tokio::test]
async fn recursion_ends_in_a_trap() {
    let recursive =
        step(r#"(func $run (export "run") (param i32) (result i32) (call $run (local.get 0)))"#);
    let ran = Bench::new().run(&recursive, "{}", json!({})).await;
    assert!(ran.cause("Sluice.Trapped").contains("stack"), "{ran:?}");
}

#[tokio::test]
async fn an_output_that_is_not_json_is_a_failure() {
    let ran = Bench::new().run(&echo(), "not json", json!({})).await;
    assert!(ran.cause("Sluice.InvalidOutput").contains("not JSON"));
}

#[tokio::test]
async fn every_attempt_begins_with_fresh_memory() {
    let bench = Bench::new();
    let counting = step(&format!(
        r#"(data (i32.const 100) "0") {}"#,
        answering(
            "(i32.store8 (i32.const 100) (i32.add (i32.load8_u (i32.const 100)) (i32.const 1)))
             (i32.store (i32.const 20) (i32.const 100)) (i32.store (i32.const 24) (i32.const 1))"
        )
    ));
    for _ in 0..20 {
        assert_eq!(bench.run(&counting, "{}", json!({})).await.output(), "1");
    }
}

#[tokio::test]
async fn a_step_sees_the_caller_only_if_granted() {
    let bench = Bench::new();
    // Answers 1 if there is a caller.
    let looking = step(&format!(
        r#"(data (i32.const 100) "0") {}"#,
        answering(
            "(i32.store8 (i32.const 100) (i32.add (i32.const 48) (i32.load8_u offset=56 (local.get $args))))
             (i32.store (i32.const 20) (i32.const 100)) (i32.store (i32.const 24) (i32.const 1))"
        )
    ));
    assert_eq!(
        bench
            .run(&looking, "{}", json!({"ambient": {"caller": true}}))
            .await
            .output(),
        "1"
    );
    assert_eq!(bench.run(&looking, "{}", json!({})).await.output(), "0");
}

#[tokio::test]
async fn a_step_learns_where_it_runs() {
    // Answers its idempotency key, which is not JSON.
    let key = step(&answering(
        "(i32.store (i32.const 20) (i32.load offset=36 (local.get $args)))
         (i32.store (i32.const 24) (i32.const 1))
         (i32.store8 (i32.load offset=36 (local.get $args)) (i32.add (i32.const 48)
            (i32.and (i32.load offset=40 (local.get $args)) (i32.const 15))))",
    ));
    assert_eq!(Bench::new().run(&key, "{}", json!({})).await.output(), "7");
}

#[tokio::test]
async fn a_component_that_is_not_stored_cannot_run() {
    let bench = Bench::new();
    let mut attempt = bench.attempt(&echo(), "1", json!({}), Arc::<Witnessed>::default());
    let other = Bench::with(config());
    attempt.input = say("x");
    let missing = other.runtime.run(attempt).await;
    assert!(matches!(missing, Err(RunError::Missing(_))), "{missing:?}");
}
