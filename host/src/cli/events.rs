//! Following an execution's events, across restarts of its host.

use std::time::Duration;

use serde_json::Value;

use super::CliError;
use super::client::Client;
use super::output::{Column, Printer};

pub(super) const COLUMNS: &[Column] = &[
    ("TIME", "/timestamp"),
    ("ID", "/id"),
    ("EVENT", "/type"),
    ("ENTERED", "/stateEnteredEventDetails/name"),
    ("EXITED", "/stateExitedEventDetails/name"),
    ("ERROR", "/taskFailedEventDetails/error"),
    ("CAUSE", "/taskFailedEventDetails/cause"),
    ("FAILED", "/executionFailedEventDetails/error"),
    ("WHY", "/executionFailedEventDetails/cause"),
];
/// A line longer than this is not an event of ours.
const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How often and how long a host that went away is looked for.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
const RECONNECTS_MAX: u32 = 120;

/// Shows events until the execution ends.
///
/// # Errors
/// It did not succeed, or the host cannot be reached any more.
pub(super) async fn follow(client: &Client, printer: Printer, id: &str) -> Result<(), CliError> {
    let segments = ["v1", "executions", id, "events"];
    let mut reader = Reader::default();
    let mut failures = 0;
    loop {
        match client
            .events(&segments, reader.last_event_id.as_deref())
            .await
        {
            Ok(mut stream) => {
                failures = 0;
                reader.buffer.clear();
                while let Ok(Some(bytes)) = stream.next().await {
                    for event in reader.push(&bytes)? {
                        printer.item(&event, COLUMNS)?;
                        if let Some(ended) = outcome(&event) {
                            return ended;
                        }
                    }
                }
            }
            Err(CliError::Unreachable(message)) => {
                failures += 1;
                // An address that never answered is a mistake, not a restart.
                if reader.last_event_id.is_none() || failures >= RECONNECTS_MAX {
                    return Err(CliError::Unreachable(message));
                }
            }
            Err(error @ (CliError::Refused(_) | CliError::Usage(_))) => return Err(error),
        }
        tokio::time::sleep(RECONNECT_PAUSE).await;
    }
}

/// How the execution ended, if the event says so.
fn outcome(event: &Value) -> Option<Result<(), CliError>> {
    let failed = |how: &str| Some(Err(CliError::Refused(format!("the execution {how}"))));
    match event.get("type").and_then(Value::as_str)? {
        "ExecutionSucceeded" => Some(Ok(())),
        "ExecutionFailed" => failed("failed"),
        "ExecutionTimedOut" => failed("timed out"),
        "ExecutionAborted" => failed("was stopped"),
        _ => None,
    }
}

/// Takes server-sent events apart; knows as much of the format as our hosts write.
#[derive(Default)]
struct Reader {
    last_event_id: Option<String>,
    buffer: Vec<u8>,
    pending_id: Option<String>,
    data: String,
}

impl Reader {
    fn push(&mut self, bytes: &[u8]) -> Result<Vec<Value>, CliError> {
        self.buffer.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).into_owned();
            events.extend(self.line(line.trim_end_matches(['\r', '\n']))?);
        }
        if self.buffer.len() > LINE_BYTES_MAX {
            return Err(CliError::Unreachable("an event is too large".to_owned()));
        }
        Ok(events)
    }

    fn line(&mut self, line: &str) -> Result<Option<Value>, CliError> {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.data.push_str(value),
            "id" => self.pending_id = Some(value.to_owned()),
            "" if line.is_empty() => return self.dispatch(),
            _ => {}
        }
        Ok(None)
    }

    fn dispatch(&mut self) -> Result<Option<Value>, CliError> {
        let data = std::mem::take(&mut self.data);
        if data.is_empty() {
            return Ok(None);
        }
        let event = serde_json::from_str(&data)
            .map_err(|error| CliError::Unreachable(format!("an event is not JSON: {error}")))?;
        self.last_event_id = self.pending_id.take().or(self.last_event_id.take());
        Ok(Some(event))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_read_however_they_are_cut() {
        let text = ":\n\nid: 1\nevent: A\ndata: {\"a\":1}\n\nid: 2\ndata: {\"b\":2}\n\nid: 3\n";
        for size in [1, 2, 7, text.len()] {
            let mut reader = Reader::default();
            let chunks = text.as_bytes().chunks(size);
            let events: Vec<_> = chunks
                .flat_map(|chunk| reader.push(chunk).unwrap())
                .collect();
            assert_eq!(events, [json!({"a": 1}), json!({"b": 2})]);
            assert_eq!(reader.last_event_id.as_deref(), Some("2"));
        }
    }

    #[test]
    fn the_end_of_an_execution_is_its_exit_code() {
        assert!(matches!(
            outcome(&json!({"type": "ExecutionSucceeded"})),
            Some(Ok(()))
        ));
        assert!(matches!(
            outcome(&json!({"type": "ExecutionAborted"})),
            Some(Err(_))
        ));
        assert!(outcome(&json!({"type": "TaskFailed"})).is_none());
        assert!(outcome(&json!({})).is_none());
    }
}
