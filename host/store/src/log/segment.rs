//! One file of the log: a header, then frames with consecutive numbers, then zeros or what was
//! there before the file was used again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::frame::Salt;
use super::recovery::Current;

const MAGIC: &[u8; 8] = b"sluicelg";
const VERSION: u32 = 1;
/// Magic, version, number of the first frame, salt, checksum; the rest is zeros.
pub(crate) const HEADER_BYTES: usize = 64;

/// How much of a file is filled with zeros ahead of the frames, so that syncing a frame has to
/// write nothing but the frame.
const ZEROED_AHEAD: u64 = 1 << 20;

/// The file that is written to.
pub(super) struct Segment {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) salt: Salt,
    /// Where the next frame goes.
    end: u64,
    /// How much of the file has its place on the disk.
    placed: u64,
}

/// The name of the file whose first frame has this number.
pub(super) fn name(first: u64) -> String {
    format!("{first:016x}.log")
}

/// The name of a file once it is to be written anew.
pub(super) fn spare_of(path: &Path) -> PathBuf {
    path.with_extension("spare")
}

/// Whether a file's name is one of [`spare_of`].
pub(super) fn is_spare(name: &str) -> bool {
    name.ends_with(".spare")
}

/// The number in a file's name.
pub(super) fn first_in(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    (digits.len() == 16)
        .then(|| u64::from_str_radix(digits, 16).ok())
        .flatten()
}

/// First frame and salt, as a file's header says.
pub(super) fn header(bytes: &[u8]) -> Option<(u64, Salt)> {
    let (covered, checksum) = bytes.get(..40)?.split_at_checked(36)?;
    let (magic, rest) = covered.split_first_chunk::<8>()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let (first, salt) = rest.split_first_chunk::<8>()?;
    let is_whole = magic == MAGIC
        && u32::from_be_bytes(*version) == VERSION
        && crc32fast::hash(covered).to_be_bytes() == checksum;
    is_whole.then_some((u64::from_be_bytes(*first), salt.try_into().ok()?))
}

impl Segment {
    /// Makes a file for frames from `first` on, out of `spare` if there is one. It is not synced.
    ///
    /// # Errors
    /// The file cannot be made or has no room; there is no such file then.
    pub(super) fn create(
        folder: &Path,
        first: u64,
        salt: Salt,
        spare: Option<&Path>,
    ) -> io::Result<Self> {
        let path = folder.join(name(first));
        if let Some(spare) = spare {
            fs::rename(spare, &path)?;
        }
        let made = Self::make(&path, first, salt);
        if made.is_err() {
            // A file without a header would be taken for one that was being made.
            let _ = fs::remove_file(&path);
        }
        made
    }

    fn make(path: &Path, first: u64, salt: Salt) -> io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        let placed = file.metadata()?.len();
        let mut segment = Self {
            file,
            path: path.to_owned(),
            salt,
            end: HEADER_BYTES as u64,
            placed,
        };
        segment.make_room(0)?;
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&VERSION.to_be_bytes());
        header.extend_from_slice(&first.to_be_bytes());
        header.extend_from_slice(&salt);
        header.extend_from_slice(&crc32fast::hash(&header).to_be_bytes());
        segment.write_at(0, &header)?;
        Ok(segment)
    }

    /// Goes on with a file that was recovered. Its last frame is written again: where the sync
    /// of it failed, the system may show what it never wrote, and would not write it by itself.
    /// What is before it was synced before it was written. It is not synced.
    ///
    /// # Errors
    /// It cannot be opened or written.
    pub(super) fn reopen(current: Current) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).open(&current.path)?;
        let placed = file.metadata()?.len();
        let mut segment = Self {
            file,
            end: current.end(),
            path: current.path,
            salt: current.salt,
            placed,
        };
        segment.write_at(current.last_at, &current.last)?;
        Ok(segment)
    }

    /// Where the frames end.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Whether so many more bytes have their place on the disk.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        self.end.saturating_add(bytes) <= self.placed
    }

    /// Gives so many more bytes their place on the disk; nothing of a frame is written.
    ///
    /// # Errors
    /// There is no room.
    pub(super) fn make_room(&mut self, bytes: u64) -> io::Result<()> {
        let wanted = self.end.saturating_add(bytes);
        let zeros = vec![0; ZEROED_AHEAD as usize];
        while self.placed < wanted.max(ZEROED_AHEAD) {
            self.write_at(self.placed, &zeros)?;
            self.placed = self.placed.saturating_add(ZEROED_AHEAD);
        }
        Ok(())
    }

    /// Writes a frame behind the last one; it counts once it is synced and [`Self::advance`]d over.
    ///
    /// # Errors
    /// The file cannot be written; what it holds there is open.
    pub(super) fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        self.write_at(self.end, frame)
    }

    pub(super) fn advance(&mut self, bytes: u64) {
        self.end = self.end.saturating_add(bytes);
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(bytes)
    }
}
