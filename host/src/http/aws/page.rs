//! Tokens of pages: opaque to clients, good for one listing only.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::fault::Fault;

/// The token of the page that begins behind `cursor` in `listing`.
pub(super) fn token(listing: &str, cursor: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{listing} {cursor}"))
}

/// What `parse` makes of the cursor in a token of `listing`.
///
/// # Errors
/// InvalidToken for a token of anything else.
pub(super) fn cursor<T>(
    listing: &str,
    token: Option<&str>,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Fault> {
    let Some(token) = token else { return Ok(None) };
    let text = URL_SAFE_NO_PAD.decode(token).ok();
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    let cursor = text
        .as_deref()
        .and_then(|text| text.strip_prefix(listing)?.strip_prefix(' '))
        .and_then(parse);
    cursor.map(Some).ok_or_else(Fault::invalid_token)
}

/// One page of `items`, of which one more than `limit` may have been read, and the token of the next.
pub(super) fn cut<T>(
    listing: &str,
    mut items: Vec<T>,
    limit: usize,
    cursor: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    if items.len() <= limit {
        return (items, None);
    }
    items.truncate(limit);
    let next = items.last().map(|last| token(listing, &cursor(last)));
    (items, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(listing: &str, token: &str) -> Result<Option<u64>, Fault> {
        cursor(listing, Some(token), |text| text.parse().ok())
    }

    #[test]
    fn a_token_reads_back_in_its_own_listing_only() {
        let token = token("versions", "7");
        assert_eq!(number("versions", &token).unwrap(), Some(7));
        for (listing, token) in [
            ("aliases", token.as_str()),
            ("versions", "x"),
            ("versions", "ä"),
            ("versions", ""),
        ] {
            assert_eq!(number(listing, token).unwrap_err().told().1, "InvalidToken");
        }
    }

    #[test]
    fn a_page_that_holds_all_has_no_next() {
        let name = |n: &i32| n.to_string();
        assert_eq!(cut("x", vec![1, 2], 2, name), (vec![1, 2], None));
        let next = token("x", "2");
        assert_eq!(cut("x", vec![1, 2, 3], 2, name), (vec![1, 2], Some(next)));
    }
}
