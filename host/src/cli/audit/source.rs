//! Where links of an audit log are read from: a host, an export file, or a data folder.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;

use audit::{from_line, from_wire};
use ports::{Archive, Hash, Head, Sealed};
use serde_json::Value;

use crate::assemble;
use crate::cli::CliError;
use crate::cli::client::Client;

const PAGE: usize = 1000;
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A log, read page by page.
pub(super) struct Source {
    from: From,
    after: u64,
    anchor: Option<Head>,
    head: Option<Head>,
    is_done: bool,
}

enum From {
    Host(Box<Client>),
    File(BufReader<File>),
    Folder(Arc<dyn Archive>),
}

/// A link, or why what stands in its place is none.
pub(super) type Link = Result<Sealed, String>;

impl Source {
    /// The log of a host, over HTTP.
    pub(super) fn host(client: Client) -> Self {
        Self::new(From::Host(Box::new(client)))
    }

    /// An exported file.
    pub(super) fn file(path: &Path) -> Result<Self, CliError> {
        let file = File::open(path).map_err(|error| {
            CliError::Usage(format!("`{}` cannot be read: {error}", path.display()))
        })?;
        Ok(Self::new(From::File(BufReader::new(file))))
    }

    /// The log in a data folder that no host holds.
    pub(super) async fn folder(path: &Path) -> Result<Self, CliError> {
        Ok(Self::new(From::Folder(assemble::archive(path).await?)))
    }

    fn new(from: From) -> Self {
        Self {
            from,
            after: 0,
            anchor: None,
            head: None,
            is_done: false,
        }
    }

    /// What the log begins behind, as far as pages were read; of length 0 if nothing is missing.
    pub(super) fn anchor(&self) -> Option<Head> {
        self.anchor
    }

    /// Where the log ends, as far as its keeper has said; an export file does not say.
    pub(super) fn head(&self) -> Option<Head> {
        self.head
    }

    /// The next links; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<VecDeque<Link>>, CliError> {
        if self.is_done {
            return Ok(None);
        }
        let links = match &mut self.from {
            From::Host(client) => {
                let page = host_page(client, self.after).await?;
                self.head = Some(page.head);
                self.anchor = Some(page.anchor);
                self.is_done = page.is_last;
                page.links
            }
            From::Folder(archive) => {
                let page = archive.audit(self.after, PAGE).await.map_err(|error| {
                    CliError::Refused(format!("the log cannot be read: {error}"))
                })?;
                self.head = Some(page.head);
                self.anchor = Some(page.anchor);
                self.is_done = page.links.len() < PAGE;
                page.links.into_iter().map(Ok).collect()
            }
            From::File(file) => {
                let links = file_page(file)?;
                self.is_done = links.len() < PAGE;
                // A file says where it begins by its first record alone.
                self.anchor = self.anchor.or_else(|| begins_behind(links.front()));
                links
            }
        };
        let begin = self.anchor.map_or(0, |anchor| anchor.length);
        let read = links.len() as u64;
        self.after = self.after.max(begin).saturating_add(read);
        Ok(Some(links))
    }
}

/// Reading the log over HTTP adds to it, so that the end is where the host says, page by page.
async fn host_page(client: &Client, after: u64) -> Result<HostPage, CliError> {
    let (after, limit) = (after.to_string(), PAGE.to_string());
    let query = [("after", after.as_str()), ("maxResults", limit.as_str())];
    let page = client.get(&["v1", "audit"], &query).await?;
    let strange = || CliError::Unreachable("the answer is not a page of an audit log".to_owned());
    let records = page
        .get("records")
        .and_then(Value::as_array)
        .ok_or_else(strange)?;
    let links = records
        .iter()
        .map(|record| from_wire(record).map_err(|error| error.to_string()));
    let end = |name: &str| {
        page.get(name)
            .map(|end| Head::parse(end).ok_or_else(strange))
    };
    let anchor = end("anchor").transpose()?;
    Ok(HostPage {
        links: links.collect(),
        anchor: anchor.unwrap_or(NOTHING),
        head: end("head").ok_or_else(strange)??,
        is_last: page.get("nextToken").is_none(),
    })
}

struct HostPage {
    links: VecDeque<Link>,
    anchor: Head,
    head: Head,
    is_last: bool,
}

/// What a log begins behind that has all its records.
const NOTHING: Head = Head {
    length: 0,
    hash: Hash([0; 32]),
};

/// What comes before a record.
fn begins_behind(first: Option<&Link>) -> Option<Head> {
    let first = first?.as_ref().ok()?;
    Some(Head {
        length: first.sequence.checked_sub(1)?,
        hash: first.previous,
    })
}

fn file_page(file: &mut BufReader<File>) -> Result<VecDeque<Link>, CliError> {
    let mut links = VecDeque::new();
    while links.len() < PAGE {
        let mut line = String::new();
        let read = file.by_ref().take(LINE_BYTES_MAX).read_line(&mut line);
        let read =
            read.map_err(|error| CliError::Usage(format!("the file cannot be read: {error}")))?;
        if read == 0 {
            break;
        }
        links.push_back(from_line(line.trim_end_matches(['\r', '\n'])).map_err(|e| e.to_string()));
    }
    Ok(links)
}
