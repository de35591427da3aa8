//! Writing a backup, a few items at a time, from one moment of the store.

use std::collections::VecDeque;
use std::ops::Range;

use asl::ExecutionId;
use auth::names::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ports::{Backup, Hash, StoreError};
use sha2::Digest as _;
use sled::IVec;

use super::{BLOB_PART_BYTES, Heading, Item, VERSION, line};
use crate::entries::{Body, Entries, Order, complete, parse, read};
use crate::envelope::{Kind, damaged};
use crate::key;
use crate::ledger::stored_state;
use crate::links;
use crate::record::Opened;
use crate::standings;

/// Entries that are read at once.
const PAGE_ENTRIES: usize = 64;

/// So many bytes, and one line, are handed out at once at the most.
const CHUNK_BYTES: usize = 256 * 1024;

/// A backup being written. It holds on to the moment it was begun until it is dropped.
pub(crate) struct Export<E> {
    entries: E,
    /// What is still to be read, in this order.
    parts: VecDeque<(Part, Range<Vec<u8>>)>,
    /// What was read and is still to be written.
    page: VecDeque<(Part, IVec, IVec)>,
    /// What is written in part.
    begun: Option<Begun>,
    lines: u64,
    digest: sha2::Sha256,
    is_begun: bool,
    is_ended: bool,
}

#[derive(Clone, Copy)]
enum Part {
    Documents,
    Blobs,
    Payloads,
    Executions,
    Links,
}

/// Something of many lines, and where it goes on.
enum Begun {
    Blob {
        digest: Digest,
        content: Body,
        at: usize,
    },
    Records {
        id: ExecutionId,
        number: u32,
    },
}

impl<E: Entries> Export<E> {
    pub(crate) fn new(entries: E) -> Self {
        let parts = [
            (Part::Documents, key::all_documents()),
            (Part::Blobs, key::blobs()),
            (Part::Payloads, key::payloads()),
            (Part::Executions, key::executions()),
            (Part::Links, key::all_links()),
        ];
        Self {
            entries,
            parts: parts.into(),
            page: VecDeque::new(),
            begun: None,
            lines: 0,
            digest: sha2::Sha256::default(),
            is_begun: false,
            is_ended: false,
        }
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let mut bytes = Vec::new();
        if !std::mem::replace(&mut self.is_begun, true) {
            let heading = self.heading()?;
            self.push(&mut bytes, &heading)?;
            return Ok(Some(bytes));
        }
        while bytes.len() < CHUNK_BYTES {
            let goes_on = match self.begun.take() {
                Some(begun) => self.go_on(&mut bytes, begun),
                None => self.write_next(&mut bytes),
            };
            if !goes_on? {
                break;
            }
        }
        match bytes.is_empty() {
            true => self.end(),
            false => Ok(Some(bytes)),
        }
    }

    /// Writes the next entry, or the first lines of it; whether there was one.
    fn write_next(&mut self, bytes: &mut Vec<u8>) -> Result<bool, StoreError> {
        if let Some((part, key, value)) = self.page.pop_front() {
            self.write(bytes, part, (&key, &value))?;
            return Ok(true);
        }
        let Some((part, range)) = self.parts.pop_front() else {
            return Ok(false);
        };
        let page = self
            .entries
            .range(range.clone(), Order::Forward, PAGE_ENTRIES)?;
        if let Some((last, _)) = page.last().filter(|_| page.len() == PAGE_ENTRIES) {
            let rest = key::after(last.to_vec())..range.end;
            self.parts.push_front((part, rest));
        }
        let page = page.into_iter().map(|(key, value)| (part, key, value));
        self.page.extend(page);
        Ok(true)
    }

    fn go_on(&mut self, bytes: &mut Vec<u8>, begun: Begun) -> Result<bool, StoreError> {
        match begun {
            Begun::Blob {
                digest,
                content,
                at,
            } => self.write_blob_from(bytes, digest, content, at)?,
            Begun::Records { id, number } => self.write_records_from(bytes, id, number)?,
        }
        Ok(true)
    }

    fn heading(&self) -> Result<Item, StoreError> {
        let state = stored_state(&self.entries)?;
        let fence = read(&self.entries, Kind::Meta, key::HOST)?;
        let fence = fence.and_then(|fence| (*fence).try_into().ok());
        let fence = fence.map(u64::from_be_bytes);
        Ok(Item::SluiceBackup(Heading {
            version: VERSION,
            authority: state.authority.0,
            fence: fence.ok_or_else(|| damaged(key::HOST, "is missing"))?,
            audit: state.head.to_json(),
            anchor: state.anchor.to_json(),
        }))
    }

    fn end(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        if std::mem::replace(&mut self.is_ended, true) {
            return Ok(None);
        }
        let end = Item::End {
            lines: self.lines,
            sha256: hash(&self.digest),
        };
        line(&end).map(Some)
    }

