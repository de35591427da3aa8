//! Delimited text, quoted as RFC 4180 says; each row an object of texts.

use std::collections::BTreeSet;

use csv::{ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

use super::{Collected, Unreadable, text, unknown};

/// The most bytes of all headers together, as on the service.
const HEADER_BYTES_MAX: usize = 10 * 1024;
const DELIMITERS: [(&str, u8); 5] = [
    ("COMMA", b','),
    ("PIPE", b'|'),
    ("SEMICOLON", b';'),
    ("SPACE", b' '),
    ("TAB", b'\t'),
];

/// How rows are told apart and their fields named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    delimiter: u8,
    /// The first row holds them if they are not given.
    headers: Option<Vec<String>>,
}

impl Table {
    pub(super) fn parse(config: &Value) -> Result<Self, Unreadable> {
        let delimiter = match text(config, "CSVDelimiter")? {
            None => b',',
            Some(word) => match DELIMITERS.iter().find(|(known, _)| *known == word) {
                Some((_, delimiter)) => *delimiter,
                None => return unknown("CSVDelimiter", word, &DELIMITERS.map(|(word, _)| word)),
            },
        };
        let headers = match text(config, "CSVHeaderLocation")? {
            Some("FIRST_ROW") => None,
            Some("GIVEN") => Some(given(config)?),
            Some(other) => {
                return unknown("CSVHeaderLocation", other, &["FIRST_ROW", "GIVEN"]);
            }
            None => {
                let cause = "field CSVHeaderLocation is missing, give FIRST_ROW or GIVEN";
                return Err(Unreadable(cause.to_owned()));
            }
        };
        Ok(Self { delimiter, headers })
    }

    /// Reads row by row. Fields beyond the headers are left out, missing ones are empty, and so
    /// are lines without anything passed over.
    pub(super) fn rows(&self, content: &[u8], collected: &mut Collected) -> Result<(), Unreadable> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.delimiter)
            .from_reader(content);
        let mut row = StringRecord::new();
        let mut next = |row: &mut StringRecord| {
            let read = reader.read_record(row);
            read.map_err(|error| Unreadable(format!("the file is not delimited text: {error}")))
        };
        let headers = match &self.headers {
            Some(headers) => headers.clone(),
            None if !next(&mut row)? => return Ok(()),
            None => checked(row.iter().map(ToOwned::to_owned).collect())?,
        };
        while !collected.is_complete() && next(&mut row)? {
            collected.spend(headers.len().saturating_add(1))?;
            let field = |(index, header): (usize, &String)| {
                let text = row.get(index).unwrap_or_default();
                (header.clone(), Value::String(text.to_owned()))
            };
            let members: Map<_, _> = headers.iter().enumerate().map(field).collect();
            collected.push(Value::Object(members))?;
        }
        Ok(())
    }
}

fn given(config: &Value) -> Result<Vec<String>, Unreadable> {
    let headers = config.get("CSVHeaders").and_then(Value::as_array);
    let texts = headers.and_then(|headers| {
        let text = |header: &Value| header.as_str().map(ToOwned::to_owned);
        headers.iter().map(text).collect::<Option<Vec<_>>>()
    });
    match texts {
        Some(headers) if !headers.is_empty() => checked(headers),
        Some(_) | None => Err(Unreadable(
            "field CSVHeaders must be a list of strings where CSVHeaderLocation is GIVEN"
                .to_owned(),
        )),
    }
}

fn checked(headers: Vec<String>) -> Result<Vec<String>, Unreadable> {
    let bytes = headers.iter().map(String::len).sum::<usize>();
    if bytes > HEADER_BYTES_MAX {
        let cause = format!("the headers have {bytes} bytes, at most {HEADER_BYTES_MAX} are read");
        return Err(Unreadable(cause));
    }
    let mut known = BTreeSet::new();
    match headers.iter().all(|header| known.insert(header)) {
        true => Ok(headers),
        false => Err(Unreadable(
            "CSV headers cannot contain duplicates.".to_owned(),
        )),
    }
}
