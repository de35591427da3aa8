//! Programs that export only `wasi:cli/run`.

use serde_json::json;

use crate::harness::{Bench, guest, say};

#[tokio::test]
async fn a_command_reads_stdin_and_answers_on_stdout() {
    let bench = Bench::new();
    assert_eq!(
        bench
            .run(&guest("probe"), &say("echo hello"), json!({}))
            .await
            .output(),
        r#""hello""#
    );
    assert_eq!(
        bench
            .run(&guest("probe"), &say("nothing"), json!({}))
            .await
            .output(),
        "null"
    );
}

#[tokio::test]
async fn a_command_that_prints_something_else_than_json_fails() {
    let ran = Bench::new()
        .run(&guest("probe"), &say("text"), json!({}))
        .await;
    assert!(ran.cause("Sluice.InvalidOutput").contains("not JSON"));
}

#[tokio::test]
async fn an_exit_code_is_a_failure_whose_cause_is_the_end_of_stderr() {
    let bench = Bench::new();
    let ran = bench.run(&guest("probe"), &say("exit 3"), json!({})).await;
    assert_eq!(ran.cause("States.TaskFailed"), "leaving with 3\n");
    assert_eq!(ran.report.logs[0].line, "leaving with 3");
    assert_eq!(ran.report.logs[0].stream, "stderr");
    assert_eq!(
        bench
            .run(&guest("probe"), &say("exit 0"), json!({}))
            .await
            .output(),
        "null"
    );
}

#[tokio::test]
async fn a_panic_is_a_crash_that_says_why() {
    let ran = Bench::new()
        .run(&guest("probe"), &say("panic"), json!({}))
        .await;
    assert!(
        ran.cause("Sluice.Trapped").contains("on purpose"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn log_lines_hold_no_control_characters() {
    let ran = Bench::new()
        .run(&guest("probe"), &say("control"), json!({}))
        .await;
    let lines: Vec<&str> = ran
        .report
        .logs
        .iter()
        .map(|line| line.line.as_str())
        .collect();
    assert_eq!(lines, ["\\u{1b}[31mred\\u{202e}", "second", "", "last"]);
    assert!(
        ran.report
            .logs
            .iter()
            .all(|line| line.state == "Write" && line.attempt == 1)
    );
}

#[tokio::test]
async fn a_command_finds_no_environment_no_arguments_and_no_directory() {
    let ran = Bench::new()
        .run(&guest("probe"), &say("surroundings"), json!({}))
        .await;
    assert_eq!(ran.output(), r#""0 0 0""#);
}
