//! Executions from their records.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::frame::{Frame, FrameId};
use super::frames::Frames;
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

impl Execution {
    /// Restores an execution as [`Execution::take_delta`] last left it, from every delta in order.
    ///
    /// # Errors
    /// The deltas are not what an execution wrote, in full and in order.
    pub fn restore(
        header: Header,
        deltas: impl IntoIterator<Item = Delta>,
    ) -> Result<Self, RestoreError> {
        let mut payloads = Vec::new();
        let mut frames = BTreeMap::<FrameId, Frame>::new();
        let mut standing = None;
        for delta in deltas {
            payloads.push(delta.payloads);
            frames.extend(delta.frames.into_iter().map(|frame| (frame.id, frame)));
            for id in &delta.removed {
                frames.remove(id);
            }
            standing = Some(delta.standing);
        }
        let mut standing: Standing = standing.ok_or(RestoreError::NoRecord)?;
        let record = u32::try_from(payloads.len()).unwrap_or(u32::MAX);
        let payloads = Payloads(payloads);
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
        })
    }
}

/// The payloads of every record.
struct Payloads(Vec<Vec<Arc<Value>>>);

impl Payloads {
    fn named(&self, id: PayloadId) -> Result<Payload, RestoreError> {
        let place = |number| usize::try_from(number).ok();
        let record = place(id.record).and_then(|record| self.0.get(record));
        let value = record
            .zip(place(id.index))
            .and_then(|(record, index)| record.get(index));
        let value = value.ok_or(RestoreError::MissingPayload(id))?;
        Ok(Payload::new(id, Arc::clone(value)))
    }

    fn fill(&self, payload: &mut Payload) -> Result<(), RestoreError> {
        *payload = self.named(payload.id)?;
        Ok(())
    }
}
