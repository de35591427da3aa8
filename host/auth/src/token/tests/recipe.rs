//! Tokens made to order, good ones and bad ones.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::principal::Caller;
use crate::token::{IssuerRules, IssuerSettings, KeySet, RawToken, Rejected, verify};

pub(super) const NOW: i64 = 1_800_000_000;
pub(super) const ISSUER: &str = "https://issuer.test";
pub(super) const AUDIENCE: &str = "api://sluice";
pub(super) const TENANT: &str = "11111111-2222-3333-4444-555555555555";

struct Keys {
    rsa: RsaKeyPair,
    other_rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
    other_rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
    ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
    ed: Ed25519KeyPair::generate().unwrap(),
});

/// Who signs, and how.
#[derive(Clone, Copy)]
pub(super) enum Signer {
    Rsa,
    OtherRsa,
    Rsa512,
    RsaPss,
    Ec,
    Ed,
    /// The public key as the secret of a MAC.
    PublicKeyAsSecret,
    Zeros,
    Nobody,
}

/// A token to be, and the rules to judge it by.
pub(super) struct Recipe {
    pub(super) header: Value,
    pub(super) claims: Value,
    /// The claims word for word, where JSON values cannot say it.
    pub(super) claims_text: Option<String>,
    pub(super) header_text: Option<String>,
    pub(super) signer: Signer,
    pub(super) settings: IssuerSettings,
    /// Another key set than the issuer's.
    pub(super) keys_of: Option<IssuerSettings>,
    pub(super) now: i64,
}

impl Recipe {
    pub(super) fn standard() -> Self {
        Self {
            header: json!({"alg": "RS256", "typ": "at+jwt", "kid": "rsa-1"}),
            claims: json!({
                "iss": ISSUER, "sub": "person-0001", "aud": AUDIENCE, "client_id": "console",
                "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 3600, "jti": "token-identifier",
                "scope": "openid sluice", "groups": ["operators"],
            }),
            claims_text: None,
            header_text: None,
            signer: Signer::Rsa,
            settings: IssuerSettings::new(ISSUER, AUDIENCE),
            keys_of: None,
            now: NOW,
        }
    }

    pub(super) fn entra() -> Self {
        let issuer = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
        Self {
            header: json!({"alg": "RS256", "typ": "JWT", "kid": "rsa-1"}),
            claims: json!({
                "iss": issuer, "sub": "pairwise-0001", "oid": "object-0001", "tid": TENANT,
                "aud": AUDIENCE, "azp": "console-0001", "iat": NOW - 10, "nbf": NOW - 10,
                "exp": NOW + 3600, "scp": "Sluice.Use", "ver": "2.0", "groups": ["operators"],
                "preferred_username": "someone@example.test",
            }),
            settings: IssuerSettings::new(&issuer, AUDIENCE),
            ..Self::standard()
        }
    }

    pub(super) fn okta() -> Self {
        let issuer = "https://example.okta.com/oauth2/default";
        Self {
            header: json!({"alg": "RS256", "kid": "rsa-1"}),
            claims: json!({
                "iss": issuer, "sub": "someone@example.test", "uid": "00u-person", "cid": "0oa-client",
                "aud": AUDIENCE, "iat": NOW - 10, "exp": NOW + 3600, "scp": ["openid", "sluice"],
            }),
            settings: IssuerSettings::new(issuer, AUDIENCE),
            ..Self::standard()
        }
    }

    /// The token as a client would send it.
    pub(super) fn token(&self) -> String {
        let header = self
            .header_text
            .clone()
            .unwrap_or_else(|| self.header.to_string());
        let claims = self
            .claims_text
            .clone()
            .unwrap_or_else(|| self.claims.to_string());
        let signed = format!(
            "{}.{}",
            encode(header.as_bytes()),
            encode(claims.as_bytes())
        );
        let signature = encode(&sign(self.signer, signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// What the host makes of it.
    pub(super) fn verdict(&self) -> Result<Caller, Rejected> {
        let rules = IssuerRules::try_from(self.settings.clone()).unwrap();
        let keys_of = self
            .keys_of
            .clone()
            .map(|settings| IssuerRules::try_from(settings).unwrap());
        let keys = KeySet::parse(&key_set(), keys_of.as_ref().unwrap_or(&rules)).unwrap();
        verify(&RawToken::parse(&self.token())?, &rules, &keys, self.now)
    }
}

/// Every fixture key; which of them count is for the rules to say.
pub(super) fn key_set() -> Vec<u8> {
    let keys = json!([
        rsa_key("rsa-1", &KEYS.rsa),
        rsa_key("rsa-2", &KEYS.other_rsa),
        ec_key("ec-1"),
        {"kty": "OKP", "crv": "Ed25519", "kid": "ed-1", "x": encode(KEYS.ed.public_key().as_ref())},
        {"kty": "oct", "kid": "oct-1", "alg": "HS256", "k": encode(b"secret")},
    ]);
    json!({"keys": keys}).to_string().into_bytes()
}

/// One good RSA key as a JWK.
pub(super) fn good_key() -> Value {
    rsa_key("rsa-1", &KEYS.rsa)
}

/// One good P-256 key as a JWK.
pub(super) fn ec_key(id: &str) -> Value {
    let point = KEYS.ec.public_key().as_ref();
    let (x, y) = point[1..].split_at(32);
    json!({"kty": "EC", "crv": "P-256", "kid": id, "x": encode(x), "y": encode(y)})
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa_key(id: &str, key: &RsaKeyPair) -> Value {
    let parts = RsaPublicKeyComponents::<Vec<u8>>::from(key.public_key());
    json!({"kty": "RSA", "use": "sig", "kid": id, "n": encode(&parts.n), "e": encode(&parts.e)})
}

fn sign(signer: Signer, message: &[u8]) -> Vec<u8> {
    let rsa = |key: &RsaKeyPair, padding: &'static dyn RsaEncoding| {
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(padding, &SystemRandom::new(), message, &mut signature)
            .unwrap();
        signature
    };
    match signer {
        Signer::Rsa => rsa(&KEYS.rsa, &RSA_PKCS1_SHA256),
        Signer::OtherRsa => rsa(&KEYS.other_rsa, &RSA_PKCS1_SHA256),
        Signer::Rsa512 => rsa(&KEYS.rsa, &RSA_PKCS1_SHA512),
        Signer::RsaPss => rsa(&KEYS.rsa, &RSA_PSS_SHA256),
        Signer::Ec => KEYS
            .ec
            .sign(&SystemRandom::new(), message)
            .unwrap()
            .as_ref()
            .to_vec(),
        Signer::Ed => KEYS.ed.sign(message).as_ref().to_vec(),
        Signer::PublicKeyAsSecret => {
            let public: PublicKeyX509Der<'_> = KEYS.rsa.public_key().as_der().unwrap();
            let key = hmac::Key::new(hmac::HMAC_SHA256, public.as_ref());
            hmac::sign(&key, message).as_ref().to_vec()
        }
        Signer::Zeros => vec![0; 256],
        Signer::Nobody => Vec::new(),
    }
}
