//! What one expression costs, next to a Pass without any.

use std::time::{Duration, Instant};

use anyhow::Result;
use asl::jsonata::Evaluator;
use serde_json::{Value, json};

use crate::drive;

const RUNS: usize = 2_000;

pub(crate) fn measure(evaluator: &dyn Evaluator) -> Result<()> {
    let bare = one(&json!({"Type": "Pass", "End": true}), evaluator)?;
    print("no expression", bare, bare);
    let json_path = |path: &str| json!({"Type": "Pass", "Parameters": {"v.$": path}, "End": true});
    let jsonata = |text: &str| {
        let output = format!("{{% {text} %}}");
        json!({"Type": "Pass", "QueryLanguage": "JSONata", "Output": output, "End": true})
    };
    for (what, state) in [
        ("JSONPath $.order.id", json_path("$.order.id")),
        (
            "JSONPath filter over 100 items",
            json_path("$.items[?(@.price > 50)].id"),
        ),
        (
            "intrinsic States.Format",
            json_path("States.Format('{}-{}', $.order.id, $.order.total)"),
        ),
        (
            "JSONata plain path, in process",
            jsonata("$states.input.order.id"),
        ),
        (
            "JSONata arithmetic, sandboxed",
            jsonata("$states.input.order.total * 2"),
        ),
        (
            "JSONata filter over 100, sandboxed",
            jsonata(
                "{ 'ids': $states.input.items[price > 50].id, 'sum': $sum($states.input.items.price) }",
            ),
        ),
    ] {
        print(what, one(&state, evaluator)?, bare);
    }
    Ok(())
}

/// The median time of an execution of that one state.
fn one(state: &Value, evaluator: &dyn Evaluator) -> Result<Duration> {
    let machine = drive::machine(&json!({"StartAt": "S", "States": {"S": state}}))?;
    let items: Vec<Value> = (0..100)
        .map(|id| json!({"id": id, "price": id, "name": format!("item {id}")}))
        .collect();
    let input = json!({"order": {"id": "o-1", "total": 12.5}, "items": items});
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let input = input.clone();
        let started = Instant::now();
        drive::run(&machine, input, evaluator, false)?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(RUNS / 2).copied().unwrap_or_default())
}

fn print(what: &str, time: Duration, bare: Duration) {
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    println!(
        "  {what:<36}{:>9.1} µs   {:>+8.1} µs",
        us(time),
        us(time) - us(bare)
    );
}
