//! What a client was told is still so, whatever happened since.

use std::collections::BTreeMap;

use asl::{ExecutionId, HistoryEvent, Status, TaskEvent, Timestamp};
use ports::{Description, Summary};
use serde_json::Value;

use super::{Verdict, holds};

/// What a client was told about an execution.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fact {
    /// That it was started, under this name.
    Started(String),
    /// How it ended.
    Ended(End),
    /// When it was stopped.
    Stopped(Timestamp),
    /// That the holder of a token was heard, with what it said.
    Answered(Option<Value>),
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct End {
    pub(crate) status: Status,
    pub(crate) stopped_at: Option<Timestamp>,
    pub(crate) output: Option<Value>,
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
}

impl End {
    pub(crate) fn of(description: &Description) -> Self {
        let summary = &description.summary;
        Self {
            status: summary.status,
            stopped_at: summary.stopped_at,
            output: description.output.as_deref().cloned(),
            error: summary.error.clone(),
            cause: summary.cause.clone(),
        }
    }
}

/// An execution as the store has it.
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) end: End,
    pub(crate) events: Vec<HistoryEvent>,
}

/// What is durable of an execution at one moment.
pub(crate) struct Durable<'a> {
    pub(crate) name: &'a str,
    pub(crate) summary: &'a Summary,
    pub(crate) events: &'a [HistoryEvent],
}

/// What a client was told a moment ago was durable at that moment.
pub(crate) fn is_durable(id: &ExecutionId, fact: &Fact, durable: Option<&Durable<'_>>) -> Verdict {
    let is_so = durable.is_some_and(|durable| match fact {
        Fact::Started(name) => durable.name == name,
        Fact::Ended(end) => {
            let Summary {
                status, stopped_at, ..
            } = durable.summary;
            (*status, *stopped_at) == (end.status, end.stopped_at)
        }
        Fact::Stopped(at) => durable.summary.stopped_at == Some(*at),
        Fact::Answered(Some(_)) => durable.events.iter().any(is_success),
        Fact::Answered(None) => true,
    });
    holds(is_so, "nothing is told before it is durable", || {
        format!("of `{id}` a client was told {fact:?}")
    })
}

/// What a follower saw a moment ago was durable at that moment.
pub(crate) fn are_durable(
    id: &ExecutionId,
    seen: &[HistoryEvent],
    durable: Option<&Durable<'_>>,
) -> Verdict {
    let events = durable.map_or(&[][..], |durable| durable.events);
    let names = |events: &[HistoryEvent]| -> Vec<_> {
        let names = events.iter();
        names
            .map(|event| (event.id, event.detail.event_type()))
            .collect()
    };
    holds(
        names(events).starts_with(&names(seen)),
        "nothing is shown before it is durable",
        || {
            let (shown, written) = (seen.len(), events.len());
            format!("of `{id}` {shown} events were seen, {written} are durable")
        },
    )
}

pub(crate) fn is_still_so(
    facts: &[(ExecutionId, Fact)],
    known: &BTreeMap<ExecutionId, Known>,
) -> Verdict {
    for (id, fact) in facts {
        let found = known.get(id);
        holds(found.is_some(), "what was acknowledged is there", || {
            format!("`{id}` is gone, of which a client was told {fact:?}")
        })?;
        found.map_or(Ok(()), |known| is_so(id, fact, known))?;
    }
    Ok(())
}

fn is_so(id: &ExecutionId, fact: &Fact, known: &Known) -> Verdict {
    let is_so = match fact {
        Fact::Started(name) => known.name == *name,
        Fact::Ended(end) => known.end == *end,
        Fact::Stopped(at) => known.end.stopped_at == Some(*at),
        Fact::Answered(Some(output)) => known.events.iter().any(|event| succeeded(event, output)),
        Fact::Answered(None) => true,
    };
    holds(is_so, "what a client was told is still so", || {
        format!("`{id}` is {:?}, a client was told {fact:?}", known.end)
    })
}

