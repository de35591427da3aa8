//! Origins: scheme, host and port, in the one form that is compared.
//!
//! Owns what a host name is and what `*.` stands for. Names are never resolved here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::names::quoted;

/// Most bytes of an origin as written.
const ORIGIN_BYTES_MAX: usize = 300;
/// Most bytes of a host name (RFC 1035 section 2.3.4, without the root's dot).
const HOST_BYTES_MAX: usize = 253;
/// Most bytes of one label (RFC 1035 section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// How a host is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// The scheme in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Host {
    Name(String),
    Ip(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Ip(IpAddr::V4(address)) => address.fmt(formatter),
            Self::Ip(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
        }
    }
}

/// Where a request goes: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    scheme: Scheme,
    host: Host,
    port: u16,
}

impl Origin {
    /// Parses `https://host:8443`; scheme and host are lower-cased, the default port is filled in.
    ///
    /// # Errors
    /// What is wrong and how to write it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, host, port) = split(text)?;
        Ok(Self {
            scheme,
            host: parse_host(host)?,
            port,
        })
    }

    /// How the host is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host as in a URL: a lower-case name, an IPv4 address, or an IPv6 address in brackets.
    pub fn host(&self) -> String {
        self.host.to_string()
    }

    /// The host's address where it is written as one.
    pub fn address(&self) -> Option<IpAddr> {
        match &self.host {
            Host::Name(_) => None,
            Host::Ip(address) => Some(*address),
        }
    }

    /// The port, the scheme's own where none was written.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_origin(formatter, self.scheme, &self.host, self.port)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum HostPattern {
    Exactly(Host),
    OneLabelUnder(String),
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(host) => host.fmt(formatter),
            Self::OneLabelUnder(parent) => write!(formatter, "*.{parent}"),
        }
    }
}

/// An origin, or every origin with one more label in front of a host name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OriginPattern {
    scheme: Scheme,
    host: HostPattern,
    port: u16,
}

impl OriginPattern {
    /// Parses an origin whose host may begin with `*.`.
    ///
    /// # Errors
    /// What is wrong and how to write it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, host, port) = split(text)?;
        let host = match host.strip_prefix("*.") {
            Some(parent) => match parse_host(parent)? {
                Host::Name(parent) => HostPattern::OneLabelUnder(parent),
                Host::Ip(_) => return Err(format!("{} puts `*.` before an address", quoted(text))),
            },
            None => HostPattern::Exactly(parse_host(host)?),
        };
        Ok(Self { scheme, host, port })
    }

    /// Whether it stands for `origin`.
    pub fn matches(&self, origin: &Origin) -> bool {
        self.scheme == origin.scheme && self.port == origin.port && self.has_host(&origin.host)
    }

    /// Whether it stands for every origin that `other` stands for.
    pub fn contains(&self, other: &Self) -> bool {
        let has_host = match &other.host {
            HostPattern::Exactly(host) => self.has_host(host),
            HostPattern::OneLabelUnder(_) => self.host == other.host,
        };
        self.scheme == other.scheme && self.port == other.port && has_host
    }

    fn has_host(&self, host: &Host) -> bool {
        match (&self.host, host) {
            (HostPattern::Exactly(own), host) => own == host,
            (HostPattern::OneLabelUnder(parent), Host::Name(name)) => {
                name.split_once('.').is_some_and(|(_, rest)| rest == parent)
            }
            (HostPattern::OneLabelUnder(_), Host::Ip(_)) => false,
        }
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_origin(formatter, self.scheme, &self.host, self.port)
    }
}

fn write_origin(
    formatter: &mut fmt::Formatter<'_>,
    scheme: Scheme,
    host: &impl fmt::Display,
    port: u16,
) -> fmt::Result {
    write!(formatter, "{}://{host}", scheme.as_str())?;
    if port == scheme.default_port() {
        return Ok(());
    }
    write!(formatter, ":{port}")
}

/// Splits an origin into scheme, host as written, and port.
fn split(text: &str) -> Result<(Scheme, &str, u16), String> {
    let wrong = |what: &str| {
        let example = "write scheme, host and port such as `https://orders.internal:8443`";
        Err(format!("{} {what}, {example}", quoted(text)))
    };
    if text.len() > ORIGIN_BYTES_MAX {
        return wrong("is too long for an origin");
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return wrong("is not an origin");
    };
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return wrong("has a scheme other than `http` and `https`"),
    };
    if rest.contains('@') {
        return wrong("carries a user name");
    }
    if rest.contains(['/', '\\', '?', '#']) {
        return wrong("goes on after host and port");
    }
    let port_start = match rest.rfind(']') {
        Some(bracket) => bracket + 1,
        None => rest.find(':').unwrap_or(rest.len()),
    };
    let Some((host, port)) = rest.split_at_checked(port_start) else {
        return wrong("is not an origin");
    };
    if port.is_empty() {
        return Ok((scheme, host, scheme.default_port()));
    }
    let digits = port
        .strip_prefix(':')
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(port @ 1..) => Ok((scheme, host, port)),
        Some(0) | None => wrong("has no valid port"),
    }
}

