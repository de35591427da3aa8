//! Executions from their records.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::frame::{Frame, FrameId};
use super::frames::Frames;
use super::fullness::Fullness;
use super::{ContextCache, Execution, Header, Pending, Standing};
use crate::{Delta, Payload, PayloadId};

/// The records do not make an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// There is no record.
    #[error("the execution has no record")]
    NoRecord,
    /// A record refers to a payload that no record holds.
    #[error("payload {} of record {} is missing", .0.index, .0.record)]
    MissingPayload(PayloadId),
    /// A frame's parent is gone while the frame stays.
    #[error("frame {} has lost its parent", .0.0)]
    Orphan(FrameId),
}

/// What an execution has of the records before the first one that it is restored from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Behind {
    /// How many such records there are.
    pub records: u32,
    /// Of them, what the first one that is read names, see [`Delta::behind`].
    pub payloads: BTreeMap<PayloadId, Arc<Value>>,
}

impl Execution {
    /// Restores an execution as [`Execution::take_delta`] last left it, from every delta in order.
    ///
    /// # Errors
    /// The deltas are not what an execution wrote, in full and in order.
    pub fn restore(
        header: Header,
        deltas: impl IntoIterator<Item = Delta>,
    ) -> Result<Self, RestoreError> {
        Self::restore_behind(header, Behind::default(), deltas)
    }

    /// The same, from the deltas since one that tells all of the execution.
    ///
    /// # Errors
    /// As [`Execution::restore`] says, or something is missing of what is behind them.
    pub fn restore_behind(
        header: Header,
        behind: Behind,
        deltas: impl IntoIterator<Item = Delta>,
    ) -> Result<Self, RestoreError> {
        let mut payloads = Vec::new();
        let mut since_full = Fullness::default();
        let mut frames = BTreeMap::<FrameId, Frame>::new();
        let mut standing = None;
        for delta in deltas {
            payloads.push(delta.payloads);
            let is_full = delta.behind.is_some();
            if is_full {
                frames.clear();
            }
            let changed = delta.frames.len().saturating_add(delta.removed.len());
            since_full.count(is_full, changed);
            frames.extend(delta.frames.into_iter().map(|frame| (frame.id, frame)));
            for id in &delta.removed {
                frames.remove(id);
            }
            standing = Some(delta.standing);
        }
        let mut standing: Standing = standing.ok_or(RestoreError::NoRecord)?;
        let read = u32::try_from(payloads.len()).unwrap_or(u32::MAX);
        let record = behind.records.saturating_add(read);
        let payloads = Payloads {
            behind,
            read: payloads,
        };
        for frame in frames.values_mut() {
            frame
                .payloads_mut()
                .into_iter()
                .try_for_each(|payload| payloads.fill(payload))?;
        }
        if let Some(output) = &mut standing.output {
            payloads.fill(output)?;
        }
        let input = payloads.named(PayloadId {
            record: 0,
            index: 0,
        })?;
        let parents = frames
            .values()
            .filter_map(|frame| frame.parent.map(|parent| (frame.id, parent)));
        if let Some((orphan, _)) = parents
            .into_iter()
            .find(|(_, parent)| !frames.contains_key(parent))
        {
            return Err(RestoreError::Orphan(orphan));
        }
        let next = FrameId(standing.next_frame);
        Ok(Self {
            header,
            input,
            standing,
            frames: Frames::stored(frames.into_values(), next),
            context: ContextCache::default(),
            record,
            pending: Pending::default(),
            since_full,
        })
    }
}

/// The payloads of every record, as far as they are known.
struct Payloads {
    behind: Behind,
    read: Vec<Vec<Arc<Value>>>,
}

impl Payloads {
    fn named(&self, id: PayloadId) -> Result<Payload, RestoreError> {
        let place = |number| usize::try_from(number).ok();
        let value = match id.record.checked_sub(self.behind.records) {
            None => self.behind.payloads.get(&id),
            Some(read) => {
                let record = place(read).and_then(|read| self.read.get(read));
                let index = place(id.index);
                record.zip(index).and_then(|(record, at)| record.get(at))
            }
        };
        let value = value.ok_or(RestoreError::MissingPayload(id))?;
        Ok(Payload::new(id, Arc::clone(value)))
    }

    fn fill(&self, payload: &mut Payload) -> Result<(), RestoreError> {
        *payload = self.named(payload.id)?;
        Ok(())
    }
}
