//! Measures the interpreter alone, in one run: `cargo measure-language`.
//!
//! No store, no sandbox but the evaluator's, no clock but the bench's: what a transition, an
//! expression, an iteration and a branch cost. Everything runs on one thread.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

mod drive;
mod expressions;
mod regions;
mod transitions;

use peak_alloc::PeakAlloc;
use runtime::{EvaluatorConfig, JsonataEvaluator};

/// Counts what is allocated, for the figures per item.
#[global_allocator]
pub(crate) static MEMORY: PeakAlloc = PeakAlloc;

fn main() -> anyhow::Result<()> {
    let evaluator = JsonataEvaluator::new(EvaluatorConfig::default());
    let warmed = std::time::Instant::now();
    evaluator.warm().map_err(anyhow::Error::msg)?;
    println!(
        "the evaluator is compiled and warm after {:.1} s",
        warmed.elapsed().as_secs_f64()
    );
    println!("transitions of the interpreter, one thread");
    transitions::measure()?;
    println!("one Pass state whose output is one expression");
    expressions::measure(&evaluator)?;
    println!("Map and Parallel of Tasks that answer at once, per item or branch");
    regions::measure()?;
    Ok(())
}
