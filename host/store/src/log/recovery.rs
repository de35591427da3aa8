//! Reading the log when a store opens: every frame that the base lacks, or what is wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ports::StoreError;

use super::frame::{Change, Frame, Salt};
use super::leftovers::later_frame;
use super::segment::{self, HEADER_BYTES};
use crate::folder::{failed_at, sync_name_of};

/// What a log holds.
pub(crate) struct Recovered {
    /// The number of the next frame.
    pub(super) next: u64,
    /// The file that goes on, if there is one.
    pub(super) current: Option<Current>,
    /// Earlier files, by the number of the first frame behind each.
    pub(super) closed: Vec<(u64, PathBuf)>,
    /// Files to be written anew.
    pub(super) spares: Vec<PathBuf>,
}

/// The file that goes on.
pub(super) struct Current {
    pub(super) path: PathBuf,
    pub(super) salt: Salt,
    /// Where its last frame stands, or its header if it has none.
    pub(super) last_at: u64,
    pub(super) last: Vec<u8>,
}

impl Current {
    /// Where its frames end.
    pub(super) fn end(&self) -> u64 {
        self.last_at.saturating_add(self.last.len() as u64)
    }
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
    let (files, spares) = files(folder)?;
    let mut recovered = Recovered {
        next: applied.saturating_add(1),
        current: None,
        closed: Vec::new(),
        spares,
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
        self.current.as_ref().map(Current::end)
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
        let mut last_at = 0;
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
            last_at = end;
            end = end.saturating_add(frame.bytes);
        }
        let leftovers = bytes.get(end..).unwrap_or_default();
        if let Some(later) = later_frame(&header.1, leftovers, number) {
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
            None => {
                self.current = Some(Current {
                    path: path.to_owned(),
                    salt: header.1,
                    last_at: last_at as u64,
                    last: bytes.get(last_at..end).unwrap_or_default().to_vec(),
                });
            }
        }
        Ok(())
    }
}

type Files = (BTreeMap<u64, PathBuf>, Vec<PathBuf>);

/// The files with frames by the number of the first, and the spare ones.
fn files(folder: &Path) -> Result<Files, StoreError> {
    let failed = |error: std::io::Error| failed_at(folder, &error);
    let (mut files, mut spares) = Files::default();
    for file in fs::read_dir(folder).map_err(failed)? {
        let path = file.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(first) = name.and_then(segment::first_in) {
            files.insert(first, path);
        } else if name.is_some_and(segment::is_spare) {
            spares.push(path);
        }
    }
    Ok((files, spares))
}

fn frame_at<'a>(salt: &Salt, bytes: &'a [u8], at: usize) -> Option<Frame<'a>> {
    Frame::parse(salt, bytes.get(at..)?)
}

fn damaged(path: &Path, problem: impl Into<String>) -> StoreError {
    StoreError::Damaged {
        key: path.display().to_string(),
        problem: problem.into(),
    }
}
