//! The text that scrapers read: OpenMetrics 1.0 for those who ask for it, else Prometheus 0.0.4.

use std::fmt;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::registry::Registry;

const OPEN_METRICS: &str = "application/openmetrics-text";

/// How metrics are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The Prometheus text format 0.0.4.
    Prometheus,
}

impl Format {
    /// The format that an `Accept` header asks for.
    pub(crate) fn accepted(accept: &str) -> Self {
        match accept.contains(OPEN_METRICS) {
            true => Self::OpenMetrics,
            false => Self::Prometheus,
        }
    }

    /// The content type of the text.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Everything in `registries`, as text.
///
/// # Errors
/// A metric cannot be written down.
pub(crate) fn render(registries: &[&Registry], format: Format) -> Result<String, fmt::Error> {
    let mut text = String::new();
    for registry in registries {
        encode_registry(&mut text, registry)?;
    }
    match format {
        Format::OpenMetrics => {
            encode_eof(&mut text)?;
            Ok(text)
        }
        Format::Prometheus => Ok(in_prometheus(&text)),
    }
}

/// The same in the older format, in which a counter's suffix belongs to the metric's name.
fn in_prometheus(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let described = line.strip_prefix("# HELP ");
        let kind = lines.peek().and_then(|next| next.strip_prefix("# TYPE "));
        let counter = kind.and_then(|kind| kind.strip_suffix(" counter"));
        match (described, counter) {
            (Some(described), Some(name)) => {
                let help = described.strip_prefix(name).unwrap_or_default();
                shown.push_str(&format!(
                    "# HELP {name}_total{help}\n# TYPE {name}_total counter\n"
                ));
                lines.next();
            }
            _ => {
                shown.push_str(line);
                shown.push('\n');
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    #[test]
    fn each_scraper_gets_the_format_it_asks_for() {
        let mut registry = Registry::default();
        let counter: Counter = Counter::default();
        counter.inc();
        registry.register("cats", "Cats seen", counter);
        let render = |accept: &str| render(&[&registry], Format::accepted(accept)).unwrap();
        assert_eq!(
            render("application/openmetrics-text;version=1.0.0,text/plain;q=0.5"),
            "# HELP cats Cats seen.\n# TYPE cats counter\ncats_total 1\n# EOF\n"
        );
        assert_eq!(
            render("*/*"),
            "# HELP cats_total Cats seen.\n# TYPE cats_total counter\ncats_total 1\n"
        );
    }
}
