//! `[telemetry]`: where traces are sent, and which.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use document::{Node, Problems};
use http::{HeaderName, HeaderValue};
use reqwest::Url;

use super::{Surroundings, number, text};

/// Where OTLP over HTTP takes traces, below the collector's address.
const TRACES: &str = "v1/traces";
const SERVICE_NAME: &str = "sluice";
const SERVICE_NAME_CHARACTERS_MAX: usize = 255;
const TIMEOUT_MS: u64 = 10_000;
const SPANS_WAITING_MAX: u64 = 8_192;
const HEADERS_MAX: usize = 32;
const HEADER_BYTES_MAX: u64 = 8_192;
/// Headers that say how a message is sent, which is not for a configuration to say.
const RESERVED: [&str; 7] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
];

/// Where traces are sent, and which.
#[derive(Clone, Debug)]
pub(crate) struct Telemetry {
    /// Where traces are sent; none if absent.
    pub(crate) collector: Option<Collector>,
    /// The share of traces kept of those that begin here, from 0 to 1.
    pub(crate) sample_ratio: f64,
    /// What this host is called.
    pub(crate) service_name: String,
    /// Spans that may wait to be sent; further ones are dropped.
    pub(crate) spans_waiting_max: usize,
}

/// Who takes traces.
#[derive(Clone, Debug)]
pub(crate) struct Collector {
    /// Where traces are posted.
    pub(crate) url: Url,
    /// Sent with each; the values show in no debug output.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// How long it may take to answer.
    pub(crate) timeout: Duration,
}

impl Collector {
    /// Whether whoever is on the way can read what is sent.
    pub(crate) fn is_in_the_clear(&self) -> bool {
        self.url.scheme() == "http" && !is_loopback(&self.url)
    }
}

impl Telemetry {
    pub(super) fn read(
        section: Option<Node<'_>>,
        surroundings: &Surroundings<'_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let empty = serde_json::json!({});
        let section = section.unwrap_or(Node {
            value: &empty,
            pointer: "/telemetry".to_owned(),
        });
        let mut fields = section.object(problems)?;
        let endpoint = fields.optional("endpoint");
        let url = endpoint.map(|node| endpoint_url(&node, problems));
        let files = fields.optional("header_files");
        let headers = headers(files, surroundings.base, problems);
        let ratio = fields.optional("sample_ratio");
        let sample_ratio = ratio.map_or(Some(1.0), |node| ratio_of(&node, problems));
        let service_name = service_name(fields.optional("service_name"), problems);
        let timeout = fields.optional("timeout_ms");
        let timeout_ms = number(timeout, TIMEOUT_MS, 100..=600_000, problems);
        let waiting = fields.optional("spans_waiting_max");
        let waiting = number(waiting, SPANS_WAITING_MAX, 1..=1_000_000, problems);
        fields.finish(problems);
        let (headers, timeout) = (headers?, Duration::from_millis(timeout_ms?));
        let collector = match url {
            Some(url) => Some(Collector {
                url: url?,
                headers,
                timeout,
            }),
            None => None,
        };
        Some(Self {
            collector,
            sample_ratio: sample_ratio?,
            service_name: service_name?,
            spans_waiting_max: usize::try_from(waiting?).unwrap_or(usize::MAX),
        })
    }
}

/// Where traces are posted, below the collector's address.
fn endpoint_url(node: &Node<'_>, problems: &mut Problems) -> Option<Url> {
    let text = node.string(problems)?;
    let problem = match Url::parse(text) {
        Err(_) => "not an address, use one such as `http://127.0.0.1:4318`",
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            "neither http nor https; OTLP over gRPC is not supported"
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            "a name or a password in an address can be seen, use `header_files`"
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            "leave out what follows the path"
        }
        Ok(url) if url.path().trim_end_matches('/').ends_with(TRACES) => {
            "leave out `/v1/traces`, it is added"
        }
        Ok(mut url) => {
            let path = format!("{}/{TRACES}", url.path().trim_end_matches('/'));
            url.set_path(&path);
            return Some(url);
        }
    };
    node.problem(problem, problems);
    None
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || address.is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Headers by name, each with what its file holds, but for the end of the line.
fn headers(
    files: Option<Node<'_>>,
    base: &Path,
    problems: &mut Problems,
) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let Some(files) = files else {
        return Some(Vec::new());
    };
    let entries = files.object(problems)?.entries();
    if entries.len() > HEADERS_MAX {
        files.problem(format!("more than {HEADERS_MAX} headers"), problems);
        return None;
    }
    let read = entries.iter().map(|(name, node)| {
        let file = node.string(problems)?;
        header(name, &base.join(file))
            .map_err(|problem| node.problem(problem, problems))
            .ok()
    });
    read.collect::<Vec<_>>().into_iter().collect()
}

