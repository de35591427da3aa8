//! What stands under a key: format, kind, checksum over key and content, then the content, packed
//! where that makes it smaller.
//!
//! Content above [`CONTENT_BYTES_MAX`] is kept in parts under keys of their own, with a
//! manifest under the key itself; parts that no manifest names do not exist.

use ports::StoreError;
use sled::IVec;

use crate::key;

/// The content as it is.
const PLAIN: u8 = 1;
/// The content as a block of LZ4, behind its length.
const PACKED: u8 = 2;
const HEADER_BYTES: usize = 6;

/// Content shorter than this is left as it is.
const PACKED_BYTES_MIN: usize = 192;

/// The most content kept under one key. A leaf of sled's tree holds up to 17 values and goes to
/// a file that is never synced once it passes a quarter of a segment, so that 31 times this
/// must fit there.
pub(crate) const CONTENT_BYTES_MAX: usize = 16 * 1024;

/// What a value is; a value of one kind under the key of another is damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Meta = 1,
    Record = 2,
    Execution = 3,
    Mark = 4,
    Name = 5,
    Document = 6,
    Blob = 7,
    Links = 8,
    Part = 9,
    Manifest = 10,
    /// A payload kept by its digest.
    Payload = 11,
    /// A record in pieces.
    LongRecord = 12,
    /// One of those pieces.
    Piece = 13,
}

/// What one key takes in the tree, its parts included.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: IVec,
    pub(crate) value: IVec,
    /// To be written before `value` is.
    pub(crate) parts: Vec<(IVec, IVec)>,
}

impl Entry {
    /// Wraps `content` for `key`, in parts where it is long.
    pub(crate) fn new(kind: Kind, key: Vec<u8>, content: &[u8]) -> Self {
        if content.len() <= CONTENT_BYTES_MAX {
            return Self {
                value: wrap(kind, &key, content),
                key: key.into(),
                parts: Vec::new(),
            };
        }
        let manifest = Manifest {
            kind: kind as u8,
            content_bytes: content.len() as u64,
            checksum: checksum([PLAIN, kind as u8], &key, content),
        };
        let parts: Vec<_> = (0_u32..)
            .zip(content.chunks(CONTENT_BYTES_MAX))
            .map(|(number, chunk)| {
                let part = key::part(&key, manifest.checksum, number);
                let value = wrap(Kind::Part, &part, chunk);
                (IVec::from(part), value)
            })
            .collect();
        Self {
            value: wrap(Kind::Manifest, &key, &manifest.to_bytes()),
            key: key.into(),
            parts,
        }
    }

    /// How much it adds to a write.
    pub(crate) fn bytes(&self) -> usize {
        let parts = self.parts.iter().map(|(_, value)| value.len());
        self.key.len() + self.value.len() + parts.sum::<usize>()
    }
}

/// The content under a key: itself, or where to find its parts.
pub(crate) enum Content {
    Whole(IVec),
    Parts(Manifest),
}

/// Says that content is kept in parts.
pub(crate) struct Manifest {
    kind: u8,
    pub(crate) content_bytes: u64,
    /// Of the whole content and its key.
    pub(crate) checksum: u32,
}

impl Manifest {
    /// How many parts there are.
    pub(crate) fn parts(&self) -> u32 {
        let parts = self.content_bytes.div_ceil(CONTENT_BYTES_MAX as u64);
        u32::try_from(parts).unwrap_or(u32::MAX)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.kind];
        bytes.extend_from_slice(&self.content_bytes.to_be_bytes());
        bytes.extend_from_slice(&self.checksum.to_be_bytes());
        bytes
    }

    /// The keys of the parts.
    pub(crate) fn keys<'a>(&self, of: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + use<'a> {
        let checksum = self.checksum;
        (0..self.parts()).map(move |number| key::part(of, checksum, number))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let ([kind], bytes) = bytes.split_first_chunk()?;
        let (length, checksum) = bytes.split_first_chunk()?;
        Some(Self {
            kind: *kind,
            content_bytes: u64::from_be_bytes(*length),
            checksum: u32::from_be_bytes(checksum.try_into().ok()?),
        })
    }
}

