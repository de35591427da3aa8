//! Spans as OTLP has them.

use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{self as wire, ResourceSpans, ScopeSpans, span};
use ports::{Attribute, Moment, Span, SpanId, SpanKind};
use tokio::time::Instant;

/// Bits of a span's flags: the trace is kept; it is known whether the parent is elsewhere; it is.
const SAMPLED: u32 = 1;
const KNOWS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;
/// Longer texts are cut.
const TEXT_CHARACTERS_MAX: usize = 1_024;

/// What this process is called in traces.
pub(super) fn resource(service_name: &str) -> Resource {
    let instance = uuid::Uuid::new_v4().to_string();
    let attributes = [
        ("service.name", service_name),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", &instance),
    ];
    let attributes = attributes.map(|(name, value)| attribute(name, &value.into()));
    Resource {
        attributes: attributes.into(),
        ..Resource::default()
    }
}

/// One request with all these spans, their phases among them.
pub(super) fn request(resource: &Resource, spans: &[Span]) -> ExportTraceServiceRequest {
    let clock = Clock::now();
    let spans = spans.iter().flat_map(|span| clock.family(span)).collect();
    let scope = InstrumentationScope {
        name: "sluice".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource.clone()),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope),
                spans,
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    }
}

/// Tells what time of day it was at moments of this process.
struct Clock {
    instant: Instant,
    unix_nanoseconds: u64,
}

impl Clock {
    fn now() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let nanoseconds = since.map_or(0, |since| since.as_nanos());
        Self {
            instant: Instant::now(),
            unix_nanoseconds: u64::try_from(nanoseconds).unwrap_or(u64::MAX),
        }
    }

    /// In nanoseconds since the Unix epoch.
    fn at(&self, moment: Moment) -> u64 {
        match moment {
            Moment::Measured(instant) => {
                let ago = self.instant.saturating_duration_since(instant).as_nanos();
                let ago = u64::try_from(ago).unwrap_or(u64::MAX);
                self.unix_nanoseconds.saturating_sub(ago)
            }
            Moment::Recorded(at) => {
                let milliseconds = u64::try_from(at.0).unwrap_or(0);
                milliseconds.saturating_mul(1_000_000)
            }
        }
    }

    /// A span, then its phases.
    fn family(&self, span: &Span) -> Vec<wire::Span> {
        let mut family = vec![self.whole(span)];
        for (index, phase) in (1_u64..).zip(&span.phases) {
            family.push(wire::Span {
                span_id: bytes(phase_id(span.context.span, index)),
                parent_span_id: bytes(span.context.span),
                name: phase.name.to_owned(),
                start_time_unix_nano: self.at(Moment::Measured(phase.began)),
                end_time_unix_nano: self.at(Moment::Measured(phase.ended)),
                ..placed(span, SpanKind::Internal)
            });
        }
        family
    }

    fn whole(&self, span: &Span) -> wire::Span {
        let began = self.at(span.began);
        let told = span.attributes.iter();
        let mut attributes: Vec<_> = told.map(|(name, value)| attribute(name, value)).collect();
        let status = span.error.as_ref().map(|error| {
            attributes.push(attribute("error.type", &error.as_str().into()));
            wire::Status {
                code: StatusCode::Error.into(),
                message: String::new(),
            }
        });
        wire::Span {
            span_id: bytes(span.context.span),
            parent_span_id: span.parent.map(bytes).unwrap_or_default(),
            name: cut(&span.name),
            start_time_unix_nano: began,
            // Clocks are set, and records round down.
            end_time_unix_nano: self.at(span.ended).max(began),
            attributes,
            status,
            ..placed(span, span.kind)
        }
    }
}

