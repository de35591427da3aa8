//! An issuer's key set (RFC 7517), of which only what can verify a signature is kept.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use document::{Node, Problem, Problems};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc;
use serde_json::{Map, Value};

use crate::token::algorithm::Family;
use crate::token::header::Header;
use crate::token::{Algorithm, IssuerRules, RawToken, Rejected};

const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;
const KEYS_MAX: usize = 1000;
const RSA_BITS_MIN: usize = 2048;
const RSA_BITS_MAX: usize = 8192;
const RSA_EXPONENT_BYTES_MAX: usize = 8;

/// The keys of one issuer by their ids, each with the one algorithm it is good for.
#[derive(Clone)]
pub struct KeySet {
    issuer: String,
    keys: BTreeMap<String, Key>,
    unused: Vec<Problem>,
}

#[derive(Clone)]
struct Key {
    algorithm: Algorithm,
    material: DecodingKey,
}

impl KeySet {
    /// Reads the document that the issuer's `jwks_uri` serves.
    ///
    /// # Errors
    /// It is larger than 1 MiB, no key set, has over 1000 keys, two keys of one `kid`, or no
    /// usable key at all.
    pub fn parse(jwks: &[u8], rules: &IssuerRules) -> Result<Self, Vec<Problem>> {
        if jwks.len() > DOCUMENT_BYTES_MAX {
            return Err(vec![Problem::new("", "the key set is larger than 1 MiB")]);
        }
        let document = document::parse_json(jwks).map_err(|problem| vec![problem])?;
        let mut problems = Problems::default();
        let nodes = Node::root(&document)
            .object(&mut problems)
            .and_then(|mut fields| fields.required("keys", &mut problems))
            .and_then(|keys| keys.array(&mut problems))
            .unwrap_or_default();
        if nodes.len() > KEYS_MAX {
            problems.push("/keys", format!("more than {KEYS_MAX} keys"));
        }
        check_ids(&nodes, &mut problems);
        if !problems.is_empty() {
            return Err(problems.into_vec());
        }
        let mut keys = BTreeMap::new();
        let mut unused = Vec::new();
        for node in nodes {
            match key(node.value, rules) {
                Ok((id, key)) => drop(keys.insert(id, key)),
                Err(reason) => unused.push(Problem::new(node.pointer, reason)),
            }
        }
        if keys.is_empty() {
            unused.insert(
                0,
                Problem::new("/keys", "no key can verify this issuer's tokens"),
            );
            return Err(unused);
        }
        Ok(Self {
            issuer: rules.issuer().to_owned(),
            keys,
            unused,
        })
    }

    /// Whether there is a key of this id.
    pub fn contains(&self, key_id: &str) -> bool {
        self.keys.contains_key(key_id)
    }

    /// The keys that are of no use to us, and why not.
    pub fn unused(&self) -> &[Problem] {
        &self.unused
    }

    /// Checks a signature with the key of the header's id, under that key's own algorithm.
    pub(super) fn verify(
        &self,
        token: &RawToken,
        header: &Header<'_>,
        rules: &IssuerRules,
    ) -> Result<(), Rejected> {
        if self.issuer != rules.issuer() {
            return Err(Rejected::token("the keys are those of another issuer"));
        }
        let key = self
            .keys
            .get(header.key_id)
            .ok_or_else(Rejected::unknown_key)?;
        if header.algorithm != key.algorithm {
            return Err(Rejected::token("`alg` is not the algorithm of the key"));
        }
        // The verifier is asked for by name: the default of the process may be absent, in which
        // case jsonwebtoken panics.
        let verifier = aws_lc::DEFAULT_PROVIDER.verifier_factory;
        verifier(&key.algorithm.for_verification(), &key.material)
            .ok()
            .and_then(|verifier| verifier.verify(token.signed(), token.signature()).ok())
            .ok_or_else(|| Rejected::token("the signature does not match"))
    }
}

