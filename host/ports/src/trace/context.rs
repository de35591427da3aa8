//! A place in a trace, and its text form.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

use serde::{Deserialize, Serialize};

/// The flag of W3C Trace Context that says that whoever called keeps the trace.
const SAMPLED: u8 = 1;

/// Names a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(NonZeroU128);

/// Names a span within its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanId(NonZeroU64);

/// A place in a trace: whatever follows from it stands under its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceContext {
    /// The trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
    /// Whether the trace is kept; if not, no span of it is collected.
    pub is_sampled: bool,
}

/// The text is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a `traceparent` of W3C Trace Context")]
pub struct NotTraceParent;

impl TraceId {
    /// The trace that these random bits name.
    pub fn of(bits: u128) -> Self {
        Self(NonZeroU128::new(bits).unwrap_or(NonZeroU128::MIN))
    }

    /// Its bits.
    pub fn bits(self) -> u128 {
        self.0.get()
    }
}

impl SpanId {
    /// The span that these random bits name.
    pub fn of(bits: u64) -> Self {
        Self(NonZeroU64::new(bits).unwrap_or(NonZeroU64::MIN))
    }

    /// Its bits.
    pub fn bits(self) -> u64 {
        self.0.get()
    }
}

impl TraceContext {
    /// Reads a `traceparent`. Of a later version what this one has is read, as the standard has it.
    ///
    /// # Errors
    /// The text is none.
    pub fn parse(text: &str) -> Result<Self, NotTraceParent> {
        Self::read(text).ok_or(NotTraceParent)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace) = (parts.next()?, parts.next()?);
        let (span, flags) = (parts.next()?, parts.next()?);
        let is_known = version == "00";
        let is_later = is_hex(version, 2) && !is_known && version != "ff";
        // Later versions may say more; this one does not.
        let is_whole = is_later || (is_known && parts.next().is_none());
        if !(is_whole && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2)) {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok()?;
        let span = u64::from_str_radix(span, 16).ok()?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Self {
            trace: TraceId(NonZeroU128::new(trace)?),
            span: SpanId(NonZeroU64::new(span)?),
            is_sampled: flags & SAMPLED == SAMPLED,
        })
    }

    /// Another place in the same trace.
    pub fn under(self, span: SpanId) -> Self {
        Self { span, ..self }
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == length && text.bytes().all(is_digit)
}

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

/// The `traceparent`: 55 characters.
impl fmt::Display for TraceContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.is_sampled);
        write!(formatter, "00-{}-{}-{flags:02x}", self.trace, self.span)
    }
}

impl TryFrom<String> for TraceContext {
    type Error = NotTraceParent;

    fn try_from(text: String) -> Result<Self, NotTraceParent> {
        Self::parse(&text)
    }
}

impl From<TraceContext> for String {
    fn from(context: TraceContext) -> Self {
        context.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn check(text: &str, expected: Option<&str>) {
        let text = text.replace("TRACE", TRACE);
        let found = TraceContext::parse(&text).ok();
        let expected = expected.map(|expected| expected.replace("TRACE", TRACE));
        assert_eq!(found.map(String::from), expected, "{text}");
    }

    #[test]
    fn a_well_formed_parent_is_read_and_written_as_version_00() {
        let plain = "00-TRACE-b7ad6b7169203331-01";
        check(plain, Some(plain));
        check("01-TRACE-b7ad6b7169203331-01-more", Some(plain));
        check("cc-TRACE-b7ad6b7169203331-03", Some(plain));
        let unsampled = "00-TRACE-b7ad6b7169203331-00";
        check(unsampled, Some(unsampled));
        check("00-TRACE-b7ad6b7169203331-02", Some(unsampled));
    }

    #[test]
    fn anything_else_is_none() {
        for malformed in [
            "",
            "TRACE",
            "00-TRACE-b7ad6b7169203331",
            "00-TRACE-b7ad6b7169203331-01-more",
            "00-TRACE-b7ad6b7169203331-01-",
            "ff-TRACE-b7ad6b7169203331-01",
            "00-TRACE-0000000000000000-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-TRACE-B7AD6B7169203331-01",
            "00-TRACE-b7ad6b7169203331-1",
            "00-TRACE\"-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            " 00-TRACE-b7ad6b7169203331-01",
        ] {
            check(malformed, None);
        }
    }

    #[test]
    fn a_stored_one_reads_back_and_a_damaged_one_is_refused() {
        let context = TraceContext {
            trace: TraceId::of(7),
            span: SpanId::of(0),
            is_sampled: true,
        };
        let stored = serde_json::to_string(&context).unwrap();
        assert_eq!(stored.len(), 57);
        assert_eq!(
            serde_json::from_str::<TraceContext>(&stored).unwrap(),
            context
        );
        assert!(serde_json::from_str::<TraceContext>("\"00-7-1-01\"").is_err());
    }
}
