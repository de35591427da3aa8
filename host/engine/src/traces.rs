//! Where an execution stands in a trace.
//!
//! Owns that the span of an execution has one id on whichever host it runs, so that attempts made
//! before and after a restart stand under the same span. It does not know who collects spans.

use asl::ExecutionId;
use ports::{SpanId, Start, TraceContext};
use sha2::{Digest as _, Sha256};

/// The place of an execution's own span; attempts and other executions that it starts stand under it.
pub(crate) fn context_of(start: &Start) -> Option<TraceContext> {
    let above = start.trace?;
    Some(above.under(span_of(&start.header.id)))
}

fn span_of(id: &ExecutionId) -> SpanId {
    let digest = Sha256::digest(id.as_str());
    let first = digest.iter().take(8);
    SpanId::of(first.fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
}
