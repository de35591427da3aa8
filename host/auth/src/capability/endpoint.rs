//! Where one request goes, as people write it: `https://host:8443/path?query`.
//!
//! Owns how such an address is taken apart, so that what is decided on is what is sent. It does
//! not know whether the request may be made.

use std::fmt;

use super::Origin;
use crate::names::quoted;

/// Most bytes of an address as written.
const BYTES_MAX: usize = 8192;

/// The address of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    origin: Origin,
    path: String,
    query: String,
}

impl Endpoint {
    /// Parses an absolute address without user name, password or fragment.
    ///
    /// # Errors
    /// What is wrong and how to write it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > BYTES_MAX {
            return Err(format!("the address is longer than {BYTES_MAX} bytes"));
        }
        let shown = || quoted(text.split(['?', '#']).next().unwrap_or_default());
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(format!(
                "{} is no address, write it as `https://host/path`",
                shown()
            ));
        };
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "{} holds characters that have to be percent-encoded",
                shown()
            ));
        }
        if text.contains('#') {
            return Err(format!("{} carries a fragment, leave it out", shown()));
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err("the address carries a user name or password, leave them out".to_owned());
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Ok(Self {
            origin: Origin::parse(&format!("{scheme}://{authority}"))?,
            path: if path.is_empty() { "/" } else { path }.to_owned(),
            query: query.to_owned(),
        })
    }

    /// The same address with `query`, which is encoded already, behind the query it has.
    #[must_use]
    pub fn with_query(mut self, query: &str) -> Self {
        if !self.query.is_empty() && !query.is_empty() {
            self.query.push('&');
        }
        self.query.push_str(query);
        self
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Path and query, as they are sent.
    pub fn target(&self) -> String {
        match self.query.as_str() {
            "" => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }
}

/// Without the query, which may hold what is nobody's business.
impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.origin, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, origin: &str, target: &str) {
        let endpoint = Endpoint::parse(text).unwrap();
        assert_eq!(endpoint.origin().to_string(), origin, "{text}");
        assert_eq!(endpoint.target(), target, "{text}");
    }

    #[test]
    fn an_address_is_an_origin_and_a_target() {
        check("https://a.example", "https://a.example", "/");
        check("HTTPS://A.example:443/x/y", "https://a.example", "/x/y");
        check(
            "http://a.example:8080/x?q=1",
            "http://a.example:8080",
            "/x?q=1",
        );
        check("https://a.example?q=/x@y", "https://a.example", "/?q=/x@y");
        check("https://[::1]:8443/", "https://[::1]:8443", "/");
    }

    #[test]
    fn an_address_that_could_mean_another_is_refused() {
        for text in [
            "",
            "/v1/orders",
            "a.example/v1",
            "ftp://a.example/",
            "https://",
            "https:///v1",
            "https://user@a.example/",
            "https://a.example@b.example/",
            "https://a.example\\@b.example/",
            "https://a.example/#x",
            "https://a.example#@b.example/",
            "https://a.example/ä",
            "https://a.example/a b",
            "https://a.example/\r\nx: y",
            "https://*.example/",
            "https://a.example:port/",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
        assert!(Endpoint::parse(&format!("https://a.example/{}", "x".repeat(BYTES_MAX))).is_err());
    }

    #[test]
    fn a_query_is_added_and_not_shown() {
        let parse = |text| Endpoint::parse(text).unwrap();
        let endpoint = parse("https://a.example/x").with_query("a=1");
        assert_eq!(endpoint.target(), "/x?a=1");
        assert_eq!(endpoint.to_string(), "https://a.example/x");
        assert_eq!(
            parse("https://a.example/x?b=2").with_query("a=1").target(),
            "/x?b=2&a=1"
        );
        assert_eq!(
            parse("https://a.example/x?b=2").with_query("").target(),
            "/x?b=2"
        );
    }
}
