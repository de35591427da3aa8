//! The volumes of a server without a disk.

use std::collections::BTreeMap;
use std::sync::Mutex;

use asl::Timestamp;
use asl::items::ListedFile;
use async_trait::async_trait;
use auth::names::Name;
use bytes::Bytes;
use ports::{VolumeError, Volumes};
use serde_json::Value;

/// Files by volume and path; any volume is there.
#[derive(Default)]
pub(crate) struct MemoryVolumes {
    files: Mutex<BTreeMap<(String, String), Bytes>>,
    /// Paths in the order of their writing.
    pub(crate) written: Mutex<Vec<String>>,
    /// Whether writing fails.
    pub(crate) is_full: Mutex<bool>,
}

impl MemoryVolumes {
    pub(crate) fn put(&self, volume: &str, path: &str, content: &'static str) {
        let key = (volume.to_owned(), path.to_owned());
        self.files.lock().unwrap().insert(key, content.into());
    }

    pub(crate) fn text(&self, volume: &str, path: &str) -> String {
        let key = (volume.to_owned(), path.to_owned());
        let files = self.files.lock().unwrap();
        String::from_utf8(files[&key].to_vec()).unwrap()
    }

    pub(crate) fn json(&self, volume: &str, path: &str) -> Value {
        serde_json::from_str(&self.text(volume, path)).unwrap()
    }
}

#[async_trait]
impl Volumes for MemoryVolumes {
    async fn read(&self, volume: &Name, path: &str, bytes_max: u64) -> Result<Bytes, VolumeError> {
        let key = (volume.to_string(), path.to_owned());
        let found = self.files.lock().unwrap().get(&key).cloned();
        let found = found.ok_or_else(|| VolumeError::NotFound(path.to_owned()))?;
        match found.len() as u64 > bytes_max {
            true => Err(VolumeError::TooLarge(format!("`{path}` is too large"))),
            false => Ok(found),
        }
    }

    async fn list(
        &self,
        volume: &Name,
        prefix: &str,
        _files_max: usize,
    ) -> Result<Vec<ListedFile>, VolumeError> {
        let files = self.files.lock().unwrap();
        let below = files
            .iter()
            .filter(|((of, path), _)| of == volume.as_str() && path.starts_with(prefix));
        let listed = below.map(|((_, path), content)| ListedFile {
            key: path.clone(),
            bytes: content.len() as u64,
            modified_at: Timestamp(0),
        });
        Ok(listed.collect())
    }

    async fn write(&self, volume: &Name, path: &str, content: Bytes) -> Result<(), VolumeError> {
        if *self.is_full.lock().unwrap() {
            return Err(VolumeError::Io("the disk is full".into()));
        }
        let key = (volume.to_string(), path.to_owned());
        self.files.lock().unwrap().insert(key, content);
        self.written.lock().unwrap().push(path.to_owned());
        Ok(())
    }
}
