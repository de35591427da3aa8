//! Reading entries, from whatever keeps them.

use std::ops::{Deref, Range};

use bytes::Bytes;
use ports::StoreError;
use serde::de::DeserializeOwned;
use sled::IVec;

use crate::envelope::{self, Content, Kind, damaged};
use crate::key;

/// In which order a range is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Forward,
    Backward,
}

/// The tree as far as it is durable.
pub(crate) trait Entries {
    /// What stands under a key.
    fn entry(&self, key: &[u8]) -> Result<Option<IVec>, StoreError>;

    /// The first entries of a range, at most `limit`.
    fn range(
        &self,
        range: Range<Vec<u8>>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(IVec, IVec)>, StoreError>;
}

/// The content of one key, put together again if it was kept in parts.
pub(crate) enum Body {
    Whole(IVec),
    Joined(Vec<u8>),
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Whole(content) => content,
            Self::Joined(content) => content,
        }
    }
}

impl Body {
    /// The content as bytes of its own.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Whole(content) => Bytes::copy_from_slice(&content),
            Self::Joined(content) => content.into(),
        }
    }

    /// The content as a JSON document.
    pub(crate) fn parse<T: DeserializeOwned>(&self, key: &[u8]) -> Result<T, StoreError> {
        parse(key, self)
    }
}

/// Parses content that is JSON.
pub(crate) fn parse<T: DeserializeOwned>(key: &[u8], content: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(content)
        .map_err(|error| damaged(key, format!("cannot be read: {error}")))
}

/// Reads the content under a key.
pub(crate) fn read(
    entries: &impl Entries,
    kind: Kind,
    key: &[u8],
) -> Result<Option<Body>, StoreError> {
    let value = entries.entry(key)?;
    value
        .map(|value| complete(entries, kind, key, &value))
        .transpose()
}

/// Unwraps a value that was read, and reads its parts if it has any.
pub(crate) fn complete(
    entries: &impl Entries,
    kind: Kind,
    key: &[u8],
    value: &IVec,
) -> Result<Body, StoreError> {
    let manifest = match envelope::unwrap(kind, key, value)? {
        Content::Whole(content) => return Ok(Body::Whole(content)),
        Content::Parts(manifest) => manifest,
    };
    let mut joined = Vec::new();
    for number in 0..manifest.parts() {
        let part = key::part(key, manifest.checksum, number);
        let Some(value) = entries.entry(&part)? else {
            return Err(damaged(key, format!("part {number} is missing")));
        };
        let Content::Whole(content) = envelope::unwrap(Kind::Part, &part, &value)? else {
            return Err(damaged(&part, "is a manifest of parts"));
        };
        joined.extend_from_slice(&content);
    }
    if joined.len() as u64 != manifest.content_bytes {
        let problem = format!(
            "has {} bytes where {} belong",
            joined.len(),
            manifest.content_bytes
        );
        return Err(damaged(key, problem));
    }
    Ok(Body::Joined(joined))
}