/// One header; what its file holds is in no message.
fn header(name: &str, file: &Path) -> Result<(HeaderName, HeaderValue), String> {
    let shown = file.display();
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("`{}` is no name of a header", name.escape_debug()))?;
    if RESERVED.contains(&name.as_str()) {
        return Err(format!("header `{name}` is for the host to set"));
    }
    let metadata = std::fs::metadata(file);
    let metadata =
        metadata.map_err(|error| format!("the file `{shown}` cannot be read: {error}"))?;
    if !metadata.is_file() || metadata.len() > HEADER_BYTES_MAX {
        return Err(format!(
            "`{shown}` is not a file of at most {HEADER_BYTES_MAX} bytes"
        ));
    }
    let value = std::fs::read(file);
    let value = value.map_err(|error| format!("the file `{shown}` cannot be read: {error}"))?;
    let value = value.trim_ascii();
    if value.is_empty() {
        return Err(format!("the file `{shown}` is empty"));
    }
    let mut value = HeaderValue::from_bytes(value)
        .map_err(|_| format!("the file `{shown}` does not hold one line that a header can have"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn ratio_of(node: &Node<'_>, problems: &mut Problems) -> Option<f64> {
    let ratio = node.value.as_f64();
    let ratio = ratio.filter(|ratio| (0.0..=1.0).contains(ratio));
    if ratio.is_none() {
        node.problem("expected a number from 0 to 1", problems);
    }
    ratio
}

fn service_name(node: Option<Node<'_>>, problems: &mut Problems) -> Option<String> {
    let name = text(node, SERVICE_NAME, problems)?;
    let length = name.chars().count();
    if !(1..=SERVICE_NAME_CHARACTERS_MAX).contains(&length) || name.chars().any(char::is_control) {
        let message = format!("use 1 to {SERVICE_NAME_CHARACTERS_MAX} characters that can be seen");
        problems.push("/telemetry/service_name", message);
        return None;
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Mode;

    fn read(section: serde_json::Value, base: &Path) -> Result<Telemetry, Vec<String>> {
        let mut problems = Problems::default();
        let node = Node {
            value: &section,
            pointer: "/telemetry".to_owned(),
        };
        let surroundings = Surroundings {
            mode: Mode::Serve,
            base,
        };
        let telemetry = Telemetry::read(Some(node), &surroundings, &mut problems);
        let problems = problems.into_vec();
        telemetry
            .filter(|_| problems.is_empty())
            .ok_or_else(|| problems.iter().map(ToString::to_string).collect())
    }

    fn url(endpoint: &str) -> Option<String> {
        let telemetry = read(json!({"endpoint": endpoint}), Path::new("")).ok()?;
        telemetry.collector.map(|collector| collector.url.into())
    }

    #[test]
    fn traces_are_posted_below_the_endpoint() {
        for (endpoint, expected) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            (
                "https://otel.example/in",
                "https://otel.example/in/v1/traces",
            ),
        ] {
            assert_eq!(url(endpoint).as_deref(), Some(expected));
        }
        for refused in [
            "",
            "127.0.0.1:4318",
            "grpc://127.0.0.1:4317",
            "https://key:secret@otel.example",
            "https://otel.example?key=secret",
            "https://otel.example/v1/traces",
        ] {
            assert_eq!(url(refused), None, "{refused}");
        }
    }

    #[test]
    fn plain_http_beyond_this_machine_is_in_the_clear() {
        for (endpoint, expected) in [
            ("http://127.0.0.1:4318", false),
            ("http://[::1]:4318", false),
            ("http://localhost:4318", false),
            ("https://otel.example", false),
            ("http://otel.example:4318", true),
            ("http://10.0.0.7:4318", true),
        ] {
            let telemetry = read(json!({"endpoint": endpoint}), Path::new("")).unwrap();
            let collector = telemetry.collector.unwrap();
            assert_eq!(collector.is_in_the_clear(), expected, "{endpoint}");
        }
    }

    #[test]
    fn headers_come_from_files_and_their_values_are_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "a-secret\n").unwrap();
        std::fs::write(folder.path().join("two-lines"), "a-secret\nmore").unwrap();
        std::fs::write(folder.path().join("empty"), "\n").unwrap();
        let of = |files: serde_json::Value| {
            let section = json!({"endpoint": "http://127.0.0.1:4318", "header_files": files});
            read(section, folder.path())
        };
        let good = of(json!({"x-api-key": "key"})).unwrap();
        assert!(!format!("{good:?}").contains("a-secret"));
        let headers = good.collector.unwrap().headers;
        assert_eq!(headers[0].0, "x-api-key");
        assert_eq!(headers[0].1.as_bytes(), b"a-secret");
        for refused in [
            json!({"x-api-key": "absent"}),
            json!({"x-api-key": "two-lines"}),
            json!({"x-api-key": "empty"}),
            json!({"x-api-key": "."}),
            json!({"x api key": "key"}),
            json!({"content-type": "key"}),
            json!({"x-api-key": 7}),
        ] {
            let problems = of(refused.clone()).unwrap_err();
            assert_eq!(problems.len(), 1, "{refused}");
            assert!(!problems[0].contains("a-secret"), "{problems:?}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        for refused in [
            json!({"sample_ratio": 1.1}),
            json!({"sample_ratio": -0.1}),
            json!({"sample_ratio": "half"}),
            json!({"service_name": ""}),
            json!({"service_name": "a\nb"}),
            json!({"timeout_ms": 1}),
            json!({"spans_waiting_max": 0}),
            json!({"headers": {}}),
        ] {
            assert!(read(refused.clone(), Path::new("")).is_err(), "{refused}");
        }
        let fine = read(json!({"sample_ratio": 0}), Path::new("")).unwrap();
        assert_eq!(fine.sample_ratio, 0.0);
        assert!(fine.collector.is_none());
    }
}
