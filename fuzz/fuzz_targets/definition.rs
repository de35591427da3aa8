//! Any bytes as a definition: refused with places, or run.
#![no_main]

#[allow(dead_code, reason = "each target uses a part of it")]
mod one_state;

use asl::StateMachine;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = document::parse_json(bytes) else {
        return;
    };
    match StateMachine::parse(&document) {
        Ok(parsed) => one_state::start(&parsed.machine),
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                let found = document.pointer(&problem.pointer);
                assert!(
                    found.is_some()
                        || problem.message.contains("missing")
                        || !problem.pointer.is_empty()
                );
            }
        }
    }
});
