//! Is the clock sane.

use asl::Timestamp;
use ports::Clock as _;

use super::Finding;
use crate::clock::SystemClock;

const CHECK: &str = "clock";
/// The start of 2026, and of 2126, in milliseconds.
const EARLIEST: i64 = 1_767_225_600_000;
const LATEST: i64 = 4_922_899_200_000;

pub(super) fn sane() -> Finding {
    judge(SystemClock.now())
}

fn judge(now: Timestamp) -> Finding {
    let shown = now.to_rfc3339();
    match (EARLIEST..LATEST).contains(&now.0) {
        true => Finding::ok(CHECK, shown),
        false => Finding::fail(
            CHECK,
            format!("it says {shown}"),
            "set it: tokens, timers and the audit log go by it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_is_found_out() {
        for (now, expected) in [
            (0, Verdict::Fail),
            (1_800_000_000_000, Verdict::Ok),
            (9_000_000_000_000, Verdict::Fail),
        ] {
            assert_eq!(judge(Timestamp(now)).verdict, expected, "{now}");
        }
    }
}
