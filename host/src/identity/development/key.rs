//! The development issuer's signing key, kept in a file of its own.

use std::path::Path;

use auth::names::Digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::DevelopmentError;
use crate::private_file;
use crate::secret::Secret;

/// The JOSE name of the algorithm.
pub(super) const ALGORITHM: &str = "ES256";
const COORDINATE_BYTES: usize = 32;
/// An uncompressed point begins with this byte (SEC 1 section 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// A key pair on P-256.
pub(super) struct SigningKey {
    pair: EcdsaKeyPair,
    id: String,
    x: String,
    y: String,
}

impl SigningKey {
    /// Reads the key in `path`, or makes one and stores it there.
    pub(super) fn load_or_make(path: &Path) -> Result<Self, DevelopmentError> {
        let shown = || path.display().to_string();
        let file = |source| DevelopmentError::File {
            path: shown(),
            source,
        };
        let document = match std::fs::read(path) {
            Ok(document) => document,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let made = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new());
                let made = made.map_err(|_| DevelopmentError::Key(shown()))?;
                private_file::write(path, made.as_ref()).map_err(file)?;
                made.as_ref().to_vec()
            }
            Err(error) => return Err(file(error)),
        };
        Self::from_pkcs8(&document).ok_or_else(|| DevelopmentError::Key(shown()))
    }

    fn from_pkcs8(document: &[u8]) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document).ok()?;
        let point = pair.public_key().as_ref();
        let (x, y) = match point.split_first()? {
            (&UNCOMPRESSED, rest) if rest.len() == 2 * COORDINATE_BYTES => {
                rest.split_at_checked(COORDINATE_BYTES)?
            }
            _ => return None,
        };
        Some(Self {
            id: Digest::of(point)
                .as_str()
                .trim_start_matches("sha256:")
                .to_owned(),
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
            pair,
        })
    }

    /// The public half (RFC 7518 section 6.2).
    pub(super) fn to_jwk(&self) -> Value {
        json!({
            "kty": "EC",
            "crv": "P-256",
            "use": "sig",
            "alg": ALGORITHM,
            "kid": self.id,
            "x": self.x,
            "y": self.y,
        })
    }

    /// A compact JWS over `claims` (RFC 7515 section 7.1).
    pub(super) fn sign(&self, claims: &Value) -> Secret {
        let header = json!({"alg": ALGORITHM, "typ": "at+jwt", "kid": self.id});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = self
            .pair
            .sign(&SystemRandom::new(), signed.as_bytes())
            .map(|signature| URL_SAFE_NO_PAD.encode(signature.as_ref()))
            .unwrap_or_default();
        Secret::new(format!("{signed}.{signature}"))
    }
}