/// Wraps content that fits under one key.
pub(crate) fn wrap(kind: Kind, key: &[u8], content: &[u8]) -> IVec {
    let packed = pack(content);
    let (format, content) = match &packed {
        Some(packed) => (PACKED, packed.as_slice()),
        None => (PLAIN, content),
    };
    let kind = kind as u8;
    let mut value = Vec::with_capacity(HEADER_BYTES + content.len());
    value.extend_from_slice(&[format, kind]);
    value.extend_from_slice(&checksum([format, kind], key, content).to_be_bytes());
    value.extend_from_slice(content);
    value.into()
}

/// Unwraps what stands under `key`.
///
/// # Errors
/// It is not what was written there as `kind`.
pub(crate) fn unwrap(kind: Kind, key: &[u8], value: &IVec) -> Result<Content, StoreError> {
    let damaged = |problem: String| damaged(key, problem);
    let Some(([format, found, crc @ ..], content)) = value.split_first_chunk::<HEADER_BYTES>()
    else {
        return Err(damaged(format!("only {} bytes long", value.len())));
    };
    if ![PLAIN, PACKED].contains(format) {
        return Err(damaged(format!("has the unknown format {format}")));
    }
    if checksum([*format, *found], key, content).to_be_bytes() != *crc {
        return Err(damaged("does not match its checksum".to_owned()));
    }
    let content = match *format {
        PACKED => unpack(content).ok_or_else(|| damaged("cannot be unpacked".to_owned()))?,
        _ => value.subslice(HEADER_BYTES, content.len()),
    };
    let other_kind = |found: u8| damaged(format!("has kind {found} where {} belongs", kind as u8));
    if *found == kind as u8 {
        return Ok(Content::Whole(content));
    }
    if *found != Kind::Manifest as u8 {
        return Err(other_kind(*found));
    }
    match Manifest::parse(&content) {
        Some(manifest) if manifest.kind == kind as u8 => Ok(Content::Parts(manifest)),
        Some(manifest) => Err(other_kind(manifest.kind)),
        None => Err(damaged("has a malformed manifest".to_owned())),
    }
}

/// Content packed, where that is worth it: at least an eighth less.
fn pack(content: &[u8]) -> Option<Vec<u8>> {
    if content.len() < PACKED_BYTES_MIN {
        return None;
    }
    let packed = lz4_flex::block::compress_prepend_size(content);
    (packed.len() <= content.len() / 8 * 7).then_some(packed)
}

/// Content as it was before it was packed; nothing where it never was.
fn unpack(packed: &[u8]) -> Option<IVec> {
    let (length, block) = lz4_flex::block::uncompressed_size(packed).ok()?;
    // No more is ever packed, so that nothing can ask for more memory than that.
    if length > CONTENT_BYTES_MAX {
        return None;
    }
    let content = lz4_flex::block::decompress(block, length).ok()?;
    (content.len() == length).then(|| content.into())
}

/// Whether a value says that it is of this kind.
pub(crate) fn is_kind(value: &[u8], kind: Kind) -> bool {
    value.get(1) == Some(&(kind as u8))
}

/// The error for what stands under `key`.
pub(crate) fn damaged(key: &[u8], problem: impl Into<String>) -> StoreError {
    StoreError::Damaged {
        key: key::describe(key),
        problem: problem.into(),
    }
}

