//! An execution's live events, read from server-sent events and told in words.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::client::{Client, text};
use crate::report;

/// How long nothing may happen.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What was seen of one execution.
#[derive(Default)]
pub(crate) struct Story {
    seen: Vec<Value>,
    /// The state that each event belongs to; events that are not a state's own inherit it.
    states: BTreeMap<u64, String>,
}

impl Story {
    /// Follows and prints the events not seen yet, until one of them ends the execution or
    /// `look` breaks.
    ///
    /// # Errors
    /// The stream ends early, or nothing happens for too long.
    pub(crate) async fn follow(
        &mut self,
        client: &Client,
        execution: &str,
        mut look: impl FnMut(&Value) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut stream = client.events(execution).await?;
        let mut buffer = Vec::new();
        loop {
            let chunk = tokio::time::timeout(SILENCE_MAX, stream.chunk()).await;
            let chunk = chunk.context("nothing happened for too long")??;
            let Some(chunk) = chunk else {
                bail!("the stream of events ended before the execution");
            };
            buffer.extend_from_slice(&chunk);
            while let Some(event) = take_event(&mut buffer)? {
                if self.is_told(&event) {
                    continue;
                }
                self.tell(&event);
                let flow = look(&event);
                let ended = is_end(text(&event, "type"));
                self.seen.push(event);
                if ended || flow.is_break() {
                    return Ok(());
                }
            }
        }
    }

    /// How many events of a type there were.
    pub(crate) fn count(&self, event_type: &str) -> usize {
        self.seen
            .iter()
            .filter(|event| text(event, "type") == event_type)
            .count()
    }

    /// Whether a state was entered.
    pub(crate) fn entered(&self, state: &str) -> bool {
        let mut entered = self
            .seen
            .iter()
            .filter_map(|event| event.get("stateEnteredEventDetails"));
        entered.any(|details| text(details, "name") == state)
    }

    /// Whether an attempt failed with an error.
    pub(crate) fn failed_with(&self, error: &str) -> bool {
        let mut failed = self
            .seen
            .iter()
            .filter_map(|event| event.get("taskFailedEventDetails"));
        failed.any(|details| text(details, "error") == error)
    }

    /// Whether the events are numbered 1, 2, 3 and so on.
    pub(crate) fn is_complete(&self) -> bool {
        self.seen
            .iter()
            .zip(1_u64..)
            .all(|(event, number)| event["id"] == number)
    }

    fn is_told(&self, event: &Value) -> bool {
        let last = self.seen.last().and_then(|event| event["id"].as_u64());
        event["id"].as_u64() <= last
    }

    fn tell(&mut self, event: &Value) {
        let previous = event["previousEventId"].as_u64().unwrap_or_default();
        let inherited = self.states.get(&previous).cloned().unwrap_or_default();
        let own = event
            .get("stateEnteredEventDetails")
            .or_else(|| event.get("stateExitedEventDetails"));
        let state = own.map_or(inherited.as_str(), |details| text(details, "name"));
        let is_choice = |before: &&Value| {
            before["id"] == previous && text(before, "type") == "ChoiceStateExited"
        };
        if self.seen.iter().any(|before| is_choice(&before)) {
            tell(event, state, &format!("chosen by {inherited}"));
        }
        if let Some(words) = words(event) {
            let is_own = !text(event, "type").starts_with("Execution");
            tell(event, if is_own { state } else { "" }, &words);
        }
        let id = event["id"].as_u64().unwrap_or_default();
        self.states.insert(id, state.to_owned());
    }
}

fn tell(event: &Value, state: &str, words: &str) {
    let time = text(event, "timestamp");
    let time = time.get(11..23).unwrap_or(time);
    report::line(&report::shortened(&format!("{time}  {state:<18} {words}")));
}

/// What happened, in words; nothing for events that only frame others.
fn words(event: &Value) -> Option<String> {
    let error = |details: &str| {
        let details = &event[details];
        format!("{}: {}", text(details, "error"), text(details, "cause"))
    };
    let words = match text(event, "type") {
        "ExecutionStarted" => format!(
            "execution started by {}",
            text(&event["sluice"], "principal")
        ),
        "ExecutionSucceeded" => "execution succeeded".to_owned(),
        "ExecutionFailed" => format!(
            "execution failed with {}",
            error("executionFailedEventDetails")
        ),
        "ExecutionTimedOut" => "execution timed out".to_owned(),
        "ExecutionAborted" => "execution stopped".to_owned(),
        "TaskStarted" => attempt(&event["sluice"]),
        "TaskSucceeded" => "succeeded".to_owned(),
        "TaskFailed" => format!("failed with {}", error("taskFailedEventDetails")),
        "TaskTimedOut" => format!("timed out with {}", error("taskTimedOutEventDetails")),
        "WaitStateEntered" => "waits".to_owned(),
        "ParallelStateEntered" => "branches".to_owned(),
        "ParallelStateExited" => "all branches succeeded".to_owned(),
        _ => return None,
    };
    Some(words)
}

fn attempt(facts: &Value) -> String {
    format!(
        "attempt {} runs {}@{} under role {} revision {}",
        facts["attempt"],
        text(facts, "component"),
        text(facts, "componentVersion"),
        text(facts, "role"),
        facts["roleRevision"]
    )
}

fn is_end(event_type: &str) -> bool {
    matches!(
        event_type,
        "ExecutionSucceeded" | "ExecutionFailed" | "ExecutionTimedOut" | "ExecutionAborted"
    )
}

/// Takes the first whole event out of the buffer; comments and keep-alives are skipped.
fn take_event(buffer: &mut Vec<u8>) -> Result<Option<Value>> {
    while let Some(end) = buffer.windows(2).position(|window| window == b"\n\n") {
        let block: Vec<u8> = buffer.drain(..end + 2).collect();
        let block = String::from_utf8_lossy(&block);
        let data: Vec<_> = block
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(str::trim_start)
            .collect();
        if !data.is_empty() {
            let event = serde_json::from_str(&data.join("\n")).context("an event is not JSON")?;
            return Ok(Some(event));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_taken_one_by_one_and_comments_skipped() {
        let mut buffer =
            b": keep-alive\n\nid: 1\nevent: A\ndata: {\"id\":1}\n\ndata: {\"id\":".to_vec();
        assert_eq!(take_event(&mut buffer).unwrap(), Some(json!({"id": 1})));
        assert_eq!(take_event(&mut buffer).unwrap(), None);
        buffer.extend_from_slice(b"2}\n\n");
        assert_eq!(take_event(&mut buffer).unwrap(), Some(json!({"id": 2})));
        buffer.extend_from_slice(b"data: {\n\n");
        assert!(take_event(&mut buffer).is_err());
    }
}
