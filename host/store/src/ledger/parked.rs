//! How many executions are parked: counted step by step, and kept with the fence of the opening
//! that counted, so that one that did not count is noticed by the next.

use std::ops::Range;

use asl::Status;
use ports::{Fence, StoreError};

use crate::entries::{Entries, Order, read};
use crate::envelope::{Entry, Kind, damaged};
use crate::key;
use crate::standings::Mark;

/// Entries that are counted at once.
const PAGE: usize = 1024;

/// How many executions are on disk alone until something happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parked {
    /// Those that are to be woken at some time.
    pub(crate) for_time: u64,
    /// Those that wait for an answer from outside alone.
    pub(crate) for_answer: u64,
}

impl Parked {
    /// What the last opening, whose fence was `last`, left; counted anew if it kept no count.
    pub(crate) fn open(entries: &impl Entries, last: Fence) -> Result<Self, StoreError> {
        match Self::kept(entries, last)? {
            Some(kept) => Ok(kept),
            None => Self::counted(entries),
        }
    }

    fn kept(entries: &impl Entries, last: Fence) -> Result<Option<Self>, StoreError> {
        let Some(content) = read(entries, Kind::Meta, key::PARKED)? else {
            return Ok(None);
        };
        let (numbers, rest) = content.as_chunks::<8>();
        let numbers: Vec<_> = numbers.iter().copied().map(u64::from_be_bytes).collect();
        match (numbers.as_slice(), rest) {
            ([fence, for_time, for_answer], []) => Ok((*fence == last.0).then_some(Self {
                for_time: *for_time,
                for_answer: *for_answer,
            })),
            _ => Err(damaged(key::PARKED, "has the wrong length")),
        }
    }

    /// Counts what the lists say: whatever runs and is not listed as going on by itself.
    fn counted(entries: &impl Entries) -> Result<Self, StoreError> {
        let running = count(entries, key::all_listed(Status::Running))?;
        let active = count(entries, key::opens())?;
        let for_time = count(entries, key::alarms())?;
        Ok(Self {
            for_time,
            for_answer: running.saturating_sub(active).saturating_sub(for_time),
        })
    }

    /// Counts an execution where it stands after a step, and no longer where it stood before.
    pub(super) fn step(&mut self, was: Option<(Status, Mark)>, is: (Status, Mark)) {
        if let Some(count) = was.and_then(|was| self.count_of(was)) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = self.count_of(is) {
            *count = count.saturating_add(1);
        }
    }

    fn count_of(&mut self, (status, mark): (Status, Mark)) -> Option<&mut u64> {
        match mark {
            _ if status.is_terminal() => None,
            Mark::Open => None,
            Mark::Alarm(_) => Some(&mut self.for_time),
            Mark::None => Some(&mut self.for_answer),
        }
    }

    /// What keeps the count for the next opening.
    pub(super) fn entry(self, fence: Fence) -> Entry {
        let numbers = [fence.0, self.for_time, self.for_answer].map(u64::to_be_bytes);
        Entry::new(Kind::Meta, key::PARKED.to_vec(), &numbers.concat())
    }
}

fn count(entries: &impl Entries, mut range: Range<Vec<u8>>) -> Result<u64, StoreError> {
    let mut count = 0_u64;
    loop {
        let page = entries.range(range.clone(), Order::Forward, PAGE)?;
        count = count.saturating_add(page.len() as u64);
        match page.last() {
            Some((last, _)) if page.len() == PAGE => range.start = key::after(last.to_vec()),
            Some(_) | None => return Ok(count),
        }
    }
}
