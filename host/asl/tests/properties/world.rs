//! Everybody who could send an event, including those who should not.

use std::collections::BTreeMap;

use asl::{
    AttemptFacts, Effect, EffectId, Event, EventKind, Execution, Posture, Status, Timestamp,
};
use serde_json::json;

/// The open effects as the transitions announced them.
pub(crate) struct World {
    now: Timestamp,
    open: BTreeMap<EffectId, Open>,
    is_started: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Open {
    Task,
    Child,
    Reading,
    Writing,
    Timer(Timestamp),
    Continue,
}

impl World {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            now,
            open: BTreeMap::new(),
            is_started: false,
        }
    }

    /// The event that some bytes stand for; the first one starts.
    pub(crate) fn event(&mut self, [what, which, how, when]: [u8; 4]) -> Event {
        self.now = self.now.plus_ms(i64::from(when));
        let kind = if self.is_started {
            self.kind(what, which, how)
        } else {
            EventKind::Start
        };
        self.is_started = true;
        Event {
            at: self.now,
            seed: u64::from(how),
            absent: Vec::new(),
            kind,
        }
    }

    fn kind(&mut self, what: u8, which: u8, how: u8) -> EventKind {
        let stray = EffectId(u64::from(which));
        match what {
            0 => return EventKind::Start,
            1 => return EventKind::TimerFired { effect: stray },
            2 => {
                return EventKind::TaskSucceeded {
                    effect: stray,
                    output: json!(1),
                };
            }
            3 => return EventKind::Continued { effect: stray },
            4 => {
                return EventKind::TaskStarted {
                    effect: stray,
                    facts: Some(facts()),
                    worker: None,
                };
            }
            5 => {
                return EventKind::Stop {
                    error: None,
                    cause: Some("enough".to_owned()),
                    principal: "i|s".to_owned(),
                };
            }
            _ => {}
        }
        let place = usize::from(which) % self.open.len().max(1);
        match self
            .open
            .iter()
            .nth(place)
            .map(|(effect, open)| (*effect, *open))
        {
            None => EventKind::TimerFired { effect: stray },
            Some((effect, Open::Continue)) => EventKind::Continued { effect },
            Some((effect, Open::Timer(at))) => {
                self.now = self.now.max(at);
                EventKind::TimerFired { effect }
            }
            Some((effect, Open::Child)) => match how % 3 {
                0 => EventKind::ChildFailed {
                    effect,
                    error: "Custom".to_owned(),
                    cause: "why".to_owned(),
                },
                _ => EventKind::ChildSucceeded {
                    effect,
                    output: json!({ "n": how }),
                },
            },
            Some((effect, Open::Reading | Open::Writing)) if how.is_multiple_of(4) => {
                EventKind::MapRunFailed {
                    effect,
                    error: "States.ItemReaderFailed".to_owned(),
                    cause: "why".to_owned(),
                }
            }
            Some((effect, Open::Reading)) => EventKind::ItemsRead {
                effect,
                items: (0..how % 5).map(|item| json!(item)).collect(),
            },
            Some((effect, Open::Writing)) => EventKind::ResultsWritten {
                effect,
                details: json!({ "Bucket": "b" }),
            },
            Some((effect, Open::Task)) => answer(effect, how),
        }
    }

    /// Keeps the books of what is open.
    pub(crate) fn follow(&mut self, event: &Event, is_ignored: bool, effects: &[Effect]) {
        if !is_ignored {
            match event.kind {
                EventKind::TaskSucceeded { effect, .. }
                | EventKind::TaskFailed { effect, .. }
                | EventKind::TimerFired { effect }
                | EventKind::ChildSucceeded { effect, .. }
                | EventKind::ChildFailed { effect, .. }
                | EventKind::ItemsRead { effect, .. }
                | EventKind::ResultsWritten { effect, .. }
                | EventKind::MapRunFailed { effect, .. }
                | EventKind::Continued { effect } => {
                    self.open.remove(&effect);
                }
                EventKind::Start
                | EventKind::TaskStarted { .. }
                | EventKind::TaskSubmitted { .. }
                | EventKind::TaskHeartbeat { .. }
                | EventKind::Stop { .. } => {}
            }
        }
        for effect in effects {
            match effect {
                Effect::RunTask(task) => {
                    assert_eq!(self.open.insert(task.effect, Open::Task), None)
                }
                Effect::StartChild(child) => {
                    assert_eq!(self.open.insert(child.effect, Open::Child), None)
                }
                Effect::ReadItems(read) => {
                    assert_eq!(self.open.insert(read.effect, Open::Reading), None)
                }
                Effect::WriteResults(write) => {
                    assert_eq!(self.open.insert(write.effect, Open::Writing), None)
                }
                Effect::StartTimer { effect, at } => {
                    assert!(self.open.insert(*effect, Open::Timer(*at)).is_none())
                }
                Effect::Continue(effect) => {
                    assert!(self.open.insert(*effect, Open::Continue).is_none())
                }
                Effect::Cancel(effect) => assert!(
                    self.open.remove(effect).is_some(),
                    "cancelled twice or never begun"
                ),
            }
        }
    }

    /// What was announced and not closed is what the execution says is outstanding.
    pub(crate) fn check(&mut self, execution: &Execution) {
        if execution.status() != Status::Running {
            self.open.retain(|_, open| *open != Open::Continue);
        }
        let mut outstanding: Vec<EffectId> = execution.outstanding().iter().map(id).collect();
        outstanding.sort();
        let open: Vec<EffectId> = self.open.keys().copied().collect();
        assert_eq!(outstanding, open);
        assert!(
            outstanding
                .iter()
                .all(|effect| execution.is_waiting_for(*effect))
        );
        assert_eq!(execution.posture(), posture(&execution.outstanding()));
    }
}

