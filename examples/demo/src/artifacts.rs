//! The files a build would have left: artifacts, bills of materials and release manifests.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// How large an artifact is.
const ARTIFACT_BYTES: usize = 300 * 1024;

/// One release of one service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Release {
    /// The service.
    pub(crate) service: &'static str,
    /// Its version.
    pub(crate) version: &'static str,
}

/// A low-risk release.
pub(crate) const SEARCH: Release = Release {
    service: "search",
    version: "4.2.0",
};
/// A release whose artifact was changed after the build.
pub(crate) const CATALOGUE: Release = Release {
    service: "catalogue",
    version: "7.0.1",
};
/// A high-risk release: the policy lists the service, so it waits.
pub(crate) const PAYMENTS: Release = Release {
    service: "payments",
    version: "2026.11.1",
};
/// A release whose service is frozen.
pub(crate) const BILLING: Release = Release {
    service: "billing",
    version: "1.9.3",
};

/// Every release the release API knows.
pub(crate) const ALL: [Release; 4] = [SEARCH, CATALOGUE, PAYMENTS, BILLING];

impl Release {
    /// `service-version`.
    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.service, self.version)
    }

    /// The artifact's file name.
    pub(crate) fn artifact_file(&self) -> String {
        format!("{}.tar", self.name())
    }

    fn sbom_file(&self) -> String {
        format!("{}.sbom.json", self.name())
    }

    /// Writes artifact and bill of materials into `folder` and answers the release manifest.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn build(&self, folder: &Path) -> Result<Value> {
        let content = content(self.name().as_bytes());
        fs::write(folder.join(self.artifact_file()), &content)?;
        let sbom = json!({"components": [
            {"name": "serde", "version": "1.0.229", "licence": "MIT"},
            {"name": "tokio", "version": "1.54.0", "licence": "MIT"},
            {"name": "tzdata", "version": "2026b", "licence": "BSD-3-Clause"},
        ]});
        fs::write(folder.join(self.sbom_file()), sbom.to_string())?;
        Ok(json!({
            "artifact": {"file": self.artifact_file(), "sha256": sha256(&content), "bytes": content.len()},
            "sbom": self.sbom_file(),
        }))
    }

    /// Changes one byte of the artifact, as a broken disk or an intruder would.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn corrupt(&self, folder: &Path) -> Result<()> {
        let path = folder.join(self.artifact_file());
        let mut content = fs::read(&path)?;
        if let Some(byte) = content.get_mut(ARTIFACT_BYTES / 2) {
            *byte ^= 1;
        }
        fs::write(path, content)?;
        Ok(())
    }
}

/// Lower-case hexadecimal.
pub(crate) fn sha256(content: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(content) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Bytes that look random and follow from the seed.
fn content(seed: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(ARTIFACT_BYTES);
    let mut block = Sha256::digest(seed);
    while content.len() < ARTIFACT_BYTES {
        content.extend_from_slice(&block);
        block = Sha256::digest(block);
    }
    content.truncate(ARTIFACT_BYTES);
    content
}
