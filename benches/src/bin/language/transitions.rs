//! A loop of Pass and Choice: entries of states per second.

use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use crate::drive::{self, NoEvaluator};

const TURNS: u32 = 20_000;

pub(crate) fn measure() -> Result<()> {
    let definition = json!({
        "StartAt": "Count",
        "States": {
            "Count": {
                "Type": "Pass",
                "Parameters": {"n.$": "States.MathAdd($.n, 1)", "order.$": "$.order"},
                "Next": "Again",
            },
            "Again": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.n", "NumericLessThan": TURNS, "Next": "Count"}],
                "Default": "Done",
            },
            "Done": {"Type": "Succeed"},
        },
    });
    let machine = drive::machine(&definition)?;
    let input = json!({"n": 0, "order": {"id": "o-1", "items": [1, 2, 3], "total": 12.5}});
    drive::run(&machine, input.clone(), &NoEvaluator, false)?;
    let started = Instant::now();
    drive::run(&machine, input, &NoEvaluator, false)?;
    let elapsed = started.elapsed().as_secs_f64();
    let entries = f64::from(TURNS) * 2.0;
    println!(
        "  Pass + Choice                       {:>9.0} states/s   {:.2} µs each",
        entries / elapsed,
        elapsed / entries * 1e6
    );
    Ok(())
}