    fn write(
        &mut self,
        bytes: &mut Vec<u8>,
        part: Part,
        (key, value): (&IVec, &IVec),
    ) -> Result<(), StoreError> {
        match part {
            Part::Documents => {
                let named = key::any_named(key);
                let named = named.ok_or_else(|| damaged(key, "is not a document's key"))?;
                let body = complete(&self.entries, Kind::Document, key, value)?;
                let body = body.parse(key)?;
                self.push(bytes, &Item::Document { key: named, body })
            }
            Part::Blobs => self.begin_blob((key, value)),
            Part::Payloads => self.write_payload(bytes, (key, value)),
            Part::Executions => self.write_execution(bytes, (key, value)),
            Part::Links => {
                let block = complete(&self.entries, Kind::Links, key, value)?;
                for link in links::parse(key, &block)? {
                    self.push(bytes, &Item::Link { body: link.body })?;
                }
                Ok(())
            }
        }
    }

    fn begin_blob(&mut self, (key, value): (&IVec, &IVec)) -> Result<(), StoreError> {
        let digest = digest_in(key)?;
        let content = complete(&self.entries, Kind::Blob, key, value)?;
        if Digest::of(&content) != digest {
            return Err(damaged(key, "does not have its digest"));
        }
        self.begun = Some(Begun::Blob {
            digest,
            content,
            at: 0,
        });
        Ok(())
    }

    fn write_blob_from(
        &mut self,
        bytes: &mut Vec<u8>,
        digest: Digest,
        content: Body,
        at: usize,
    ) -> Result<(), StoreError> {
        let Some(part) = content
            .get(at..)
            .and_then(|rest| rest.chunks(BLOB_PART_BYTES).next())
        else {
            return Ok(());
        };
        let blob = Item::Blob {
            digest: digest.clone(),
            bytes: content.len() as u64,
            base64: STANDARD.encode(part),
        };
        let at = at.saturating_add(part.len());
        self.push(bytes, &blob)?;
        self.begun = Some(Begun::Blob {
            digest,
            content,
            at,
        });
        Ok(())
    }

    /// One that nobody has any more is on its way out.
    fn write_payload(
        &mut self,
        bytes: &mut Vec<u8>,
        (key, value): (&IVec, &IVec),
    ) -> Result<(), StoreError> {
        let digest = digest_in(key)?;
        let owners = key::owners(&digest);
        if self.entries.range(owners, Order::Forward, 1)?.is_empty() {
            return Ok(());
        }
        let content = complete(&self.entries, Kind::Payload, key, value)?;
        let text = String::from_utf8(content.to_vec());
        let text = text.map_err(|_| damaged(key, "is not text"))?;
        if Digest::of(text.as_bytes()) != digest {
            return Err(damaged(key, "does not have its digest"));
        }
        self.push(bytes, &Item::Payload { digest, text })
    }

    fn write_execution(
        &mut self,
        bytes: &mut Vec<u8>,
        (key, value): (&IVec, &IVec),
    ) -> Result<(), StoreError> {
        let id = key::marked(key).ok_or_else(|| damaged(key, "does not name an execution"))?;
        let standing = complete(&self.entries, Kind::Execution, key, value)?;
        let (start, summary) = standings::split(key, &standing)?;
        let execution = Item::Execution {
            start: Box::new(parse(key, start)?),
            summary: parse(key, summary)?,
        };
        self.push(bytes, &execution)?;
        self.begun = Some(Begun::Records { id, number: 0 });
        Ok(())
    }

    fn write_records_from(
        &mut self,
        bytes: &mut Vec<u8>,
        id: ExecutionId,
        mut number: u32,
    ) -> Result<(), StoreError> {
        let range = key::records(&id, number);
        let page = self.entries.range(range, Order::Forward, PAGE_ENTRIES)?;
        let is_last = page.len() < PAGE_ENTRIES;
        for (key, value) in page {
            if bytes.len() >= CHUNK_BYTES {
                self.begun = Some(Begun::Records { id, number });
                return Ok(());
            }
            if key::record_number(&key) != Some(number) {
                return Err(damaged(&key::record(&id, number), "is missing"));
            }
            let record = Opened::new(&self.entries, &id, number, &value)?.unfilled()?;
            self.push(bytes, &Item::Record(Box::new(record)))?;
            number = number.saturating_add(1);
        }
        if !is_last {
            self.begun = Some(Begun::Records { id, number });
        }
        Ok(())
    }

    fn push(&mut self, bytes: &mut Vec<u8>, item: &Item) -> Result<(), StoreError> {
        let line = line(item)?;
        self.digest.update(&line);
        self.lines = self.lines.saturating_add(1);
        bytes.extend_from_slice(&line);
        Ok(())
    }
}

impl<E: Entries + Send> Backup for Export<E> {
    fn next_bytes(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        self.next()
    }
}

/// What was hashed so far, as text.
pub(super) fn hash(hasher: &sha2::Sha256) -> String {
    Hash(hasher.clone().finalize().into()).to_string()
}

fn digest_in(key: &[u8]) -> Result<Digest, StoreError> {
    key::digest(key).ok_or_else(|| damaged(key, "does not name a digest"))
}
