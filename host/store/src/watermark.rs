//! How far the store was durable, kept beside sled.
//!
//! Sled takes the first unreadable message of its log for the end of it, so that a flipped bit
//! would silently undo what was acknowledged later. The number of audit links that were durable
//! is therefore noted in a file of its own, after each write. It is synced only when the store
//! closes: after a power cut it may be behind the log, and is never ahead of it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::folder::sync_name_of;

/// Two places, a disk sector each, written in turn: one of them is whole at any time.
const SLOT_BYTES: u64 = 512;
const MARK_BYTES: usize = 12;

/// The file with the number of links.
pub(crate) struct Watermark {
    file: File,
    next_slot: u64,
}

impl Watermark {
    /// Opens or creates the file; hands out the number in it.
    ///
    /// # Errors
    /// It cannot be read, or neither place holds a number.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, u64)> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)?;
        let mut content = Vec::new();
        Read::by_ref(&mut file)
            .take(2 * SLOT_BYTES)
            .read_to_end(&mut content)?;
        let links = match content.is_empty() {
            true => 0,
            false => content
                .chunks(SLOT_BYTES as usize)
                .filter_map(parse)
                .max()
                .ok_or_else(|| {
                    io::Error::other("does not hold a number that matches its checksum")
                })?,
        };
        let mut watermark = Self { file, next_slot: 0 };
        // Both places, so that the file has its full size from the start.
        watermark.note(links)?;
        watermark.note(links)?;
        // Its size must not outlive its content in a power cut.
        watermark.file.sync_all()?;
        sync_name_of(path)?;
        Ok((watermark, links))
    }

    /// Notes that this many links are durable.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn note(&mut self, links: u64) -> io::Result<()> {
        self.file
            .seek(SeekFrom::Start(self.next_slot * SLOT_BYTES))?;
        self.file.write_all(&mark(links))?;
        self.next_slot = 1 - self.next_slot;
        Ok(())
    }

    /// Makes the number survive a power cut.
    ///
    /// # Errors
    /// The file cannot be synced.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn mark(links: u64) -> Vec<u8> {
    let number = links.to_be_bytes();
    [number.as_slice(), &crc32fast::hash(&number).to_be_bytes()].concat()
}

fn parse(slot: &[u8]) -> Option<u64> {
    let number = slot.first_chunk()?;
    let links = u64::from_be_bytes(*number);
    (slot.get(..MARK_BYTES)? == mark(links)).then_some(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reopen(path: &Path) -> io::Result<u64> {
        Watermark::open(path).map(|(_, links)| links)
    }

    #[test]
    fn the_last_number_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("watermark");
        assert_eq!(reopen(&path).unwrap(), 0);
        for links in [1, 7, 8, u64::MAX] {
            Watermark::open(&path).unwrap().0.note(links).unwrap();
            assert_eq!(reopen(&path).unwrap(), links);
        }
    }

    #[test]
    fn a_torn_write_leaves_the_number_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("watermark");
        let (mut watermark, _) = Watermark::open(&path).unwrap();
        (5..8).for_each(|links| watermark.note(links).unwrap());
        let whole = std::fs::read(&path).unwrap();
        let tear = |places: &[usize]| {
            let mut torn = whole.clone();
            places.iter().for_each(|place| torn[*place] ^= 1);
            std::fs::write(&path, torn).unwrap();
            reopen(&path)
        };
        assert_eq!(tear(&[0]).unwrap(), 6);
        assert_eq!(tear(&[512 + 11]).unwrap(), 7);
        assert!(tear(&[3, 512 + 3]).is_err());
        std::fs::write(&path, "short").unwrap();
        assert!(reopen(&path).is_err());
    }
}
