//! Functions over text.

use std::fmt::Write as _;

use jsonata_core::evaluator::HostFnResult;
use jsonata_core::value::JValue;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{exactly, mismatch, raised, undefined};
use crate::json;

/// What `$encodeUrl` leaves as it is, besides letters and digits.
const URL_MARKS: &[u8] = b";,/?:@&=+$-_.!~*'()#";
/// What `$encodeUrlComponent` leaves as it is, besides letters and digits.
const COMPONENT_MARKS: &[u8] = b"-_.!~*'()";

/// `$hash(text, algorithm)`: the digest of the text's UTF-8 in lower-case hexadecimal.
pub(super) fn hash(arguments: &[JValue]) -> HostFnResult {
    let [text, algorithm] = exactly::<2>("hash", arguments)?;
    if text.is_undefined() {
        return undefined();
    }
    let text = text.as_str().ok_or_else(|| mismatch("hash", 1))?;
    let algorithm = algorithm.as_str().ok_or_else(|| mismatch("hash", 2))?;
    let digest = match algorithm {
        "MD5" => digest::<Md5>(text),
        "SHA-1" => digest::<Sha1>(text),
        "SHA-256" => digest::<Sha256>(text),
        "SHA-384" => digest::<Sha384>(text),
        "SHA-512" => digest::<Sha512>(text),
        other => {
            return Err(raised(format!(
                "`{other}` is none of the algorithms of `hash`: MD5, SHA-1, SHA-256, SHA-384, SHA-512"
            )));
        }
    };
    Ok(JValue::string(digest))
}

fn digest<D: Digest>(text: &str) -> String {
    let digest = D::digest(text.as_bytes());
    digest.iter().fold(String::new(), |mut text, byte| {
        let _always_fits = write!(text, "{byte:02x}");
        text
    })
}

/// `$parse(text)`: the value that JSON text stands for.
pub(super) fn parse(arguments: &[JValue]) -> HostFnResult {
    let [text] = exactly::<1>("parse", arguments)?;
    if text.is_undefined() {
        return undefined();
    }
    let text = text.as_str().ok_or_else(|| mismatch("parse", 1))?;
    json::read(text)
        .map_err(|problem| raised(format!("the argument of `parse` is not JSON: {problem}")))
}

/// `$encodeUrl(text)`, with every character escaped that JavaScript's `encodeURI` escapes.
pub(super) fn encode_url(arguments: &[JValue]) -> HostFnResult {
    encode("encodeUrl", arguments, URL_MARKS)
}

/// `$encodeUrlComponent(text)`, as JavaScript's `encodeURIComponent`.
pub(super) fn encode_url_component(arguments: &[JValue]) -> HostFnResult {
    encode("encodeUrlComponent", arguments, COMPONENT_MARKS)
}

fn encode(function: &str, arguments: &[JValue], marks: &[u8]) -> HostFnResult {
    let [text] = exactly::<1>(function, arguments)?;
    if text.is_undefined() {
        return undefined();
    }
    let text = text.as_str().ok_or_else(|| mismatch(function, 1))?;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || marks.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _always_fits = write!(encoded, "%{byte:02X}");
        }
    }
    Ok(JValue::string(encoded))
}
