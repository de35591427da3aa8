//! Sealing: what exactly is hashed.

use ports::{Chain, Hash, Head, Sealed};
use sha2::{Digest, Sha256};

/// Keeps these hashes apart from every other use of SHA-256, and this format from later ones.
const DOMAIN: &[u8] = b"sluice audit link 1\0";

/// Chains records by SHA-256 over domain, sequence, previous hash, body length and body, with
/// numbers as 8 bytes, the most significant first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sha256Chain;

impl Chain for Sha256Chain {
    fn seal(&self, head: &Head, body: String) -> Sealed {
        let sequence = head.length.saturating_add(1);
        Sealed {
            sequence,
            previous: head.hash,
            hash: link_hash(sequence, &head.hash, &body),
            body,
        }
    }
}

pub(crate) fn link_hash(sequence: u64, previous: &Hash, body: &str) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(DOMAIN);
    hasher.update(sequence.to_be_bytes());
    hasher.update(previous.0);
    hasher.update((body.len() as u64).to_be_bytes());
    hasher.update(body.as_bytes());
    Hash(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashed_bytes_never_change() {
        let hash = link_hash(1, &Hash([0; 32]), "{}");
        assert_eq!(
            hash.to_string(),
            "sha256:f0ede196e279c83667505c8ef9bbc9ba2d9db925673a132ed6388c260c56239f"
        );
    }
}
