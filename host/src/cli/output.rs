//! The only place that writes to standard output.

use std::io::{self, Write as _};

use clap::ValueEnum;
use serde_json::Value;

use super::CliError;

const CELL_CHARACTERS_MAX: usize = 100;

/// How answers are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// The host's own JSON, for programs.
    Json,
}

/// A column: its heading, and the JSON pointer of its cells.
pub(super) type Column = (&'static str, &'static str);

/// Writes answers in one format.
#[derive(Clone, Copy, Debug)]
pub(super) struct Printer {
    format: Format,
}

impl Printer {
    pub(super) fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether people read the answers.
    pub(super) fn is_for_people(self) -> bool {
        self.format == Format::Table
    }

    /// Writes text as it is.
    pub(super) fn text(text: &str) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        match stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
        {
            // Whoever reads has enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(CliError::Usage(format!(
                "standard output cannot be written: {error}"
            ))),
            Ok(()) => Ok(()),
        }
    }

    /// Writes one line for people; nothing where programs read.
    pub(super) fn note(self, line: &str) -> Result<(), CliError> {
        match self.format {
            Format::Table => Self::text(&format!("{}\n", visible(line))),
            Format::Json => Ok(()),
        }
    }

    /// Writes one object: a line per column, or its JSON.
    pub(super) fn object(self, object: &Value, columns: &[Column]) -> Result<(), CliError> {
        match self.format {
            Format::Json => Self::text(&format!("{object:#}\n")),
            Format::Table => {
                let width = columns
                    .iter()
                    .map(|(heading, _)| heading.len())
                    .max()
                    .unwrap_or(0);
                let lines = columns.iter().filter_map(|(heading, pointer)| {
                    let value = object.pointer(pointer).filter(|value| !value.is_null())?;
                    Some(format!("{heading:width$}  {}\n", visible(&plain(value))))
                });
                Self::text(&lines.collect::<String>())
            }
        }
    }

    /// Writes the list under `name`: a table row per item, or the whole answer as JSON.
    pub(super) fn list(
        self,
        answer: &Value,
        name: &str,
        columns: &[Column],
    ) -> Result<(), CliError> {
        match self.format {
            Format::Json => Self::text(&format!("{answer:#}\n")),
            Format::Table => {
                let rows = answer.get(name).and_then(Value::as_array);
                Self::text(&table(rows.map_or(&[], Vec::as_slice), columns))
            }
        }
    }

    /// Writes one item of a stream: a row without headings, or one line of JSON.
    pub(super) fn item(self, item: &Value, columns: &[Column]) -> Result<(), CliError> {
        match self.format {
            Format::Json => Self::text(&format!("{item}\n")),
            Format::Table => {
                let cells: Vec<_> = columns
                    .iter()
                    .map(|(_, pointer)| cell(item, pointer))
                    .collect();
                Self::text(&format!("{}\n", cells.join("  ").trim_end()))
            }
        }
    }
}

fn table(rows: &[Value], columns: &[Column]) -> String {
    let headings = columns
        .iter()
        .map(|(heading, _)| (*heading).to_owned())
        .collect();
    let mut lines: Vec<Vec<String>> = vec![headings];
    lines.extend(rows.iter().map(|row| {
        columns
            .iter()
            .map(|(_, pointer)| cell(row, pointer))
            .collect()
    }));
    let width = |index: usize| {
        let cells = lines.iter().filter_map(|line| line.get(index));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let padded = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        let joined = padded.collect::<Vec<_>>().join("  ");
        text.push_str(joined.trim_end());
        text.push('\n');
    }
    text
}

fn cell(row: &Value, pointer: &str) -> String {
    let text = row.pointer(pointer).map(plain).unwrap_or_default();
    let text = visible(&text);
    match text.char_indices().nth(CELL_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().map(plain).collect::<Vec<_>>().join(", ")
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Control characters are shown, never sent to a terminal.
pub(super) fn visible(text: &str) -> String {
    let show = |character: char| match character.is_control() {
        true => character.escape_default().collect::<String>(),
        false => character.to_string(),
    };
    text.chars().map(show).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            json!({"name": "a", "n": 1}),
            json!({"name": "longer", "n": null}),
        ];
        let text = table(&rows, &[("NAME", "/name"), ("N", "/n")]);
        assert_eq!(text, "NAME    N\na       1\nlonger\n");
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(
            cell(&json!({"error": "a\u{1b}[2Jb"}), "/error"),
            "a\\u{1b}[2Jb"
        );
        let long = "ä".repeat(500);
        assert_eq!(
            cell(&json!([long]), "/0").chars().count(),
            CELL_CHARACTERS_MAX + 1
        );
    }
}