/// What an execution waits for, told from all of its open effects.
fn posture(outstanding: &[Effect]) -> Posture {
    let mut wake_at = None;
    for effect in outstanding {
        match effect {
            Effect::StartTimer { at, .. } => {
                wake_at = Some(wake_at.map_or(*at, |earlier: Timestamp| earlier.min(*at)));
            }
            Effect::RunTask(run) if run.is_outside() => {}
            _ => return Posture::Active,
        }
    }
    match outstanding.is_empty() {
        true => Posture::Active,
        false => Posture::Parked { wake_at },
    }
}

fn id(effect: &Effect) -> EffectId {
    match effect {
        Effect::RunTask(task) => task.effect,
        Effect::StartChild(child) => child.effect,
        Effect::ReadItems(read) => read.effect,
        Effect::WriteResults(write) => write.effect,
        Effect::StartTimer { effect, .. } | Effect::Cancel(effect) | Effect::Continue(effect) => {
            *effect
        }
    }
}

fn facts() -> AttemptFacts {
    AttemptFacts {
        component: "step".to_owned(),
        version: "1.0.0".to_owned(),
        digest: "sha256:5e".to_owned(),
        role: "clerk".to_owned(),
        role_revision: 1,
    }
}

/// How an attempt may go.
fn answer(effect: EffectId, how: u8) -> EventKind {
    match how % 6 {
        0 => EventKind::TaskStarted {
            effect,
            facts: Some(facts()),
            worker: None,
        },
        1 => EventKind::TaskFailed {
            effect,
            error: "Custom".to_owned(),
            cause: "why".to_owned(),
        },
        2 => EventKind::TaskFailed {
            effect,
            error: "Sluice.Interrupted".to_owned(),
            cause: String::new(),
        },
        3 => EventKind::TaskSucceeded {
            effect,
            output: json!({ "n": how, "items": [1, "b", {}] }),
        },
        4 => EventKind::TaskSucceeded {
            effect,
            output: json!(null),
        },
        _ => EventKind::TaskSucceeded {
            effect,
            output: json!([how]),
        },
    }
}
