//! Map runs as the history of their execution tells of them.

use std::collections::BTreeMap;

use asl::{HistoryDetail, StateType, Status, Timestamp};

/// A map run in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapRunLine {
    /// Its ARN.
    pub arn: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
    /// Where it stands; it cannot time out.
    pub status: Status,
    /// The Map state.
    pub(super) state: String,
    /// How many items were in the state's input.
    pub(super) length: u64,
}

/// The map runs of a history, event by event.
#[derive(Default)]
pub(super) struct Reading {
    lines: Vec<MapRunLine>,
    /// The place of each open run by the event that began it, which the one that ends it follows.
    open: BTreeMap<u64, usize>,
    /// Map states that were entered but have no run, with how many items they have.
    states: BTreeMap<u64, (String, u64)>,
}

impl Reading {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of some thirty events, these tell of map runs"
    )]
    pub(super) fn take(&mut self, id: u64, previous: u64, at: Timestamp, detail: HistoryDetail) {
        match detail {
            HistoryDetail::StateEntered {
                kind: StateType::Map,
                name,
                ..
            } => {
                self.states.insert(id, (name, 0));
            }
            HistoryDetail::MapStateStarted { length } => {
                if let Some((name, _)) = self.states.remove(&previous) {
                    self.states.insert(id, (name, u64::from(length)));
                }
            }
            HistoryDetail::MapRunStarted { arn } => {
                let (state, length) = self.states.remove(&previous).unwrap_or_default();
                self.open.insert(id, self.lines.len());
                self.lines.push(MapRunLine {
                    arn,
                    started_at: at,
                    stopped_at: None,
                    status: Status::Running,
                    state,
                    length,
                });
            }
            HistoryDetail::MapRunSucceeded => self.end(previous, at, Status::Succeeded),
            HistoryDetail::MapRunFailed(_) => self.end(previous, at, Status::Failed),
            // The history does not say which run was cut short.
            HistoryDetail::MapRunAborted => {
                if let Some(last) = self.open.last_key_value().map(|(id, _)| *id) {
                    self.end(last, at, Status::Aborted);
                }
            }
            _ => {}
        }
    }

    /// Whether a map run has begun and ended in what was read.
    pub(super) fn has_ended(&self, arn: &str) -> bool {
        let mut lines = self.lines.iter();
        lines.any(|line| line.arn == arn && line.stopped_at.is_some())
    }

    fn end(&mut self, previous: u64, at: Timestamp, status: Status) {
        let line = self.open.remove(&previous);
        if let Some(line) = line.and_then(|line| self.lines.get_mut(line)) {
            line.stopped_at = Some(at);
            line.status = status;
        }
    }

    /// What is still open where the execution has ended was cut short.
    pub(super) fn finish(mut self, ended: Option<Timestamp>) -> Vec<MapRunLine> {
        if let Some(at) = ended {
            let open = std::mem::take(&mut self.open);
            for line in open.into_values() {
                if let Some(line) = self.lines.get_mut(line) {
                    line.stopped_at = Some(at);
                    line.status = Status::Aborted;
                }
            }
        }
        self.lines
    }
}
