//! Compares an artifact's sha256 with the one its manifest lists.

use std::fs::File;
use std::io::{self, Read};

use sha2::{Digest, Sha256};
use sluice_step::{Failure, OrFail, step};

#[derive(serde::Deserialize)]
struct Input {
    artifact: Artifact,
}

#[derive(Debug, serde::Deserialize, serde::Serialize)]
struct Artifact {
    file: String,
    sha256: String,
    bytes: u64,
}

#[step(manifest = "manifest.toml")]
fn verify_checksum(input: Input) -> Result<Artifact, Failure> {
    let expected = input.artifact;
    let file =
        File::open(format!("/artifacts/{}", expected.file)).or_fail("Release.ArtifactMissing")?;
    let actual = measure(expected.file.clone(), file)?;
    println!(
        "{}: {} bytes, sha256 {}",
        actual.file, actual.bytes, actual.sha256
    );
    compare(&expected, actual)
}

fn measure(file: String, mut content: impl Read) -> io::Result<Artifact> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        let count = content.read(&mut buffer)?;
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else {
            break;
        };
        hasher.update(chunk);
        bytes += count as u64;
    }
    let digest = hasher.finalize();
    let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Artifact {
        file,
        sha256,
        bytes,
    })
}

fn compare(expected: &Artifact, actual: Artifact) -> Result<Artifact, Failure> {
    if actual.sha256.eq_ignore_ascii_case(&expected.sha256) && actual.bytes == expected.bytes {
        return Ok(actual);
    }
    let cause = format!(
        "`{}` has {} bytes and sha256 {}, its manifest lists {} bytes and {}",
        actual.file, actual.bytes, actual.sha256, expected.bytes, expected.sha256
    );
    Err(Failure::new("Release.ChecksumMismatch", cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn listed(sha256: &str, bytes: u64) -> Artifact {
        Artifact {
            file: "abc".to_owned(),
            sha256: sha256.to_owned(),
            bytes,
        }
    }

    #[test]
    fn an_artifact_as_listed_passes() {
        let actual = measure("abc".to_owned(), &b"abc"[..]).unwrap();
        assert_eq!(compare(&listed(ABC, 3), actual).unwrap().bytes, 3);
    }

    #[test]
    fn a_changed_artifact_is_refused() {
        for (content, listed) in [(&b"abd"[..], listed(ABC, 3)), (b"abc", listed(ABC, 4))] {
            let actual = measure("abc".to_owned(), content).unwrap();
            assert_eq!(
                compare(&listed, actual).unwrap_err().error,
                "Release.ChecksumMismatch"
            );
        }
    }
}