fn parse_host(text: &str) -> Result<Host, String> {
    if let Some(inner) = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return match inner.parse::<Ipv6Addr>() {
            Ok(address) => Ok(Host::Ip(address.into())),
            Err(_) => Err(format!("{} is not an IPv6 address", quoted(text))),
        };
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Ip(address.into()));
    }
    if !text.is_ascii() {
        return Err(format!(
            "host {} is not ASCII, write its `xn--` form so that look-alikes show",
            quoted(text)
        ));
    }
    let name = text.to_ascii_lowercase();
    // Resolvers read a name that ends in a number as an address: `127.1`, `0x7f000001`.
    let last = name.rsplit('.').next().unwrap_or(&name);
    let is_number = last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit());
    if name.len() <= HOST_BYTES_MAX && !is_number && name.split('.').all(is_label) {
        return Ok(Host::Name(name));
    }
    Err(format!(
        "{} is not a host, write a name such as `orders.internal`, an IPv4 address or an IPv6 address in brackets; `*.` may stand in front of a name for exactly one label",
        quoted(text)
    ))
}

fn is_label(label: &str) -> bool {
    let is_plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    };
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && label.bytes().all(is_plain)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let pattern = OriginPattern::parse(text).unwrap();
        assert_eq!(pattern.to_string(), expected);
        assert_eq!(OriginPattern::parse(expected), Ok(pattern));
    }

    #[test]
    fn origins_have_one_form() {
        check("HTTPS://Orders.Internal:443", "https://orders.internal");
        check("http://orders:80", "http://orders");
        check("http://orders:443", "http://orders:443");
        check(
            "https://orders.internal:08443",
            "https://orders.internal:8443",
        );
        check("https://*.Example.com", "https://*.example.com");
        check("http://127.0.0.1:8080", "http://127.0.0.1:8080");
        check("http://[0:0::1]:8080", "http://[::1]:8080");
        check(
            "https://xn--bcher-kva.example",
            "https://xn--bcher-kva.example",
        );
        check("http://my_service", "http://my_service");
    }

    #[test]
    fn anything_but_scheme_host_and_port_is_refused() {
        for text in [
            "",
            "orders",
            "orders:80",
            "ftp://orders",
            "https://",
            "https://*",
            "https://*.",
            "*",
            "https://**.a.b",
            "https://a.*.b",
            "https://*a.b",
            "https://*.*.b",
            "https://*.1.2.3.4",
            "https://*.[::1]",
            "https://a/",
            "https://a/b",
            "https://a?b",
            "https://a#b",
            "https://a\\b",
            "https://u@a",
            "https://u:p@a",
            "https://a:",
            "https://a:0",
            "https://a:65536",
            "https://a:+80",
            "https://a:8 0",
            "https://a:80:80",
            "https://a.",
            "https://.a",
            "https://a..b",
            "https://-a",
            "https://a-",
            "https://a b",
            "https://[::1",
            "https://::1",
            "https://[::1]x",
            "https://[fe80::1%25eth0]",
            "https://[]",
            "https://127.1",
            "https://0x7f.1",
            "https://0x7f",
            "https://2130706433",
            "https://127.0.0.01",
            "https://1.2.3",
            "https://bücher.example",
            "https://a\u{3002}b",
            "https://a\n",
            "https://%61",
            "https://a,b",
        ] {
            assert!(OriginPattern::parse(text).is_err(), "{text:?}");
            assert!(Origin::parse(text).is_err(), "{text:?}");
        }
        assert!(OriginPattern::parse(&format!("https://{}", "a".repeat(64))).is_err());
        assert!(OriginPattern::parse(&format!("https://{}b", "a.".repeat(140))).is_err());
        assert!(Origin::parse("https://*.example.com").is_err());
    }

    #[test]
    fn a_wildcard_stands_for_exactly_one_label() {
        let pattern = OriginPattern::parse("https://*.example.com").unwrap();
        assert!(pattern.matches(&Origin::parse("https://a.example.com").unwrap()));
        for text in [
            "https://example.com",
            "https://a.b.example.com",
            "https://aexample.com",
            "http://a.example.com",
            "https://a.example.com:8443",
            "https://a.example.com.evil",
            "https://1.2.3.4",
        ] {
            assert!(!pattern.matches(&Origin::parse(text).unwrap()), "{text}");
        }
    }

    #[test]
    fn a_pattern_contains_itself_and_what_it_stands_for() {
        let contains = |wide: &str, narrow: &str| {
            OriginPattern::parse(wide)
                .unwrap()
                .contains(&OriginPattern::parse(narrow).unwrap())
        };
        assert!(contains("https://*.a.b", "https://*.a.b:443"));
        assert!(contains("https://*.a.b", "https://x.a.b"));
        assert!(!contains("https://x.a.b", "https://*.a.b"));
        assert!(!contains("https://*.b", "https://*.a.b"));
        assert!(!contains("https://*.b", "https://x.a.b"));
        assert!(!contains("https://*.a.b", "http://x.a.b"));
    }
}
