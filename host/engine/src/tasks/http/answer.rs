//! What a Task is answered for its request, in the service's shapes.

use asl::{EventKind, TaskRun};
use ports::{EgressError, OutgoingResponse};
use serde_json::{Map, Value, json};

use super::{HttpRequest, is_json};
use crate::tasks::Failed;

/// Bytes of a response's body in a cause.
const CAUSE_BYTES_MAX: usize = 32 << 10;

impl HttpRequest {
    /// The event that the response is.
    pub(crate) fn answered(run: &TaskRun, response: &OutgoingResponse) -> EventKind {
        match answer(response) {
            Ok(output) => EventKind::TaskSucceeded {
                effect: run.effect,
                output,
            },
            Err(failed) => failed.into_event(run),
        }
    }

    /// The event that no response is.
    pub(crate) fn unanswered(&self, run: &TaskRun, error: &EgressError) -> EventKind {
        let (name, cause) = match error {
            EgressError::Refused { rule, reason } => (
                "Sluice.AccessDenied",
                format!(
                    "http `{}` was refused by rule `{rule}`: {reason}",
                    self.shown()
                ),
            ),
            EgressError::Unsendable(_) => ("States.Runtime", error.to_string()),
            EgressError::Unanswered(_) | EgressError::TimedOut { .. } => {
                ("States.Http.Socket", error.to_string())
            }
            EgressError::TooLong { .. } => ("Sluice.LimitExceeded", error.to_string()),
        };
        let error = name.to_owned();
        Failed { error, cause }.into_event(run)
    }
}

fn answer(response: &OutgoingResponse) -> Result<Value, Failed> {
    let status = response.status;
    if !(200..300).contains(&status) {
        return Err(Failed {
            error: format!("States.Http.StatusCode.{status}"),
            cause: cause(response),
        });
    }
    Ok(json!({
        "Headers": headers(response),
        "ResponseBody": body(response)?,
        "StatusCode": status,
        "StatusText": response.status_text,
    }))
}

/// The body as far as a cause may be long; what the status means where there is none.
fn cause(response: &OutgoingResponse) -> String {
    let text = String::from_utf8_lossy(&response.body);
    let end = text.floor_char_boundary(CAUSE_BYTES_MAX);
    match text.get(..end) {
        None | Some("") => response.status_text.clone(),
        Some(text) => text.to_owned(),
    }
}

/// Every header with all its values.
fn headers(response: &OutgoingResponse) -> Value {
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in &response.headers {
        let values = headers.entry(name.as_str()).or_insert_with(|| json!([]));
        if let Value::Array(values) = values {
            values.push(json!(value));
        }
    }
    Value::Object(headers)
}

fn body(response: &OutgoingResponse) -> Result<Value, Failed> {
    let unusable = |what: &str| Failed {
        error: "States.Runtime".to_owned(),
        cause: format!("the response cannot be used: {what}"),
    };
    let mut content_type = response
        .headers
        .iter()
        .filter(|(name, _)| name == "content-type")
        .map(|(_, value)| value.as_str());
    let content_type = content_type.next_back().unwrap_or_default();
    let lower = content_type.trim().to_ascii_lowercase();
    let is_binary = ["application/octet-stream", "image/", "video/", "audio/"]
        .iter()
        .any(|kind| lower.starts_with(kind));
    if is_binary {
        return Err(unusable("its content type is none of text"));
    }
    let Ok(text) = std::str::from_utf8(&response.body) else {
        return Err(unusable("its body is no text"));
    };
    match is_json(content_type) {
        true => Ok(serde_json::from_str(text).unwrap_or_else(|_| json!(text))),
        false => Ok(json!(text)),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn response(status: u16, kind: &str, body: &'static [u8]) -> OutgoingResponse {
        OutgoingResponse {
            status,
            status_text: "Told".to_owned(),
            headers: vec![
                ("content-type".to_owned(), kind.to_owned()),
                ("x-a".to_owned(), "1".to_owned()),
                ("x-a".to_owned(), "2".to_owned()),
            ],
            body: Bytes::from_static(body),
        }
    }

    #[test]
    fn a_response_is_told_with_every_header() {
        let told = answer(&response(
            201,
            "application/json; charset=utf-8",
            b"{\"a\":1}",
        ));
        let expected = json!({
            "Headers": {"content-type": ["application/json; charset=utf-8"], "x-a": ["1", "2"]},
            "ResponseBody": {"a": 1},
            "StatusCode": 201,
            "StatusText": "Told",
        });
        assert_eq!(told.unwrap(), expected);
    }

    #[test]
    fn only_json_is_parsed() {
        let told =
            |kind, bytes| answer(&response(200, kind, bytes)).unwrap()["ResponseBody"].clone();
        assert_eq!(told("text/plain", b"[1]"), "[1]");
        assert_eq!(told("", b"[1]"), "[1]");
        assert_eq!(told("application/problem+json", b"[1]"), json!([1]));
        assert_eq!(told("application/json", b"[1"), "[1");
        assert_eq!(told("application/json", b""), "");
    }

    #[test]
    fn what_is_no_text_cannot_be_used() {
        for (kind, body) in [
            ("image/png", b"text".as_slice()),
            ("Application/Octet-Stream", b"text"),
            ("text/plain", b"\xff"),
        ] {
            let failed = answer(&response(200, kind, body)).unwrap_err();
            assert_eq!(failed.error, "States.Runtime", "{kind}");
        }
    }

    #[test]
    fn a_status_that_is_no_success_is_an_error_with_the_body_as_its_cause() {
        for status in [100, 199, 301, 302, 404, 500, 599] {
            let failed = answer(&response(status, "application/json", b"{\"no\":1}")).unwrap_err();
            assert_eq!(failed.error, format!("States.Http.StatusCode.{status}"));
            assert_eq!(failed.cause, "{\"no\":1}");
        }
        assert_eq!(answer(&response(404, "", b"")).unwrap_err().cause, "Told");
        let long = vec![b'x'; CAUSE_BYTES_MAX + 1];
        let mut cut = response(500, "", b"");
        cut.body = long.into();
        assert_eq!(answer(&cut).unwrap_err().cause.len(), CAUSE_BYTES_MAX);
    }
}
