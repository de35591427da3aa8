//! One frame of the log: everything that one group of commits changes, under one checksum.
//!
//! `checksum | content length | number | content`, whole numbers with the most significant byte
//! first, padded to eight bytes. The checksum also covers the salt of the file it stands in, so
//! that nobody who chooses what is written can choose bytes that look like a frame.

use sled::IVec;

/// The bytes before the content.
pub(super) const HEADER_BYTES: usize = 16;
/// Frames begin at multiples of this.
pub(crate) const ALIGNMENT: usize = 8;

const REMOVE: u8 = 0;
const PUT: u8 = 1;

/// A file's own random bytes.
pub(crate) type Salt = [u8; 16];

/// What happens to one key: its value afterwards, or nothing.
pub(crate) type Change = (IVec, Option<IVec>);

/// A frame that is being put together.
pub(crate) struct FrameBuilder {
    bytes: Vec<u8>,
}

impl FrameBuilder {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; HEADER_BYTES],
        }
    }

    /// Adds a change.
    pub(crate) fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.bytes.push(if value.is_some() { PUT } else { REMOVE });
        self.push_text(key);
        if let Some(value) = value {
            self.push_text(value);
        }
    }

    /// The frame's bytes.
    pub(crate) fn finish(mut self, salt: &Salt, number: u64) -> Vec<u8> {
        let content = length(self.bytes.len() - HEADER_BYTES);
        let checksum = checksum(
            salt,
            number,
            self.bytes.get(HEADER_BYTES..).unwrap_or_default(),
        );
        let header = [
            checksum.to_be_bytes().as_slice(),
            &content.to_be_bytes(),
            &number.to_be_bytes(),
        ]
        .concat();
        self.bytes.splice(..HEADER_BYTES, header);
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
        self.bytes
    }

    /// How long the frame is so far.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len().next_multiple_of(ALIGNMENT)
    }

    fn push_text(&mut self, text: &[u8]) {
        self.bytes
            .extend_from_slice(&length(text.len()).to_be_bytes());
        self.bytes.extend_from_slice(text);
    }
}

/// A commit is limited far below this; a longer one would not match its checksum when read.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// What the first bytes of a frame say of it; nothing of it is checked.
pub(super) struct Claim {
    pub(super) checksum: u32,
    pub(super) content_bytes: usize,
    pub(super) number: u64,
}

impl Claim {
    /// What `bytes` begin with, and what follows that.
    pub(super) fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (checksum, rest) = bytes.split_first_chunk::<4>()?;
        let (content_bytes, rest) = rest.split_first_chunk::<4>()?;
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let claim = Self {
            checksum: u32::from_be_bytes(*checksum),
            content_bytes: usize::try_from(u32::from_be_bytes(*content_bytes)).ok()?,
            number: u64::from_be_bytes(*number),
        };
        Some((claim, rest))
    }
}

/// A frame in a file that was read.
pub(crate) struct Frame<'a> {
    pub(crate) number: u64,
    content: &'a [u8],
    /// What it takes in the file.
    pub(crate) bytes: usize,
}

impl<'a> Frame<'a> {
    /// The frame that `bytes` begin with, if they begin with one.
    pub(crate) fn parse(salt: &Salt, bytes: &'a [u8]) -> Option<Self> {
        let (claim, rest) = Claim::parse(bytes)?;
        let content = rest.get(..claim.content_bytes)?;
        let is_whole = checksum(salt, claim.number, content) == claim.checksum;
        is_whole.then(|| Self {
            number: claim.number,
            content,
            bytes: (HEADER_BYTES + claim.content_bytes).next_multiple_of(ALIGNMENT),
        })
    }

    /// Its changes, in order; nothing if they are not what [`FrameBuilder`] writes.
    pub(crate) fn changes(&self) -> Option<Vec<Change>> {
        let mut rest = self.content;
        let mut changes = Vec::new();
        while let Some((kind, behind)) = rest.split_first() {
            let (key, behind) = text(behind)?;
            let (value, behind) = match *kind {
                REMOVE => (None, behind),
                PUT => {
                    let (value, behind) = text(behind)?;
                    (Some(value), behind)
                }
                _ => return None,
            };
            changes.push((IVec::from(key), value.map(IVec::from)));
            rest = behind;
        }
        Some(changes)
    }
}

fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn checksum(salt: &Salt, number: u64, content: &[u8]) -> u32 {
    let mut hasher = before_content(salt, number, content.len());
    hasher.update(content);
    hasher.finalize()
}

/// What a frame's checksum covers before its content.
pub(super) fn before_content(salt: &Salt, number: u64, content_bytes: usize) -> crc32fast::Hasher {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(salt);
    hasher.update(&number.to_be_bytes());
    hasher.update(&(content_bytes as u64).to_be_bytes());
    hasher
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: Salt = [7; 16];

    fn frame() -> Vec<u8> {
        let mut frame = FrameBuilder::new();
        frame.push(b"key", Some(b"value"));
        frame.push(b"gone", None);
        frame.push(b"", Some(b""));
        frame.finish(&SALT, 9)
    }

    #[test]
    fn changes_read_back_in_order() {
        let bytes = frame();
        assert_eq!(bytes.len() % ALIGNMENT, 0);
        let frame = Frame::parse(&SALT, &bytes).unwrap();
        assert_eq!((frame.number, frame.bytes), (9, bytes.len()));
        let put = |key: &[u8], value: &[u8]| (IVec::from(key), Some(IVec::from(value)));
        assert_eq!(
            frame.changes().unwrap(),
            [
                put(b"key", b"value"),
                (IVec::from(b"gone"), None),
                put(b"", b"")
            ]
        );
    }

    #[test]
    fn every_bit_before_the_padding_counts_and_so_does_the_salt() {
        let whole = frame();
        let padding = whole.len() - (HEADER_BYTES + 8 + 4 + 5 + 5 + 4 + 9);
        for bit in 0..(whole.len() - padding) * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Frame::parse(&SALT, &flipped).is_none(), "bit {bit}");
        }
        assert!(Frame::parse(&[8; 16], &whole).is_none());
        assert!(Frame::parse(&SALT, &[0; 64]).is_none());
        for length in 0..whole.len() - padding {
            assert!(Frame::parse(&SALT, &whole[..length]).is_none());
        }
    }

    #[test]
    fn content_that_is_none_is_refused() {
        let mut frame = FrameBuilder::new();
        frame.bytes.extend_from_slice(&[2, 0, 0, 0, 0]);
        let bytes = frame.finish(&SALT, 1);
        assert!(Frame::parse(&SALT, &bytes).unwrap().changes().is_none());
    }
}
