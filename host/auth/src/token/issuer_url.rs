//! Which issuers can be configured at all.

use std::net::Ipv4Addr;

use document::Problems;

const ISSUER_BYTES_MAX: usize = 1024;

/// The tenant of personal Microsoft accounts, which is what `consumers` stands for.
const PERSONAL_ACCOUNTS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Whose tokens an issuer's address promises; each has claims of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    /// Whoever follows RFC 9068.
    Standard,
    /// Entra ID with tokens of version 2.0.
    EntraV2,
    /// Entra ID with tokens of version 1.0.
    EntraV1,
    /// An Okta authorization server.
    Okta,
}

impl Provider {
    /// Recognises a provider by the issuer's host.
    pub(super) fn of(issuer: &str) -> Self {
        let host = host_and_path(issuer)
            .map_or("", |(host, _)| host)
            .to_ascii_lowercase();
        let is_below = |domain: &str| host.ends_with(domain);
        match host.as_str() {
            "login.microsoftonline.com"
            | "login.microsoftonline.us"
            | "login.partner.microsoftonline.cn" => Self::EntraV2,
            "sts.windows.net" => Self::EntraV1,
            _ if is_below(".okta.com")
                || is_below(".oktapreview.com")
                || is_below(".okta-emea.com") =>
            {
                Self::Okta
            }
            _ => Self::Standard,
        }
    }
}

/// The Entra tenant that an issuer stands for, if its address has one.
pub(super) fn tenant(issuer: &str) -> Option<&str> {
    let (_, path) = host_and_path(issuer)?;
    let tenant = path.split('/').next()?;
    is_guid(tenant).then_some(tenant)
}

/// Reports every reason why tokens of `issuer` could not be told from forged ones.
pub(super) fn check(issuer: &str, problems: &mut Problems) {
    let mut problem = |message: &str| problems.push("/issuer", message);
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !br#"|"'<>\^`{}@?#"#.contains(&byte);
    if issuer.len() > ISSUER_BYTES_MAX || !issuer.bytes().all(is_plain) {
        problem(
            "an issuer is an address of at most 1024 plain characters, without user, query or fragment",
        );
        return;
    }
    let Some((host, path)) = host_and_path(issuer) else {
        problem("an issuer begins with https:// and a host");
        return;
    };
    if issuer.starts_with("http://") && !is_loopback(host) {
        problem("an http issuer is allowed on loopback only, use https");
    }
    match Provider::of(issuer) {
        Provider::Standard => {}
        Provider::EntraV2 | Provider::EntraV1 => check_entra(issuer, path, &mut problem),
        Provider::Okta if path.starts_with("oauth2/") => {}
        Provider::Okta => problem(
            "tokens of Okta's organisation server are for Okta itself, use a custom authorization server such as https://DOMAIN/oauth2/default",
        ),
    }
}

fn check_entra(issuer: &str, path: &str, problem: &mut impl FnMut(&str)) {
    let name = path.split('/').next().unwrap_or_default();
    let shared = ["common", "organizations", "consumers", PERSONAL_ACCOUNTS];
    if shared
        .iter()
        .any(|shared| name.eq_ignore_ascii_case(shared))
    {
        problem("`common`, `organizations` and `consumers` let every tenant in, name one tenant");
        return;
    }
    let Some(tenant) = tenant(issuer) else {
        problem(
            "tokens name the tenant by its id, so does the issuer: put the tenant's GUID after the host",
        );
        return;
    };
    let expected = match Provider::of(issuer) {
        Provider::EntraV1 => format!("{tenant}/"),
        Provider::EntraV2 | Provider::Okta | Provider::Standard => format!("{tenant}/v2.0"),
    };
    if path != expected {
        problem(
            "an Entra issuer is https://login.microsoftonline.com/TENANT/v2.0 or, for v1 tokens, https://sts.windows.net/TENANT/",
        );
    }
}

/// Splits `https://host:port/path` into host and path; the path loses its first slash.
fn host_and_path(issuer: &str) -> Option<(&str, &str)> {
    let rest = issuer
        .strip_prefix("https://")
        .or_else(|| issuer.strip_prefix("http://"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split_once(']')?.0,
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then_some((host, path))
}

fn is_loopback(host: &str) -> bool {
    let is_address = host
        .parse::<Ipv4Addr>()
        .is_ok_and(|address| address.is_loopback());
    host == "localhost" || host == "::1" || is_address
}

fn is_guid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let mut parts = text.split('-');
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    lengths.iter().all(|length| {
        parts
            .next()
            .is_some_and(|part| part.len() == *length && is_hex(part))
    }) && parts.next().is_none()
}