/// Of how it is laid out, its key and what stands there.
fn checksum(format_and_kind: [u8; 2], key: &[u8], content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&format_and_kind);
    hasher.update(&(key.len() as u64).to_be_bytes());
    hasher.update(key);
    hasher.update(content);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_single_bit_of_a_value_and_its_key_counts() {
        let value = wrap(Kind::Record, b"x/e-1", b"content");
        assert!(matches!(
            unwrap(Kind::Record, b"x/e-1", &value),
            Ok(Content::Whole(content)) if &*content == b"content"
        ));
        for bit in 0..value.len() * 8 {
            let mut flipped = value.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(
                unwrap(Kind::Record, b"x/e-1", &flipped.into()).is_err(),
                "bit {bit}"
            );
        }
        assert!(unwrap(Kind::Record, b"x/e-2", &value).is_err());
        assert!(unwrap(Kind::Document, b"x/e-1", &value).is_err());
        for length in 0..value.len() {
            assert!(unwrap(Kind::Record, b"x/e-1", &value.subslice(0, length)).is_err());
        }
    }

    fn content(value: &IVec) -> Option<Vec<u8>> {
        match unwrap(Kind::Record, b"k", value) {
            Ok(Content::Whole(content)) => Some(content.to_vec()),
            Ok(Content::Parts(_)) | Err(_) => None,
        }
    }

    #[test]
    fn content_that_repeats_itself_is_packed_and_every_bit_counts() {
        let text = br#"{"type":"TaskSucceeded","id":7}"#.repeat(20);
        let value = wrap(Kind::Record, b"k", &text);
        assert_eq!(value.first(), Some(&PACKED));
        assert!(value.len() < text.len() / 4);
        assert_eq!(content(&value), Some(text));
        for bit in 0..value.len() * 8 {
            let mut flipped = value.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(content(&flipped.into()), None, "bit {bit}");
        }
    }

    #[test]
    fn content_that_packing_makes_no_smaller_stays_as_it_is() {
        let mut random = fastrand::Rng::with_seed(7);
        let random: Vec<u8> = (0..1000).map(|_| random.u8(..)).collect();
        for plain in [&b"short"[..], &[7; PACKED_BYTES_MIN - 1], &random] {
            let value = wrap(Kind::Record, b"k", plain);
            assert_eq!(value.first(), Some(&PLAIN));
            assert_eq!(content(&value).as_deref(), Some(plain));
        }
    }

    #[test]
    fn what_says_that_it_unpacks_to_more_than_fits_under_a_key_is_damage() {
        let length = u32::try_from(CONTENT_BYTES_MAX + 1).unwrap();
        for packed in [
            length.to_le_bytes().to_vec(),
            u32::MAX.to_le_bytes().to_vec(),
            vec![1, 0],
            lz4_flex::block::compress_prepend_size(&vec![0; CONTENT_BYTES_MAX + 1]),
        ] {
            let mut value = vec![PACKED, Kind::Record as u8];
            let crc = checksum([PACKED, Kind::Record as u8], b"k", &packed);
            value.extend_from_slice(&crc.to_be_bytes());
            value.extend_from_slice(&packed);
            let error = unwrap(Kind::Record, b"k", &value.into()).err().unwrap();
            assert_eq!(
                error.to_string(),
                "damaged record at `k`: cannot be unpacked"
            );
        }
    }

    #[test]
    fn damage_is_named_by_its_key() {
        let error = unwrap(Kind::Record, b"x/e-1\0\x01", &IVec::from(b""))
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            "damaged record at `x/e-1\\x00\\x01`: only 0 bytes long"
        );
    }

    #[test]
    fn long_content_is_kept_in_parts() {
        let short = Entry::new(Kind::Blob, b"b/1".to_vec(), &vec![1; CONTENT_BYTES_MAX]);
        assert!(short.parts.is_empty());
        let long = Entry::new(Kind::Blob, b"b/1".to_vec(), &vec![1; CONTENT_BYTES_MAX + 1]);
        assert_eq!(long.parts.len(), 2);
        let Ok(Content::Parts(manifest)) = unwrap(Kind::Blob, b"b/1", &long.value) else {
            panic!("no manifest");
        };
        assert_eq!(
            (manifest.parts(), manifest.content_bytes as usize),
            (2, CONTENT_BYTES_MAX + 1)
        );
        assert!(unwrap(Kind::Record, b"b/1", &long.value).is_err());
    }
}
