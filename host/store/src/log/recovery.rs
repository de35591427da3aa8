//! Reading the log when a store opens: every frame that the base lacks, or what is wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ports::StoreError;

use super::frame::{ALIGNMENT, Change, Frame, Salt};
use super::segment::{self, HEADER_BYTES};
use crate::folder::{failed_at, sync_name_of};

/// What a log holds.
pub(crate) struct Recovered {
    /// The number of the next frame.
    pub(super) next: u64,
    /// The file that goes on, if there is one: where its frames end.
    pub(super) current: Option<(PathBuf, Salt, u64)>,
    /// Earlier files, by the number of the first frame behind each.
    pub(super) closed: Vec<(u64, PathBuf)>,
}

/// Reads the frames behind `applied` in order and hands each change to `replay`.
///
/// # Errors
/// A frame that was durable is missing or damaged; the folder cannot be read.
pub(crate) fn recover(
    folder: &Path,
    applied: u64,
    mut replay: impl FnMut(Change),
) -> Result<Recovered, StoreError> {
    let made = fs::create_dir_all(folder).and_then(|()| sync_name_of(folder));
    made.map_err(|error| failed_at(folder, &error))?;
    let files = files(folder)?;
    let mut recovered = Recovered {
        next: applied.saturating_add(1),
        current: None,
        closed: Vec::new(),
    };
    let mut behind = files.keys().skip(1).copied().map(Some).chain([None]);
    for (first, path) in &files {
        let next_file = behind.next().flatten();
        // The base has every frame of a file that another one follows before what it lacks.
        if let Some(next_file) = next_file.filter(|next| *next <= recovered.next) {
            recovered.closed.push((next_file, path.clone()));
            continue;
        }
        recovered.read_file(path, (*first, next_file), &mut replay)?;
    }
    Ok(recovered)
}

impl Recovered {
    /// Where the frames of the last file end.
    #[cfg(test)]
    pub(crate) fn end(&self) -> Option<u64> {
        self.current.as_ref().map(|(_, _, end)| *end)
    }

    fn read_file(
        &mut self,
        path: &Path,
        (first, next_file): (u64, Option<u64>),
        replay: &mut impl FnMut(Change),
    ) -> Result<(), StoreError> {
        let bytes = fs::read(path).map_err(|error| failed_at(path, &error))?;
        let header = segment::header(&bytes).filter(|(found, _)| *found == first);
        let Some(header) = header else {
            // A file that was being made when the host died holds no frame yet.
            return match next_file {
                None => Ok(()),
                Some(_) => Err(damaged(path, "its header does not match its checksum")),
            };
        };
        if first > self.next {
            let problem = format!(
                "frames {} to {} are missing before it",
                self.next,
                first - 1
            );
            return Err(damaged(path, problem));
        }
        let mut number = first;
        let mut end = HEADER_BYTES;
        while let Some(frame) =
            frame_at(&header.1, &bytes, end).filter(|frame| frame.number == number)
        {
            if number >= self.next {
                let changes = frame.changes();
                let changes = changes
                    .ok_or_else(|| damaged(path, format!("frame {number} cannot be read")))?;
                changes.into_iter().for_each(&mut *replay);
            }
            number = number.saturating_add(1);
            end = end.saturating_add(frame.bytes);
        }
        if let Some(later) = later_frame(&header.1, &bytes, end, number) {
            let problem = format!(
                "frame {number} at byte {end} does not match its checksum, and frame {later} follows it"
            );
            return Err(damaged(path, problem));
        }
        if let Some(next_file) = next_file.filter(|next| *next != number) {
            let problem = format!(
                "frame {number} at byte {end} does not match its checksum, and frame {next_file} follows it"
            );
            return Err(damaged(path, problem));
        }
        self.next = self.next.max(number);
        match next_file {
            Some(next_file) => self.closed.push((next_file, path.to_owned())),
            None if number < self.next => self.closed.push((self.next, path.to_owned())),
            None => self.current = Some((path.to_owned(), header.1, end as u64)),
        }
        Ok(())
    }
}

fn files(folder: &Path) -> Result<BTreeMap<u64, PathBuf>, StoreError> {
    let failed = |error: std::io::Error| failed_at(folder, &error);
    let mut files = BTreeMap::new();
    for file in fs::read_dir(folder).map_err(failed)? {
        let file = file.map_err(failed)?;
        if let Some(first) = file.file_name().to_str().and_then(segment::first_in) {
            files.insert(first, file.path());
        }
    }
    Ok(files)
}

fn frame_at<'a>(salt: &Salt, bytes: &'a [u8], at: usize) -> Option<Frame<'a>> {
    Frame::parse(salt, bytes.get(at..)?)
}

/// A frame behind `end`, where none may be: what follows a torn frame was never durable.
fn later_frame(salt: &Salt, bytes: &[u8], end: usize, expected: u64) -> Option<u64> {
    let starts = (end..bytes.len()).step_by(ALIGNMENT);
    let mut later = starts
        .filter_map(|at| frame_at(salt, bytes, at))
        .map(|frame| frame.number);
    later.find(|number| *number > expected)
}

fn damaged(path: &Path, problem: impl Into<String>) -> StoreError {
    StoreError::Damaged {
        key: path.display().to_string(),
        problem: problem.into(),
    }
}
