//! A token as it came, taken apart but not yet believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::names::Digest;
use crate::token::Rejected;

const TOKEN_BYTES_MAX: usize = 16 * 1024;
const HEADER_BYTES_MAX: usize = 4 * 1024;

/// A secret: has no `Debug`, `Display` or `Serialize`, and hands out its hash only.
#[derive(Clone)]
pub struct RawToken {
    text: String,
    /// Where the signed part ends.
    signed_end: usize,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    signature: Vec<u8>,
}

impl RawToken {
    /// Takes the bearer token out of the values of every `Authorization` header of a request;
    /// `None` without such a header.
    ///
    /// # Errors
    /// More than one header, another scheme than Bearer, or a malformed token.
    pub fn from_authorization<'a>(
        values: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Option<Self>, Rejected> {
        let mut values = values.into_iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(Rejected::request("more than one Authorization header"));
        }
        let value = std::str::from_utf8(value)
            .map_err(|_| Rejected::request("the Authorization header is not ASCII"))?;
        let Some((scheme, credentials)) = value.trim_matches(' ').split_once(' ') else {
            return Err(Rejected::request(
                "the Authorization header has no credentials",
            ));
        };
        if scheme.eq_ignore_ascii_case("dpop") {
            return Err(Rejected::token(
                "DPoP tokens are not supported, use a bearer token",
            ));
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Rejected::token("the authorization scheme is not Bearer"));
        }
        Self::parse(credentials.trim_matches(' ')).map(Some)
    }

    /// Takes a compact JWS apart, without believing any of it.
    ///
    /// # Errors
    /// It is larger than 16 KiB, or not three base64url parts of which the first two are JSON
    /// objects without duplicate members.
    pub fn parse(text: &str) -> Result<Self, Rejected> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(Rejected::request("the token is larger than 16 KiB"));
        }
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Rejected::token("the token has not three parts"));
        };
        let signed_end = header.len() + 1 + claims.len();
        let header = decode(header)?;
        if header.len() > HEADER_BYTES_MAX {
            return Err(Rejected::token("the token's header is larger than 4 KiB"));
        }
        let signature = decode(signature)?;
        if signature.is_empty() {
            return Err(Rejected::token("the token is not signed"));
        }
        Ok(Self {
            text: text.to_owned(),
            signed_end,
            header: object(&header)?,
            claims: object(&decode(claims)?)?,
            signature,
        })
    }

    /// What the token says its issuer is: good only for selecting one configured issuer by exact
    /// match, whose keys then decide.
    pub fn issuer_hint(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }

    /// What the token says its key is called: good only for a look-up in a key set.
    pub fn key_id(&self) -> Option<&str> {
        self.header.get("kid")?.as_str()
    }

    /// `sha256:` of the token, which may be stored and logged.
    pub fn hash(&self) -> String {
        Digest::of(self.text.as_bytes()).to_string()
    }

    pub(super) fn header(&self) -> &Map<String, Value> {
        &self.header
    }

    pub(super) fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    pub(super) fn signature(&self) -> &Vec<u8> {
        &self.signature
    }

    /// The bytes that the signature covers.
    pub(super) fn signed(&self) -> &[u8] {
        let bytes = self.text.as_bytes();
        bytes.get(..self.signed_end).unwrap_or(bytes)
    }
}

fn decode(part: &str) -> Result<Vec<u8>, Rejected> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Rejected::token("a part of the token is not unpadded base64url"))
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Rejected> {
    match document::parse_json(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Rejected::token("a part of the token is not a JSON object")),
        Err(problem) if problem.message.contains("appears twice") => Err(Rejected::token(
            "a part of the token has a duplicate member",
        )),
        Err(_) => Err(Rejected::token("a part of the token is not JSON")),
    }
}
