//! Whether a Map's or Parallel's cost per item stays the same as it grows.

use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};

use crate::MEMORY;
use crate::drive::{self, NoEvaluator};

/// The best of so many runs counts, of small ones and of large ones.
const ROUNDS: u32 = 25;

/// What one item cost.
struct PerItem {
    us: f64,
    record_bytes: f64,
    peak_bytes: f64,
}

pub(crate) fn measure() -> Result<()> {
    let task = json!({"Type": "Task", "Resource": "component:step", "End": true});
    let each = json!({"StartAt": "Step", "States": {"Step": task}});
    let map = json!({"StartAt": "Each", "States": {
        "Each": {"Type": "Map", "ItemProcessor": each, "End": true}
    }});
    let small = map_of(&map, 100)?;
    print("Map of 100, per item", &small);
    let large = map_of(&map, 10_000)?;
    print("Map of 10,000, per item", &large);
    println!(
        "  ratio                               time {:.2}   records {:.2}   peak memory {:.2}",
        large.us / small.us,
        large.record_bytes / small.record_bytes,
        large.peak_bytes / small.peak_bytes
    );
    let branches: Vec<Value> = (0..100)
        .map(|index| {
            let name = format!("Step{index}");
            json!({"StartAt": name, "States": {name.as_str(): task}})
        })
        .collect();
    let parallel = json!({"StartAt": "All", "States": {
        "All": {"Type": "Parallel", "Branches": branches, "End": true}
    }});
    print(
        "Parallel of 100, per branch",
        &per_item(&parallel, &json!({"id": 1}), 100, ROUNDS)?,
    );
    Ok(())
}

fn map_of(definition: &Value, count: u32) -> Result<PerItem> {
    let items: Vec<Value> = (0..count).map(|id| json!({"id": id})).collect();
    per_item(definition, &Value::Array(items), count, ROUNDS)
}

fn per_item(definition: &Value, input: &Value, count: u32, rounds: u32) -> Result<PerItem> {
    let machine = drive::machine(definition)?;
    drive::run(&machine, input.clone(), &NoEvaluator, false)?;
    let mut best = f64::INFINITY;
    for _ in 0..rounds {
        let input = input.clone();
        let started = Instant::now();
        drive::run(&machine, input, &NoEvaluator, false)?;
        best = best.min(started.elapsed().as_secs_f64());
    }
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let ran = drive::run(&machine, input.clone(), &NoEvaluator, true)?;
    let peak = MEMORY.peak_usage().saturating_sub(before);
    let count = f64::from(count);
    #[expect(clippy::cast_precision_loss, reason = "sizes far below 2^53")]
    let figures = PerItem {
        us: best / count * 1e6,
        record_bytes: ran.record_bytes as f64 / count,
        peak_bytes: peak as f64 / count,
    };
    anyhow::ensure!(ran.events > 0, "nothing happened");
    Ok(figures)
}

fn print(what: &str, cost: &PerItem) {
    println!(
        "  {what:<36}{:>9.2} µs   {:>7.0} bytes of records   {:>7.0} bytes at the peak",
        cost.us, cost.record_bytes, cost.peak_bytes
    );
}
