//! `[logs]`: what is written to standard error, and how.

use document::{Node, Problems};
use tracing_subscriber::EnvFilter;

use super::text;

const FILTER: &str = "info";

/// What is written to standard error, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Logs {
    pub(crate) format: LogFormat,
    /// Such as `info,engine=debug`.
    pub(crate) filter: String,
}

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Text where people read, JSON where programs do.
    Auto,
    /// Text.
    Text,
    /// One JSON object per line.
    Json,
}

impl Logs {
    pub(super) fn read(section: Option<Node<'_>>, problems: &mut Problems) -> Option<Self> {
        let empty = serde_json::json!({});
        let section = section.unwrap_or(Node {
            value: &empty,
            pointer: "/logs".to_owned(),
        });
        let mut fields = section.object(problems)?;
        let format = match text(fields.optional("format"), "auto", problems)?.as_str() {
            "auto" => Some(LogFormat::Auto),
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            other => {
                let shown = other.escape_debug();
                let message = format!("`{shown}` is no format, use `auto`, `text` or `json`");
                problems.push("/logs/format", message);
                None
            }
        };
        let filter = text(fields.optional("filter"), FILTER, problems)?;
        let is_filter = EnvFilter::try_new(&filter)
            .map_err(|error| problems.push("/logs/filter", format!("not a filter: {error}")));
        fields.finish(problems);
        is_filter.ok()?;
        Some(Self {
            format: format?,
            filter,
        })
    }
}
