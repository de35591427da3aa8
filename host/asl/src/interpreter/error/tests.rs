use super::*;

fn check(error: Option<&str>, is_heartbeat: bool, name: &str, expected: bool) {
    let fault = Fault {
        error: error.map(str::to_owned),
        cause: None,
        is_heartbeat,
        location: None,
    };
    assert_eq!(
        fault.matches(&[name.to_owned()]),
        expected,
        "{error:?} and {name}"
    );
}

#[test]
fn errors_match_by_name_and_wildcard() {
    check(Some("Custom"), false, "Custom", true);
    check(Some("Custom"), false, "Custom2", false);
    check(Some("Custom"), false, "States.ALL", true);
    check(Some("Custom"), false, "States.TaskFailed", true);
    check(
        Some("Sluice.AccessDenied"),
        false,
        "States.TaskFailed",
        true,
    );
    check(None, false, "States.ALL", true);
    check(None, false, "Custom", false);
}

#[test]
fn a_timeout_is_no_task_failure() {
    check(Some("States.Timeout"), false, "States.Timeout", true);
    check(Some("States.Timeout"), false, "States.TaskFailed", false);
    check(
        Some("States.Timeout"),
        false,
        "States.HeartbeatTimeout",
        false,
    );
    check(
        Some("States.Timeout"),
        true,
        "States.HeartbeatTimeout",
        true,
    );
    check(Some("States.Timeout"), true, "States.Timeout", true);
}

#[test]
fn the_quota_is_caught_and_runtime_errors_are_not() {
    check(Some("States.DataLimitExceeded"), false, "States.ALL", true);
    check(Some("States.Runtime"), false, "States.ALL", false);
    check(Some("States.Runtime"), false, "States.TaskFailed", false);
    check(Some("States.Runtime"), false, "States.Runtime", false);
}

#[test]
fn delays_back_off_up_to_their_maximum() {
    let retrier = |interval_seconds, backoff_rate, max_delay_seconds| Retrier {
        error_equals: Vec::new(),
        interval_seconds,
        max_attempts: 3,
        backoff_rate,
        max_delay_seconds,
        jitter: Jitter::None,
    };
    let delays = |retrier: Retrier| [0, 1, 2].map(|retried| retrier.delay_ms(retried));
    assert_eq!(delays(retrier(1, 2.0, None)), [1000, 2000, 4000]);
    assert_eq!(delays(retrier(3, 1.5, Some(5))), [3000, 4500, 5000]);
    assert_eq!(
        retrier(99_999_999, 1e300, None).delay_ms(u32::MAX),
        u64::MAX
    );
}
