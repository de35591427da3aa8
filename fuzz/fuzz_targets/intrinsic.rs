//! Any text as a call of an intrinsic function: refused, or evaluated within its budget.
#![no_main]

#[allow(dead_code, reason = "each target uses a part of it")]
mod one_state;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    one_state::fill(&format!("States.{text}"));
});
