//! The files of a folder as items, as the service lists the objects of a bucket.

use serde_json::{Value, json};

use super::{Collected, ItemLimits, Unreadable};
use crate::Timestamp;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// Its path, with `/` between the parts.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last written.
    pub modified_at: Timestamp,
}

/// The items that files are, in the order of their keys.
///
/// # Errors
/// There are more than the limits allow.
pub fn list(mut files: Vec<ListedFile>, limits: ItemLimits) -> Result<Vec<Value>, Unreadable> {
    files.sort_unstable_by(|left, right| left.key.cmp(&right.key));
    let mut collected = Collected::new(limits);
    collected.extend(files.into_iter().map(|file| {
        json!({
            "Etag": format!("\"{:x}-{:x}\"", file.modified_at.0, file.bytes),
            "Key": file.key,
            "LastModified": file.modified_at.0.div_euclid(1000),
            "Size": file.bytes,
            "StorageClass": "STANDARD",
        })
    }))?;
    Ok(collected.items)
}
