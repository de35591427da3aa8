//! What the service's own client libraries add to an answer, and how they word an error.

use asl::{EffectId, ExecutionId, Timestamp};
use auth::names::Digest;
use serde_json::{Map, Value, json};

use super::Failed;

/// The service's name of an error, and what it says.
pub(super) struct ServiceError {
    /// As in `StepFunctions.StateMachineDoesNotExistException`.
    pub(super) prefix: &'static str,
    /// As in `AWSStepFunctions`.
    pub(super) service: &'static str,
    /// The HTTP status.
    pub(super) status: u16,
    /// As in `StateMachineDoesNotExist`.
    pub(super) code: &'static str,
    /// What it says.
    pub(super) message: String,
}

impl ServiceError {
    /// The error as an optimized integration tells it.
    pub(super) fn into_failed(self, request: &str) -> Failed {
        let Self {
            service,
            status,
            code,
            ref message,
            ..
        } = self;
        Failed {
            error: self.name(),
            cause: format!(
                "{message} (Service: {service}; Status Code: {status}; Error Code: {code}; Request ID: {request}; Proxy: null)"
            ),
        }
    }

    /// The error as an `aws-sdk` integration tells it.
    pub(super) fn into_sdk_failed(self, request: &str) -> Failed {
        let Self {
            service,
            status,
            ref message,
            ..
        } = self;
        Failed {
            error: self.name(),
            cause: format!(
                "{message} (Service: {service}, Status Code: {status}, Request ID: {request})"
            ),
        }
    }

    fn name(&self) -> String {
        let code = self.code.strip_suffix("Exception").unwrap_or(self.code);
        format!("{}.{code}Exception", self.prefix)
    }
}

/// A request id: the same for every performance of the same effect.
pub(crate) fn request_id(execution: &ExecutionId, effect: EffectId) -> String {
    let digest = Digest::of(format!("{execution} {}", effect.0).as_bytes());
    let digits = digest.as_str().trim_start_matches("sha256:");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-4{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

/// `SdkHttpMetadata` and `SdkResponseMetadata` of an answer with these headers besides the usual.
pub(super) fn members(
    request: &str,
    at: Timestamp,
    (content_type, body_bytes): (&str, usize),
    more: &[(&str, &str)],
) -> Map<String, Value> {
    let length = body_bytes.to_string();
    let date = http_date(at);
    let mut headers = vec![
        ("Content-Length", length.as_str()),
        ("Content-Type", content_type),
        ("Date", date.as_str()),
        ("connection", "keep-alive"),
        ("x-amzn-RequestId", request),
    ];
    headers.extend_from_slice(more);
    let each: Map<_, _> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let all: Map<_, _> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!([value])))
        .collect();
    let http = json!({"AllHttpHeaders": all, "HttpHeaders": each, "HttpStatusCode": 200});
    let response = json!({"RequestId": request});
    let members = [("SdkHttpMetadata", http), ("SdkResponseMetadata", response)];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// `Thu, 18 Apr 2024 06:27:01 GMT`.
fn http_date(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = at.to_rfc3339();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let days = at.0.div_euclid(86_400_000).rem_euclid(7);
    let day = usize::try_from(days).ok().and_then(|day| DAYS.get(day));
    let month = part(5, 7).parse::<usize>().ok();
    let month = month.and_then(|month| MONTHS.get(month.checked_sub(1)?));
    let (day, month) = (day.unwrap_or(&"Thu"), month.unwrap_or(&"Jan"));
    let (date, year, time) = (part(8, 10), part(0, 4), part(11, 19));
    format!("{day}, {date} {month} {year} {time} GMT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_told_as_in_a_header() {
        let at = Timestamp::parse("2024-04-18T06:27:01.500Z").unwrap();
        assert_eq!(http_date(at), "Thu, 18 Apr 2024 06:27:01 GMT");
        let at = Timestamp::parse("1969-12-31T00:00:00Z").unwrap();
        assert_eq!(http_date(at), "Wed, 31 Dec 1969 00:00:00 GMT");
    }

    #[test]
    fn an_error_is_told_in_two_ways() {
        let error = || ServiceError {
            prefix: "StepFunctions",
            service: "AWSStepFunctions",
            status: 400,
            code: "StateMachineDoesNotExist",
            message: "State Machine Does Not Exist: 'x'".to_owned(),
        };
        let failed = error().into_failed("r");
        assert_eq!(
            failed.error,
            "StepFunctions.StateMachineDoesNotExistException"
        );
        assert_eq!(
            failed.cause,
            "State Machine Does Not Exist: 'x' (Service: AWSStepFunctions; Status Code: 400; Error Code: StateMachineDoesNotExist; Request ID: r; Proxy: null)"
        );
        assert_eq!(
            error().into_sdk_failed("r").cause,
            "State Machine Does Not Exist: 'x' (Service: AWSStepFunctions, Status Code: 400, Request ID: r)"
        );
    }
}
