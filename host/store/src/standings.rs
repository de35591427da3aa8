//! Where executions stand: the stored form, and by heart those that were written last, so that
//! most commits are checked without reading the tree. Bounded: what is forgotten is read again.

use std::collections::HashMap;
use std::sync::Arc;

use asl::{ExecutionId, Posture, Status, Timestamp};
use ports::StoreError;

use crate::envelope::{Entry, Kind, damaged};
use crate::key;

/// How many executions are remembered, at the least.
pub(crate) const REMEMBERED_MIN: usize = 2048;

/// The longest summary that is remembered, in bytes; a longer one counts as changed.
const SUMMARY_BYTES_MAX: usize = 512;

/// What a commit is checked against.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// The number of the next record.
    pub(crate) next: u32,
    /// How it stands.
    pub(crate) status: Status,
    /// The mark that is there.
    pub(crate) mark: Mark,
    /// The ARNs it is listed under, where they are known.
    pub(crate) arns: Option<Arc<[String]>>,
    summary: Option<Box<[u8]>>,
}

impl Standing {
    pub(crate) fn new(
        next: u32,
        (status, mark): (Status, Mark),
        summary: &[u8],
        arns: Option<Arc<[String]>>,
    ) -> Self {
        let is_short = summary.len() <= SUMMARY_BYTES_MAX;
        Self {
            next,
            status,
            mark,
            arns,
            summary: is_short.then(|| summary.into()),
        }
    }

    /// Whether the stored summary is known to be this one.
    pub(crate) fn has_summary(&self, summary: &[u8]) -> bool {
        self.summary.as_deref() == Some(summary)
    }
}

/// Where an execution is listed for whoever takes executions up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nowhere: it has ended, or waits for answers from outside alone.
    None,
    /// Among those that go on by themselves.
    Open,
    /// Among those that are to be woken, at this time.
    Alarm(Timestamp),
}

impl Mark {
    pub(crate) fn of(status: Status, posture: Posture) -> Self {
        match posture {
            _ if status.is_terminal() => Self::None,
            Posture::Active => Self::Open,
            Posture::Parked { wake_at: None } => Self::None,
            Posture::Parked { wake_at: Some(at) } => Self::Alarm(at),
        }
    }

    /// What lists the execution there.
    pub(crate) fn entry(self, id: &ExecutionId) -> Option<Entry> {
        let key = match self {
            Self::None => return None,
            Self::Open => key::open(id),
            Self::Alarm(at) => key::alarm(at, id),
        };
        Some(Entry::new(Kind::Mark, key, b""))
    }
}

/// Two generations: when the younger is full, the older is forgotten.
#[derive(Default)]
pub(crate) struct Standings {
    young: HashMap<ExecutionId, Standing>,
    old: HashMap<ExecutionId, Standing>,
}

impl Standings {
    pub(crate) fn find(&self, id: &ExecutionId) -> Option<&Standing> {
        self.young.get(id).or_else(|| self.old.get(id))
    }

    pub(crate) fn remember(&mut self, id: ExecutionId, standing: Standing) {
        if self.young.len() >= REMEMBERED_MIN {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, standing);
    }

    pub(crate) fn forget(&mut self, id: &ExecutionId) {
        self.young.remove(id);
        self.old.remove(id);
    }
}

/// The stored form: the length of the start, the start, the summary.
pub(crate) fn join(start: &[u8], summary: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(8 + start.len() + summary.len());
    content.extend_from_slice(&(start.len() as u64).to_be_bytes());
    content.extend_from_slice(start);
    content.extend_from_slice(summary);
    content
}

/// Start and summary of a stored form.
///
/// # Errors
/// It is cut short.
pub(crate) fn split<'a>(key: &[u8], content: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), StoreError> {
    let parts = content.split_first_chunk().and_then(|(length, rest)| {
        let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
        rest.split_at_checked(length)
    });
    parts.ok_or_else(|| damaged(key, "is cut short"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ExecutionId {
        ExecutionId::parse(&format!("e-{number}")).unwrap()
    }

    fn standing(next: u32) -> Standing {
        Standing::new(next, (Status::Running, Mark::Open), b"{}", None)
    }

    #[test]
    fn the_last_executions_are_remembered_and_no_more_than_twice_as_many() {
        let mut standings = Standings::default();
        for number in 0..10 * REMEMBERED_MIN {
            standings.remember(id(number), standing(1));
            let oldest = (number + 1).saturating_sub(REMEMBERED_MIN);
            assert!(standings.find(&id(oldest)).is_some());
            assert!(standings.young.len() + standings.old.len() <= 2 * REMEMBERED_MIN);
        }
        assert!(standings.find(&id(0)).is_none());
    }

    #[test]
    fn the_younger_standing_counts() {
        let mut standings = Standings::default();
        for number in 0..REMEMBERED_MIN {
            standings.remember(id(number), standing(1));
        }
        standings.remember(id(REMEMBERED_MIN), standing(1));
        standings.remember(id(0), standing(2));
        assert_eq!(standings.find(&id(0)).unwrap().next, 2);
        standings.forget(&id(0));
        assert!(standings.find(&id(0)).is_none());
    }
}