/// A span of the same trace, with nothing told of it yet.
fn placed(span: &Span, kind: SpanKind) -> wire::Span {
    let (kind, is_remote) = match kind {
        SpanKind::Server => (span::SpanKind::Server, span.parent.is_some()),
        SpanKind::Internal => (span::SpanKind::Internal, false),
    };
    let remote = if is_remote { IS_REMOTE } else { 0 };
    wire::Span {
        trace_id: span.context.trace.bits().to_be_bytes().into(),
        kind: kind.into(),
        flags: SAMPLED | KNOWS_REMOTE | remote,
        ..wire::Span::default()
    }
}

/// The id of a part of a span, which looks as random as that of the whole (SplitMix64's finalizer).
fn phase_id(span: SpanId, index: u64) -> SpanId {
    let mut bits = span
        .bits()
        .wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    SpanId::of(bits ^ (bits >> 31))
}

fn bytes(span: SpanId) -> Vec<u8> {
    span.bits().to_be_bytes().into()
}

fn attribute(name: &str, value: &Attribute) -> KeyValue {
    let value = match value {
        Attribute::Text(text) => any_value::Value::StringValue(cut(text)),
        Attribute::Number(number) => any_value::Value::IntValue(*number),
    };
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use asl::Timestamp;
    use ports::{Phase, TraceContext};

    use super::*;

    fn span(kind: SpanKind, began: Moment) -> Span {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        Span {
            context: TraceContext::parse(text).unwrap(),
            parent: Some(SpanId::of(7)),
            kind,
            name: "n".repeat(TEXT_CHARACTERS_MAX + 1),
            began,
            ended: Moment::Recorded(Timestamp(1_000)),
            attributes: vec![("n", Attribute::Number(7))],
            error: None,
            phases: Vec::new(),
        }
    }

    fn sent(span: Span) -> Vec<wire::Span> {
        let mut request = request(&resource("here"), &[span]);
        request.resource_spans.remove(0).scope_spans.remove(0).spans
    }

    #[test]
    fn a_parent_elsewhere_is_told_as_such_and_texts_are_cut() {
        let began = Moment::Recorded(Timestamp(1));
        for (kind, flags) in [(SpanKind::Server, 0x301), (SpanKind::Internal, 0x101)] {
            let sent = sent(span(kind, began));
            assert_eq!(sent[0].flags, flags);
            assert_eq!(sent[0].parent_span_id, [0, 0, 0, 0, 0, 0, 0, 7]);
            assert_eq!(sent[0].name.len(), TEXT_CHARACTERS_MAX);
            assert_eq!(sent[0].start_time_unix_nano, 1_000_000);
        }
        let mut root = span(SpanKind::Server, began);
        root.parent = None;
        let sent = sent(root);
        assert_eq!((sent[0].flags, sent[0].parent_span_id.len()), (0x101, 0));
    }

    #[test]
    fn nothing_ends_before_it_began() {
        let sent = sent(span(SpanKind::Internal, Moment::Recorded(Timestamp(2_000))));
        assert_eq!(sent[0].start_time_unix_nano, sent[0].end_time_unix_nano);
    }

    #[tokio::test]
    async fn phases_are_spans_of_their_own_below_it() {
        let began = Instant::now() - Duration::from_secs(3);
        let phase = |name| Phase {
            name,
            began,
            ended: began + Duration::from_secs(2),
        };
        let mut whole = span(SpanKind::Internal, Moment::Measured(began));
        whole.phases = vec![phase("admit"), phase("run")];
        assert_eq!(whole.count(), 3);
        let sent = sent(whole);
        assert_eq!(sent.len(), 3);
        let mut ids: Vec<_> = sent.iter().map(|span| span.span_id.clone()).collect();
        ids.dedup();
        assert_eq!(ids.len(), 3);
        for phase in &sent[1..] {
            assert_eq!(phase.parent_span_id, sent[0].span_id);
            assert_eq!(phase.trace_id, sent[0].trace_id);
            let took = phase.end_time_unix_nano - phase.start_time_unix_nano;
            assert_eq!(took, 2_000_000_000);
        }
    }
}
