//! What a collector's answer means for the spans that were sent.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;

/// What came of one try to send spans.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The collector has them, but for these many that it does not want.
    Taken {
        /// How many it does not want.
        rejected: usize,
    },
    /// It may take them later.
    Later {
        /// Why, in one line.
        problem: String,
        /// How long it asks to be left alone.
        after: Option<Duration>,
    },
    /// It will not take them.
    Refused {
        /// Why, in one line.
        problem: String,
    },
}

/// What an answer means, as the OTLP specification has it.
pub(super) fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Sent {
    if status.is_success() {
        return Sent::Taken {
            rejected: rejected(body),
        };
    }
    let problem = format!("the collector answered with status {}", status.as_u16());
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            let after = headers
                .get(RETRY_AFTER)
                .and_then(|after| after.to_str().ok());
            let seconds = after.and_then(|after| after.trim().parse().ok());
            Sent::Later {
                problem,
                after: seconds.map(Duration::from_secs),
            }
        }
        _ => Sent::Refused { problem },
    }
}

/// How many spans a collector says that it did not want; none if its answer is no OTLP.
fn rejected(body: &[u8]) -> usize {
    let answer = ExportTraceServiceResponse::decode(body).unwrap_or_default();
    let partial = answer.partial_success.unwrap_or_default();
    usize::try_from(partial.rejected_spans).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    use super::*;

    fn check(status: u16, after: Option<&'static str>, body: &[u8]) -> Sent {
        let mut headers = HeaderMap::new();
        if let Some(after) = after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(after));
        }
        judge(StatusCode::from_u16(status).unwrap(), &headers, body)
    }

    #[test]
    fn a_collector_takes_all_or_some() {
        assert_eq!(check(200, None, b""), Sent::Taken { rejected: 0 });
        assert_eq!(check(202, None, b"<html>"), Sent::Taken { rejected: 0 });
        for (rejected_spans, rejected) in [(3, 3), (-3, 0)] {
            let answer = ExportTraceServiceResponse {
                partial_success: Some(ExportTracePartialSuccess {
                    rejected_spans,
                    error_message: "too old".to_owned(),
                }),
            };
            assert_eq!(
                check(200, None, &answer.encode_to_vec()),
                Sent::Taken { rejected }
            );
        }
    }

    #[test]
    fn it_is_asked_again_only_where_that_may_help() {
        for status in [429, 502, 503, 504] {
            let Sent::Later { after, .. } = check(status, Some("7"), b"x") else {
                panic!("{status}");
            };
            assert_eq!(after, Some(Duration::from_secs(7)));
        }
        for after in [None, Some("soon"), Some("-1")] {
            let Sent::Later { after, .. } = check(503, after, b"") else {
                panic!("{after:?}");
            };
            assert_eq!(after, None);
        }
        for status in [301, 400, 401, 404, 413, 500] {
            assert!(
                matches!(check(status, Some("7"), b""), Sent::Refused { .. }),
                "{status}"
            );
        }
    }
}
