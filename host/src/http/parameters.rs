//! Path and query parameters, read strictly.

use asl::ExecutionId;
use auth::names::Name;
use axum::extract::{FromRequestParts, Path, Query};
use http::Uri;
use http::request::Parts;
use semver::Version;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// Items of one page unless the caller says otherwise, and at most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1000;
const VERSION_BYTES_MAX: usize = 128;

/// The variable parts of a path, percent-decoded.
pub(super) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(_) => Err(Problem::malformed("the path is not percent-encoded UTF-8")),
        }
    }
}

/// The query's parameters; each may be given once, and all must be asked for.
pub(super) struct Parameters {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = query_pairs(parts.uri.query().unwrap_or_default());
        for (index, (name, _)) in pairs.iter().enumerate() {
            if pairs.iter().take(index).any(|(earlier, _)| earlier == name) {
                let shown = shown(name);
                return Err(Problem::malformed(format!(
                    "parameter `{shown}` is given twice"
                )));
            }
        }
        Ok(Self {
            pairs,
            known: Vec::new(),
        })
    }
}

impl Parameters {
    /// The parameter `name`, if it was given.
    pub(super) fn optional(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let at = self.pairs.iter().position(|(given, _)| given == name)?;
        Some(self.pairs.swap_remove(at).1)
    }

    /// The parameter `name` as the name of something.
    ///
    /// # Errors
    /// 400 if it is none.
    pub(super) fn optional_name(&mut self, name: &'static str) -> Result<Option<Name>, Problem> {
        let text = self.optional(name);
        text.map(|text| parse_name(&text)).transpose()
    }

    /// The parameter `name` as a whole number.
    ///
    /// # Errors
    /// 400 if it is none.
    pub(super) fn optional_number(&mut self, name: &'static str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.optional(name) else {
            return Ok(None);
        };
        let number = text.parse().map_err(|_| {
            let shown = shown(&text);
            Problem::malformed(format!(
                "parameter `{name}`: `{shown}` is not a whole number"
            ))
        })?;
        Ok(Some(number))
    }

    /// `maxResults`: how many items one page may hold.
    ///
    /// # Errors
    /// 400 if it is out of range.
    pub(super) fn page_limit(&mut self) -> Result<usize, Problem> {
        let limit = self.optional_number("maxResults")?.unwrap_or(PAGE as u64);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if (1..=PAGE_MAX).contains(&limit) {
            return Ok(limit);
        }
        Err(Problem::malformed(format!(
            "parameter `maxResults` must be between 1 and {PAGE_MAX}"
        )))
    }

    /// Refuses every parameter that nobody asked for.
    ///
    /// # Errors
    /// 400 with the name of one.
    pub(super) fn finish(self) -> Result<(), Problem> {
        let Some((name, _)) = self.pairs.first() else {
            return Ok(());
        };
        let shown = shown(name);
        let known = match self.known.is_empty() {
            true => "the route takes none".to_owned(),
            false => format!("expected one of `{}`", self.known.join("`, `")),
        };
        Err(Problem::malformed(format!(
            "unknown parameter `{shown}`, {known}"
        )))
    }
}

/// A query as pairs, percent-decoded; what cannot be read is passed over, as browsers do.
pub(super) fn query_pairs(query: &str) -> Vec<(String, String)> {
    let uri = Uri::builder().path_and_query(format!("/?{query}")).build();
    let pairs = uri
        .ok()
        .and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok());
    pairs.map(|Query(pairs)| pairs).unwrap_or_default()
}

/// A name out of a path or query.
///
/// # Errors
/// 400 that says what names are made of.
pub(super) fn parse_name(text: &str) -> Result<Name, Problem> {
    Name::parse(text).map_err(Problem::malformed)
}

/// A version out of a path or query.
///
/// # Errors
/// 400 that says what versions are made of.
pub(super) fn parse_version(text: &str) -> Result<Version, Problem> {
    let version = match text.len() {
        0..=VERSION_BYTES_MAX => Version::parse(text).ok(),
        _ => None,
    };
    version.ok_or_else(|| {
        let shown = shown(text);
        Problem::malformed(format!(
            "`{shown}` is not a version, use one such as `1.2.0`"
        ))
    })
}

/// The execution id in a page token.
///
/// # Errors
/// 400 if the token is not one of ours.
pub(super) fn parse_token<T>(token: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Problem> {
    parse(token).ok_or_else(|| {
        let shown = shown(token);
        Problem::malformed(format!("`{shown}` is not a `nextToken` of this listing"))
    })
}

/// The start of what a caller wrote, fit to be printed.
pub(super) fn shown(text: &str) -> String {
    let start: String = text.chars().take(100).collect();
    start.escape_debug().to_string()
}

/// The id in a page token of executions.
pub(super) fn parse_execution_id(token: &str) -> Option<ExecutionId> {
    // Every id of this host is a UUID; any other name would silently list from somewhere.
    uuid::Uuid::parse_str(token).ok()?;
    ExecutionId::parse(token)
}
