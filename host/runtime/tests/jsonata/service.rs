//! How calls share instances, and what stops them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use asl::jsonata::{Evaluation, EvaluationErrorKind, Evaluator as _};
use runtime::{EvaluatorConfig, JsonataEvaluator};
use serde_json::{Map, Value, json};

use crate::harness::{AT, EVALUATOR};

const FOREVER: &str = "($f := function() { $f() }; $f())";

fn call(
    evaluator: &JsonataEvaluator,
    expression: &str,
) -> Result<Option<Value>, EvaluationErrorKind> {
    let request = Evaluation {
        expressions: &[expression],
        bindings: &Map::new(),
        at: AT,
        seed: 1,
    };
    let answer = evaluator
        .evaluate(&request)
        .map(|evaluated| evaluated.values);
    answer
        .map(|mut values| values.pop().unwrap())
        .map_err(|error| error.kind)
}

#[test]
fn an_evaluator_that_is_not_used_costs_nothing() {
    let started = Instant::now();
    drop(JsonataEvaluator::new(EvaluatorConfig::default()));
    assert!(started.elapsed() < Duration::from_millis(50));
}

#[test]
fn a_warm_evaluator_answers() {
    EVALUATOR.warm().unwrap();
    assert_eq!(call(&EVALUATOR, "6 * 7"), Ok(Some(json!(42))));
}

#[test]
fn the_same_call_is_cut_off_again() {
    let config = EvaluatorConfig {
        fuel: 2_000_000,
        ..EvaluatorConfig::default()
    };
    let evaluator = JsonataEvaluator::new(config);
    let first = call(&evaluator, FOREVER);
    assert!(
        matches!(&first, Err(EvaluationErrorKind::Limit(limit)) if limit.contains("instructions"))
    );
    assert_eq!(call(&evaluator, FOREVER), first);
    assert_eq!(call(&evaluator, "1"), Ok(Some(json!(1))));
}

#[test]
fn the_clock_cuts_off_what_the_fuel_would_allow() {
    let config = EvaluatorConfig {
        fuel: u64::MAX / 2,
        time_max: Duration::from_millis(50),
        ..EvaluatorConfig::default()
    };
    let evaluator = JsonataEvaluator::new(config);
    let answer = call(&evaluator, FOREVER);
    assert!(matches!(&answer, Err(EvaluationErrorKind::Limit(limit)) if limit.contains("ms")));
}

#[test]
fn memory_is_what_the_configuration_says() {
    let config = EvaluatorConfig {
        memory_bytes_max: 8 << 20,
        ..EvaluatorConfig::default()
    };
    let evaluator = JsonataEvaluator::new(config);
    let length = "$length($pad('x', 6000000))";
    assert!(matches!(
        call(&evaluator, length),
        Err(EvaluationErrorKind::Limit(_))
    ));
    assert_eq!(call(&EVALUATOR, length), Ok(Some(json!(6_000_000))));
}

#[test]
fn calls_beyond_the_bound_wait_and_then_are_refused() {
    let config = EvaluatorConfig {
        instances_max: 1,
        wait_max: Duration::from_millis(1),
        ..EvaluatorConfig::default()
    };
    let evaluator = JsonataEvaluator::new(config);
    evaluator.warm().unwrap();
    let is_done = AtomicBool::new(false);
    let mut is_refused = false;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _limit = call(&evaluator, FOREVER);
            is_done.store(true, Ordering::Release);
        });
        while !is_refused && !is_done.load(Ordering::Acquire) {
            let answer = call(&evaluator, "1");
            is_refused = matches!(answer, Err(EvaluationErrorKind::Unavailable(_)));
        }
    });
    assert!(is_refused);
    assert_eq!(call(&evaluator, "1"), Ok(Some(json!(1))));
}

#[test]
fn calls_from_many_threads_are_all_answered() {
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for index in 0..20 {
                    let sum = call(&EVALUATOR, &format!("{thread} * 100 + {index}"));
                    assert_eq!(sum, Ok(Some(json!(thread * 100 + index))));
                }
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_long_call_leaves_the_async_worker_to_others() {
    EVALUATOR.warm().unwrap();
    let did_others_run = tokio::spawn(async {
        let has_run = Arc::new(AtomicBool::new(false));
        let other = Arc::clone(&has_run);
        let other = tokio::spawn(async move { other.store(true, Ordering::Release) });
        call(&EVALUATOR, FOREVER).unwrap_err();
        let has_run = has_run.load(Ordering::Acquire);
        other.await.unwrap();
        has_run
    });
    assert!(did_others_run.await.unwrap());
}

#[tokio::test]
async fn a_runtime_of_one_thread_can_call_too() {
    assert_eq!(call(&EVALUATOR, "1 + 1"), Ok(Some(json!(2))));
    call(&EVALUATOR, FOREVER).unwrap_err();
}