fn is_success(event: &HistoryEvent) -> bool {
    matches!(
        &event.detail,
        asl::HistoryDetail::Task {
            event: TaskEvent::Succeeded { .. },
            ..
        }
    )
}

fn succeeded(event: &HistoryEvent, with: &Value) -> bool {
    match &event.detail {
        asl::HistoryDetail::Task {
            event: TaskEvent::Succeeded { output },
            ..
        } => output.value() == with,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> ExecutionId {
        ExecutionId::parse("e").unwrap()
    }

    fn end(status: Status) -> End {
        End {
            status,
            stopped_at: Some(Timestamp(7)),
            output: None,
            error: None,
            cause: None,
        }
    }

    fn check(fact: Fact) -> Verdict {
        let known = Known {
            name: "one".to_owned(),
            end: end(Status::Failed),
            events: Vec::new(),
        };
        is_still_so(&[(id(), fact)], &[(id(), known)].into())
    }

    #[test]
    fn what_was_told_before_it_was_durable_is_found() {
        let summary = |status, stopped_at| Summary {
            status,
            stopped_at,
            output: None,
            error: None,
            cause: None,
        };
        let running = summary(Status::Running, None);
        let failed = summary(Status::Failed, Some(Timestamp(7)));
        let check = |fact: &Fact, summary: &Summary| {
            let durable = Durable {
                name: "one",
                summary,
                events: &[],
            };
            is_durable(&id(), fact, Some(&durable)).is_ok()
        };
        let ended = Fact::Ended(end(Status::Failed));
        assert!(check(&ended, &failed));
        assert!(!check(&ended, &running));
        assert!(check(&Fact::Stopped(Timestamp(7)), &failed));
        assert!(!check(&Fact::Stopped(Timestamp(7)), &running));
        assert!(check(&Fact::Started("one".to_owned()), &running));
        assert!(!check(&Fact::Started("two".to_owned()), &running));
        assert!(!check(&Fact::Answered(Some(Value::Null)), &running));
        assert!(is_durable(&id(), &Fact::Started("one".to_owned()), None).is_err());
    }

    #[test]
    fn what_was_shown_before_it_was_durable_is_found() {
        let event = |id| HistoryEvent {
            id,
            previous_id: 0,
            at: Timestamp(1),
            detail: asl::HistoryDetail::ParallelStateStarted,
            sluice: None,
        };
        let events = [event(1), event(2)];
        let running = Summary {
            status: Status::Running,
            stopped_at: None,
            output: None,
            error: None,
            cause: None,
        };
        let check = |seen: &[HistoryEvent], durable: usize| {
            let durable = Durable {
                name: "one",
                summary: &running,
                events: &events[..durable],
            };
            are_durable(&id(), seen, Some(&durable)).is_ok()
        };
        assert!(check(&events, 2));
        assert!(check(&events[..1], 2));
        assert!(!check(&events, 1));
        assert!(!check(&events[1..], 2));
        assert!(are_durable(&id(), &events, None).is_err());
        assert!(are_durable(&id(), &[], None).is_ok());
    }

    #[test]
    fn what_was_told_and_is_not_so_is_found() {
        assert!(check(Fact::Started("one".to_owned())).is_ok());
        assert!(check(Fact::Started("two".to_owned())).is_err());
        assert!(check(Fact::Ended(end(Status::Failed))).is_ok());
        assert!(check(Fact::Ended(end(Status::Succeeded))).is_err());
        assert!(check(Fact::Stopped(Timestamp(7))).is_ok());
        assert!(check(Fact::Stopped(Timestamp(8))).is_err());
        assert!(check(Fact::Answered(None)).is_ok());
        assert!(check(Fact::Answered(Some(Value::Null))).is_err());
        let started = Fact::Started("one".to_owned());
        assert!(is_still_so(&[(id(), started)], &BTreeMap::new()).is_err());
    }
}
