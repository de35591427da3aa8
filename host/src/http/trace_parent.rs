//! The trace that a caller's request belongs to (W3C Trace Context, `traceparent`).

use http::{HeaderMap, HeaderName};

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// The trace id of a request, if its one `traceparent` is well formed; anything else is as if
/// it were not there.
pub(super) fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(TRACE_PARENT).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let mut parts = value.to_str().ok()?.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let (parent, flags) = (parts.next()?, parts.next()?);
    // Later versions may say more; this one does not.
    let is_ended = version != "00" || parts.next().is_none();
    let is_well_formed = is_hex(version, 2)
        && version != "ff"
        && is_id(trace, 32)
        && is_id(parent, 16)
        && is_hex(flags, 2);
    (is_ended && is_well_formed).then_some(trace)
}

fn is_id(text: &str, length: usize) -> bool {
    is_hex(text, length) && text.bytes().any(|byte| byte != b'0')
}

fn is_hex(text: &str, length: usize) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == length && text.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn check(values: &[&str], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = value.replace("TRACE", TRACE);
            headers.append(TRACE_PARENT, HeaderValue::from_str(&value).unwrap());
        }
        assert_eq!(trace_id(&headers), expected, "{values:?}");
    }

    #[test]
    fn exactly_one_well_formed_parent_is_read() {
        check(&["00-TRACE-b7ad6b7169203331-01"], Some(TRACE));
        check(&["01-TRACE-b7ad6b7169203331-01-more"], Some(TRACE));
        for malformed in [
            "",
            "TRACE",
            "00-TRACE-b7ad6b7169203331-01-more",
            "ff-TRACE-b7ad6b7169203331-01",
            "00-TRACE-0000000000000000-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-TRACE-B7AD6B7169203331-01",
            "00-TRACE-b7ad6b7169203331-1",
            "00-TRACE\"-b7ad6b7169203331-01",
        ] {
            check(&[malformed], None);
        }
        let good = "00-TRACE-b7ad6b7169203331-01";
        check(&[good, good], None);
        check(&[], None);
    }
}
