//! A history grows at its end alone, event by event, and answers each attempt once.

use std::collections::{BTreeMap, BTreeSet};

use asl::{HistoryDetail, HistoryEvent, TaskEvent};

use super::{Verdict, holds};

/// Ids go up by one, and each event names one before it.
pub(crate) fn is_contiguous(events: &[HistoryEvent]) -> Verdict {
    for (place, event) in events.iter().enumerate() {
        let expected = place as u64 + 1;
        holds(event.id == expected, "event ids are contiguous", || {
            format!("event {} stands at place {expected}", event.id)
        })?;
        holds(
            event.previous_id < event.id,
            "events name an earlier one",
            || format!("event {} names {}", event.id, event.previous_id),
        )?;
        let is_end = ends_execution(&event.detail);
        let is_last = place + 1 == events.len();
        holds(!is_end || is_last, "nothing follows the end", || {
            format!("event {} comes after the end", event.id + 1)
        })?;
    }
    Ok(())
}

/// Each attempt that was scheduled starts at most once and ends at most once.
pub(crate) fn is_answered_once(events: &[HistoryEvent]) -> Verdict {
    let mut of_attempt: BTreeMap<u64, u64> = BTreeMap::new();
    let (mut started, mut ended) = (BTreeSet::new(), BTreeSet::new());
    for event in events {
        let HistoryDetail::Task { event: task, .. } = &event.detail else {
            continue;
        };
        let attempt = match task {
            TaskEvent::Scheduled { .. } => Some(event.id),
            TaskEvent::Started { .. }
            | TaskEvent::Submitted { .. }
            | TaskEvent::Succeeded { .. }
            | TaskEvent::Failed(_)
            | TaskEvent::TimedOut(_) => of_attempt.get(&event.previous_id).copied(),
        };
        holds(
            attempt.is_some(),
            "an attempt is scheduled before it goes on",
            || format!("event {} belongs to no attempt", event.id),
        )?;
        let attempt = attempt.unwrap_or_default();
        of_attempt.insert(event.id, attempt);
        let is_first = match task {
            TaskEvent::Scheduled { .. } | TaskEvent::Submitted { .. } => true,
            TaskEvent::Started { .. } => started.insert(attempt),
            TaskEvent::Succeeded { .. } | TaskEvent::Failed(_) | TaskEvent::TimedOut(_) => {
                ended.insert(attempt)
            }
        };
        holds(is_first, "each result is applied once", || {
            format!("event {} repeats what came of attempt {attempt}", event.id)
        })?;
    }
    Ok(())
}

/// What was seen before is how it still begins.
pub(crate) fn begins_with(now: &[HistoryEvent], seen: &[HistoryEvent]) -> Verdict {
    holds(
        now.starts_with(seen),
        "what a follower saw is still so",
        || {
            let differ = now.iter().zip(seen).position(|(now, seen)| now != seen);
            match differ {
                Some(place) => format!("{:?} was {:?}", now[place], seen[place]),
                None => format!("{} events are left of {}", now.len(), seen.len()),
            }
        },
    )
}

fn ends_execution(detail: &HistoryDetail) -> bool {
    matches!(
        detail,
        HistoryDetail::ExecutionSucceeded { .. }
            | HistoryDetail::ExecutionFailed(_)
            | HistoryDetail::ExecutionTimedOut(_)
            | HistoryDetail::ExecutionAborted(_)
    )
}

#[cfg(test)]
mod tests {
    use asl::{Called, ErrorDetail, Timestamp};

    use super::*;

    fn event(id: u64, previous_id: u64, detail: HistoryDetail) -> HistoryEvent {
        HistoryEvent {
            id,
            previous_id,
            at: Timestamp(0),
            detail,
            sluice: None,
        }
    }

    fn task(id: u64, previous_id: u64, event_: TaskEvent) -> HistoryEvent {
        let called = Called::Activity { arn: String::new() };
        event(
            id,
            previous_id,
            HistoryDetail::Task {
                called,
                event: event_,
            },
        )
    }

    fn plain(id: u64, previous_id: u64) -> HistoryEvent {
        event(id, previous_id, HistoryDetail::MapStateSucceeded)
    }

    fn failed() -> TaskEvent {
        TaskEvent::Failed(ErrorDetail::default())
    }

    #[test]
    fn a_gap_a_loop_and_a_life_after_the_end_are_found() {
        assert!(is_contiguous(&[plain(1, 0), plain(2, 1)]).is_ok());
        assert!(is_contiguous(&[plain(1, 0), plain(3, 1)]).is_err());
        assert!(is_contiguous(&[plain(1, 0), plain(2, 2)]).is_err());
        let end = HistoryDetail::ExecutionFailed(ErrorDetail::default());
        assert!(is_contiguous(&[plain(1, 0), event(2, 1, end.clone())]).is_ok());
        assert!(is_contiguous(&[event(1, 0, end), plain(2, 1)]).is_err());
    }

    #[test]
    fn a_result_that_is_applied_twice_is_found() {
        let started = || TaskEvent::Started { worker: None };
        let scheduled = |id| {
            let payload = serde_json::from_value(serde_json::json!([0, 0]));
            let input = payload.unwrap();
            task(
                id,
                0,
                TaskEvent::Scheduled {
                    region: String::new(),
                    input,
                    timeout_seconds: None,
                    heartbeat_seconds: None,
                    role_arn: None,
                },
            )
        };
        let once = [scheduled(1), task(2, 1, started()), task(3, 2, failed())];
        assert!(is_answered_once(&once).is_ok());
        let twice = [&once[..], &[task(4, 2, failed())]].concat();
        assert!(is_answered_once(&twice).is_err());
        let started_twice = [scheduled(1), task(2, 1, started()), task(3, 1, started())];
        assert!(is_answered_once(&started_twice).is_err());
        assert!(is_answered_once(&[task(1, 0, failed())]).is_err());
    }

    #[test]
    fn a_history_that_forgot_or_changed_is_found() {
        let seen = [plain(1, 0), plain(2, 1)];
        assert!(begins_with(&[plain(1, 0), plain(2, 1), plain(3, 2)], &seen).is_ok());
        assert!(begins_with(&seen[..1], &seen).is_err());
        assert!(begins_with(&[plain(1, 0), plain(2, 0)], &seen).is_err());
    }
}
