//! Traces: to which one something belongs, and the spans that tell how long it took.
//!
//! Owns the words, and the text form of W3C Trace Context (`traceparent`, version 00). It does
//! not know who collects spans, nor how they are sent.

mod context;
mod span;

pub use context::{NotTraceParent, SpanId, TraceContext, TraceId};
pub use span::{Attribute, Moment, Phase, Span, SpanKind};

/// Collects spans.
pub trait Tracer: Send + Sync {
    /// Whether spans are collected at all; if not, nobody need make any.
    fn is_on(&self) -> bool;

    /// Takes a span that has ended, of a trace that is sampled. Never waits and never fails: a span
    /// for which there is no room is dropped. A crash loses what was not sent yet, and nothing else.
    fn ended(&self, span: Span);
}

/// Collects nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untraced;

impl Tracer for Untraced {
    fn is_on(&self) -> bool {
        false
    }

    fn ended(&self, _: Span) {}
}
