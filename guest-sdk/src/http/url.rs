//! The parts of an absolute URL that a request line needs.

use super::HttpError;

/// An absolute `http` or `https` URL in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Url<'a> {
    pub(super) is_https: bool,
    /// Host and port as written.
    pub(super) authority: &'a str,
    /// Begins with `/` or is empty.
    pub(super) path_and_query: &'a str,
}

impl<'a> Url<'a> {
    /// Takes a URL apart; the host checks what is in the parts.
    pub(super) fn parse(text: &'a str) -> Result<Self, HttpError> {
        let refuse = |reason: &str| Err(HttpError::InvalidRequest(format!("`{text}` {reason}")));
        let (is_https, rest) = match text.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some(_) | None => return refuse("does not begin with `http://` or `https://`"),
        };
        let rest = rest
            .split_once('#')
            .map_or(rest, |(before, _fragment)| before);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path_and_query) = rest.split_at(end);
        if authority.is_empty() {
            return refuse("names no host");
        }
        if authority.contains('@') {
            return refuse("carries credentials, send them in a header");
        }
        Ok(Self {
            is_https,
            authority,
            path_and_query,
        })
    }

    /// The path and query for the request line.
    pub(super) fn target(&self) -> String {
        if self.path_and_query.starts_with('/') {
            return self.path_and_query.to_owned();
        }
        format!("/{}", self.path_and_query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(bool, &str, &str)>) {
        let url = Url::parse(text).ok();
        let parts = url.map(|url| (url.is_https, url.authority, url.target()));
        let expected =
            expected.map(|(is_https, authority, target)| (is_https, authority, target.to_owned()));
        assert_eq!(parts, expected, "{text}");
    }

    #[test]
    fn urls_come_apart() {
        check(
            "http://127.0.0.1:80/a/b?c=d",
            Some((false, "127.0.0.1:80", "/a/b?c=d")),
        );
        check("https://[::1]:8443", Some((true, "[::1]:8443", "/")));
        check("https://host?q=/#f", Some((true, "host", "/?q=/")));
        check("http://host#f/x", Some((false, "host", "/")));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "host/path",
            "ftp://host/",
            "http:///path",
            "http://user:pass@host/",
        ] {
            check(text, None);
        }
    }
}