fn check_ids(nodes: &[Node<'_>], problems: &mut Problems) {
    let mut seen = BTreeMap::new();
    for node in nodes {
        let Some(id) = node.value.get("kid").and_then(Value::as_str) else {
            continue;
        };
        if let Some(first) = seen.insert(id, &node.pointer) {
            node.problem(format!("has the `kid` of `{first}`"), problems);
        }
    }
}

fn key(value: &Value, rules: &IssuerRules) -> Result<(String, Key), String> {
    let members = value.as_object().ok_or("is not an object")?;
    let id = text(members, "kid")?;
    if members
        .get("use")
        .is_some_and(|usage| usage.as_str() != Some("sig"))
    {
        return Err("is not for signatures (`use`)".to_owned());
    }
    let verifies = |operations: &Value| {
        let operations = operations.as_array().map(Vec::as_slice).unwrap_or_default();
        operations
            .iter()
            .any(|operation| operation.as_str() == Some("verify"))
    };
    if members
        .get("key_ops")
        .is_some_and(|operations| !verifies(operations))
    {
        return Err("is not for verifying (`key_ops`)".to_owned());
    }
    if members.contains_key("d") || members.contains_key("k") {
        return Err("holds a secret, which is no secret once published".to_owned());
    }
    let (family, material) = material(members)?;
    let algorithm = algorithm(members, family, rules)?;
    Ok((
        id.to_owned(),
        Key {
            algorithm,
            material,
        },
    ))
}

fn material(members: &Map<String, Value>) -> Result<(Family, DecodingKey), String> {
    match text(members, "kty")? {
        "RSA" => {
            let (modulus, exponent) = (bytes(members, "n")?, bytes(members, "e")?);
            check_rsa(&modulus, &exponent)?;
            let material = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
            Ok((Family::Rsa, material))
        }
        "EC" => {
            let (family, length) = match text(members, "crv")? {
                "P-256" => (Family::P256, 32),
                "P-384" => (Family::P384, 48),
                _ => return Err("is on a curve other than P-256 and P-384".to_owned()),
            };
            let (x, y) = (bytes(members, "x")?, bytes(members, "y")?);
            if x.len() != length || y.len() != length {
                return Err("has coordinates of another curve's length".to_owned());
            }
            // An uncompressed point (SEC 1 section 2.3.3).
            let point = [&[4], x.as_slice(), &y].concat();
            Ok((family, DecodingKey::from_ec_der(&point)))
        }
        "OKP" => {
            let x = bytes(members, "x")?;
            if text(members, "crv")? != "Ed25519" || x.len() != 32 {
                return Err("is not an Ed25519 key".to_owned());
            }
            Ok((Family::Ed25519, DecodingKey::from_ed_der(&x)))
        }
        _ => Err("is neither RSA, EC nor OKP".to_owned()),
    }
}

fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<(), String> {
    let leading_zeros = modulus
        .first()
        .map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = (modulus.len() * 8).saturating_sub(leading_zeros);
    if modulus.first() == Some(&0) || !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
        return Err(format!("is not of {RSA_BITS_MIN} to {RSA_BITS_MAX} bits"));
    }
    let is_odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
    if !is_odd || exponent == [1] || exponent.len() > RSA_EXPONENT_BYTES_MAX {
        return Err("has an unusable exponent".to_owned());
    }
    Ok(())
}

/// The key's own algorithm, else the issuer's first that fits it: never the token's choice.
fn algorithm(
    members: &Map<String, Value>,
    family: Family,
    rules: &IssuerRules,
) -> Result<Algorithm, String> {
    let allowed = rules.algorithms();
    let found = match members.get("alg") {
        Some(name) => {
            let named = name.as_str().and_then(Algorithm::parse);
            named.filter(|algorithm| allowed.contains(algorithm) && algorithm.family() == family)
        }
        None => allowed
            .iter()
            .copied()
            .find(|algorithm| algorithm.family() == family),
    };
    found.ok_or_else(|| "has no algorithm that this issuer's tokens may use".to_owned())
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    let text = members.get(name).and_then(Value::as_str);
    text.ok_or_else(|| format!("`{name}` is missing or not a string"))
}

fn bytes(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, String> {
    let decoded = URL_SAFE_NO_PAD.decode(text(members, name)?);
    decoded.map_err(|_| format!("`{name}` is not unpadded base64url"))
}
