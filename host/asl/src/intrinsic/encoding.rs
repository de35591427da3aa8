//! Functions that encode and digest texts.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use md5::{Digest, Md5};
use serde_json::Value;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::argument::{inspect, made};
use super::error::{Error, refused};
use super::function::Function;
use super::rendering::rendered;
use crate::budget::Budget;

/// The longest text that is encoded, decoded or digested (the service's quota).
const CHARACTERS_MAX: usize = 10_000;

/// Takes what is left after [`decode`] has cleaned it.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// The base64 text of a text.
pub(super) fn encode(text: &Value, budget: &mut Budget) -> Result<Value, Error> {
    const FUNCTION: Function = Function::Base64Encode;
    let text = short(text.as_str(), FUNCTION)?;
    made(text.len(), budget)?;
    Ok(Value::String(STANDARD.encode(text)))
}

/// The text of a base64 text. As in the service, characters that base64 does not have are
/// passed over, and `=` ends it.
pub(super) fn decode(text: &Value, budget: &mut Budget) -> Result<Value, Error> {
    const FUNCTION: Function = Function::Base64Decode;
    let text = short(text.as_str(), FUNCTION)?;
    made(text.len(), budget)?;
    let until_padding = text.bytes().take_while(|byte| *byte != b'=');
    let mut digits: Vec<u8> = until_padding.filter_map(digit).collect();
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    let bytes = LENIENT.decode(digits).map_err(|_| refused(FUNCTION))?;
    Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned()))
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => Some(byte),
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        _ => None,
    }
}

/// The digest of a value's text, in lower-case hexadecimal digits.
pub(super) fn hash(data: &Value, algorithm: &Value, budget: &mut Budget) -> Result<Value, Error> {
    const FUNCTION: Function = Function::Hash;
    inspect(data, budget)?;
    let text = rendered(data);
    let text = short(Some(&text), FUNCTION)?;
    let digest = match algorithm.as_str() {
        Some("MD5") => hexadecimal(&Md5::digest(text)),
        Some("SHA-1") => hexadecimal(&Sha1::digest(text)),
        Some("SHA-256") => hexadecimal(&Sha256::digest(text)),
        Some("SHA-384") => hexadecimal(&Sha384::digest(text)),
        Some("SHA-512") => hexadecimal(&Sha512::digest(text)),
        Some(_) | None => return Err(refused(FUNCTION)),
    };
    Ok(Value::String(digest))
}

fn short(text: Option<&str>, function: Function) -> Result<&str, Error> {
    text.filter(|text| text.chars().nth(CHARACTERS_MAX).is_none())
        .ok_or(refused(function))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
