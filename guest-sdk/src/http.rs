//! Outgoing HTTP, blocking, over `wasi:http/outgoing-handler`.
//!
//! Owns requests, responses and the error names that `Retry` and `Catch` see. It does not know
//! which origins are granted: a refused request comes back as [`HttpError::Denied`].

mod error;
mod transport;
mod url;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::HttpError;

/// The most body bytes a response may have unless the request says otherwise: 4 MiB.
pub const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One request, built up and then sent.
///
/// ```no_run
/// # fn post(order: &[u8]) -> Result<(), sluice_step::Failure> {
/// use sluice_step::http::Request;
///
/// let response = Request::post("https://orders.internal:8443/v1/orders")
///     .header("idempotency-key", "7f3a")
///     .json(&order)
///     .send()?
///     .error_for_status()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Result<Vec<u8>, HttpError>,
    timeout: Option<Duration>,
    response_bytes_max: usize,
}

impl Request {
    /// A request with any method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Ok(Vec::new()),
            timeout: None,
            response_bytes_max: RESPONSE_BYTES_MAX,
        }
    }

    /// A `GET` request.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A `POST` request.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// A `PUT` request.
    pub fn put(url: impl Into<String>) -> Self {
        Self::new("PUT", url)
    }

    /// A `DELETE` request.
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new("DELETE", url)
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Ok(bytes.into());
        self
    }

    /// Sets the body to `value` as JSON, and the content type with it.
    pub fn json(mut self, value: &impl Serialize) -> Self {
        self.body = serde_json::to_vec(value)
            .map_err(|error| HttpError::InvalidRequest(format!("the body is not JSON: {error}")));
        self.header("content-type", "application/json")
    }

    /// Bounds connecting, and the wait for the response and for each part of it; without it
    /// the attempt's own deadline is the only bound.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the most body bytes the response may have.
    pub fn response_bytes_max(mut self, bytes: usize) -> Self {
        self.response_bytes_max = bytes;
        self
    }

    /// Sends the request and waits for the whole response, whatever its status.
    ///
    /// # Errors
    /// As [`HttpError`] says; a status of 400 and above is none, see [`Response::error_for_status`].
    pub fn send(self) -> Result<Response, HttpError> {
        transport::send(self)
    }
}

/// A whole response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers in the order sent, names in lower case; a value that is not text is left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Turns a status of 400 and above into an error.
    ///
    /// # Errors
    /// [`HttpError::Status`] with the beginning of the body.
    pub fn error_for_status(self) -> Result<Self, HttpError> {
        if self.status < 400 {
            return Ok(self);
        }
        let excerpt = self.body.get(..EXCERPT_BYTES_MAX).unwrap_or(&self.body);
        Err(HttpError::Status {
            status: self.status,
            excerpt: String::from_utf8_lossy(excerpt).into_owned(),
        })
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`HttpError::InvalidResponse`] with the place.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        let mut deserializer = serde_json::Deserializer::from_slice(&self.body);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            HttpError::InvalidResponse(format!(
                "the body does not fit at `{}`: {}",
                error.path(),
                error.inner()
            ))
        })
    }
}

/// How much of an error response goes into the failure's cause.
const EXCERPT_BYTES_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16) -> Response {
        Response {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: br#"{"count": "x"}"#.to_vec(),
        }
    }

    #[test]
    fn only_errors_among_statuses_are_errors() {
        assert!(response(204).error_for_status().is_ok());
        assert!(response(302).error_for_status().is_ok());
        let error = response(503).error_for_status().unwrap_err();
        assert_eq!(error.error_name(), "Http.StatusCode.503");
        assert!(error.to_string().contains("count"), "{error}");
    }

    #[test]
    fn a_body_of_another_shape_is_refused_with_its_place() {
        #[derive(Debug, serde::Deserialize)]
        struct Body {
            #[expect(dead_code, reason = "only its type matters")]
            count: u8,
        }
        let error = response(200).json::<Body>().unwrap_err();
        assert!(error.to_string().contains("`count`"), "{error}");
    }

    #[test]
    fn headers_are_found_whatever_their_case() {
        assert_eq!(
            response(200).header("Content-Type"),
            Some("application/json")
        );
        assert_eq!(response(200).header("etag"), None);
    }

    #[test]
    fn outside_a_host_there_is_no_network() {
        let error = Request::get("http://127.0.0.1:1/").send().unwrap_err();
        assert!(
            error.to_string().contains("outside a Sluice host"),
            "{error}"
        );
    }
}
