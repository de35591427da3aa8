//! Blocks of audit links: what one group of commits sealed is kept as one value, so that the
//! log costs one key per write.

use ports::{Hash, Sealed, StoreError};

use crate::entries::Body;
use crate::envelope::{CONTENT_BYTES_MAX, Entry, Kind, damaged};
use crate::key;

/// Links that wait to be written.
#[derive(Default)]
pub(crate) struct LinkBlocks {
    closed: Vec<Entry>,
    first: u64,
    content: Vec<u8>,
}

impl LinkBlocks {
    /// Adds the next link.
    pub(crate) fn push(&mut self, link: &Sealed) {
        if !self.content.is_empty() && self.content.len() + link.body.len() > CONTENT_BYTES_MAX / 2
        {
            self.close();
        }
        if self.content.is_empty() {
            self.first = link.sequence;
            self.content.extend_from_slice(&link.previous.0);
        }
        self.content.extend_from_slice(&link.hash.0);
        self.content
            .extend_from_slice(&(link.body.len() as u64).to_be_bytes());
        self.content.extend_from_slice(link.body.as_bytes());
    }

    /// Every block.
    pub(crate) fn finish(mut self) -> Vec<Entry> {
        self.close();
        self.closed
    }

    fn close(&mut self) {
        if !self.content.is_empty() {
            let entry = Entry::new(Kind::Links, key::links(self.first), &self.content);
            self.closed.push(entry);
            self.content.clear();
        }
    }
}

/// The links of a block.
///
/// # Errors
/// The block is cut short or not text.
pub(crate) fn parse(key: &[u8], body: &Body) -> Result<Vec<Sealed>, StoreError> {
    let malformed = || damaged(key, "is not a block of links");
    let first = key
        .last_chunk()
        .copied()
        .map(u64::from_be_bytes)
        .ok_or_else(malformed)?;
    let (previous, mut rest) = body.split_first_chunk::<32>().ok_or_else(malformed)?;
    let mut previous = Hash(*previous);
    let mut links = Vec::new();
    while links.is_empty() || !rest.is_empty() {
        let sequence = first.saturating_add(links.len() as u64);
        let (link, behind) = next(rest, sequence, previous).ok_or_else(malformed)?;
        previous = link.hash;
        links.push(link);
        rest = behind;
    }
    Ok(links)
}

fn next(bytes: &[u8], sequence: u64, previous: Hash) -> Option<(Sealed, &[u8])> {
    let (hash, bytes) = bytes.split_first_chunk::<32>()?;
    let (length, bytes) = bytes.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
    let (body, bytes) = bytes.split_at_checked(length)?;
    let link = Sealed {
        sequence,
        previous,
        hash: Hash(*hash),
        body: std::str::from_utf8(body).ok()?.to_owned(),
    };
    Some((link, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope;

    fn links(bodies: &[&str]) -> Vec<Sealed> {
        let mut previous = Hash([0; 32]);
        let seal = |(sequence, body): (u64, &&str)| {
            let hash = Hash([sequence as u8; 32]);
            Sealed {
                sequence,
                previous: std::mem::replace(&mut previous, hash),
                hash,
                body: (*body).to_owned(),
            }
        };
        (1..).zip(bodies).map(seal).collect()
    }

    fn block(entry: &Entry) -> Body {
        let Ok(envelope::Content::Whole(content)) =
            envelope::unwrap(Kind::Links, &entry.key, &entry.value)
        else {
            panic!("not a whole block");
        };
        Body::Whole(content)
    }

    #[test]
    fn links_read_back_as_sealed() {
        let links = links(&["{}", "", "ä"]);
        let mut blocks = LinkBlocks::default();
        links.iter().for_each(|link| blocks.push(link));
        let entries = blocks.finish();
        assert_eq!(entries.len(), 1);
        assert_eq!(parse(&entries[0].key, &block(&entries[0])).unwrap(), links);
    }

    #[test]
    fn many_links_make_several_blocks() {
        let long = "x".repeat(CONTENT_BYTES_MAX / 3);
        let links = links(&[&long, &long, &long]);
        let mut blocks = LinkBlocks::default();
        links.iter().for_each(|link| blocks.push(link));
        let entries = blocks.finish();
        assert_eq!(entries.len(), 3);
        let read = entries
            .iter()
            .flat_map(|entry| parse(&entry.key, &block(entry)).unwrap());
        assert_eq!(read.collect::<Vec<_>>(), links);
    }

    #[test]
    fn a_block_cut_anywhere_inside_a_link_is_refused() {
        let mut blocks = LinkBlocks::default();
        links(&["{}", "{}"])
            .iter()
            .for_each(|link| blocks.push(link));
        let entry = blocks.finish().remove(0);
        let whole = block(&entry);
        for length in 0..whole.len() {
            let cut = Body::Joined(whole[..length].to_vec());
            let is_at_a_border = length == 32 + 42;
            assert_eq!(parse(&entry.key, &cut).is_ok(), is_at_a_border, "{length}");
        }
    }
}
