use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> PathPattern {
    PathPattern::parse(text).unwrap()
}

fn matches(text: &str, path: &str) -> bool {
    pattern(text).matches(&RequestPath::parse(path).unwrap())
}

fn contains(wide: &str, narrow: &str) -> bool {
    pattern(wide).contains(&pattern(narrow))
}

#[test]
fn patterns_match_whole_segments() {
    for (pattern, path) in [
        ("/", "/"),
        ("/v1/orders", "/v1/orders"),
        ("/v1/orders", "/v1/orders?id=1/../x"),
        ("/v1/orders/", "/v1/orders/"),
        ("/v1/orders/*", "/v1/orders/7"),
        ("/v1/*/lines", "/v1/7/lines"),
        ("/**", "/"),
        ("/**", "/a/b/"),
        ("/v1/**", "/v1"),
        ("/v1/**", "/v1/"),
        ("/v1/**", "/v1/a/b"),
        ("/**/lines", "/lines"),
        ("/**/lines", "/lines/lines"),
        ("/a%20b", "/%61%20b"),
        ("/a%2Ab", "/a*b"),
        ("/%2A", "/*"),
        ("/ä".replace('ä', "%C3%A4").as_str(), "/%c3%a4"),
    ] {
        assert!(matches(pattern, path), "{pattern} {path}");
    }
    for (pattern, path) in [
        ("/", "/a"),
        ("/v1/orders", "/v1/orders/"),
        ("/v1/orders", "/v1/Orders"),
        ("/v1/orders", "/v1/orders;x=1"),
        ("/v1/orders/", "/v1/orders"),
        ("/v1/orders/*", "/v1/orders"),
        ("/v1/orders/*", "/v1/orders/"),
        ("/v1/orders/*", "/v1/orders/7/"),
        ("/v1/orders/*", "/v1/orders/7/lines"),
        ("/v1/**", "/v10"),
        ("/v1/**", "/"),
        ("/**/lines", "/lines/x"),
        ("/%2A", "/a"),
    ] {
        assert!(!matches(pattern, path), "{pattern} {path}");
    }
}

#[test]
fn paths_that_servers_read_differently_are_refused() {
    for path in [
        "",
        "v1",
        "*",
        "http://a/b",
        "//",
        "//a",
        "/a//b",
        "/a//",
        "/.",
        "/..",
        "/a/../b",
        "/a/./b",
        "/a/..",
        "/a/%2e",
        "/a/%2e%2e/b",
        "/a/.%2E/b",
        "/%2e%2e%2fb",
        "/a%2Fb",
        "/a%2fb",
        "/a%5Cb",
        "/a\\b",
        "/..\\b",
        "/a%00",
        "/a%0a",
        "/a%7f",
        "/a%",
        "/a%2",
        "/a%zz",
        "/a%u002e",
        "/a%252e",
        "/a%25",
        "/a%3Fb",
        "/a%23b",
        "/a#b",
        "/a b",
        "/a\tb",
        "/a\u{e4}",
        "/%c0%ae%c0%ae/b",
        "/%c0%af",
        "/%ff",
        "/..;/b",
        "/..;x=1/b",
        "/.;/b",
        "/;/b",
        "/;x",
        "/...",
        "/%2e%20",
        "/%20",
        "/%EF%BC%8E%EF%BC%8E/b",
        "/a%EF%BC%8Fb",
        "/%E2%80%A5/b",
        "/a%+1",
    ] {
        assert!(RequestPath::parse(path).is_err(), "{path:?}");
        assert!(PathPattern::parse(path).is_err() || path == "*", "{path:?}");
    }
    assert!(RequestPath::parse(&format!("/{}", "a".repeat(9000))).is_err());
}

#[test]
fn patterns_that_are_not_whole_segments_are_refused() {
    for text in [
        "",
        "*",
        "**",
        "/a*",
        "/*a",
        "/***",
        "/a/**b",
        "/a?b=1",
        "/**/a/**/b/**/c/**",
    ] {
        assert!(PathPattern::parse(text).is_err(), "{text}");
    }
    assert!(PathPattern::parse(&"/a".repeat(33)).is_err());
    assert!(PathPattern::parse(&"/a".repeat(32)).is_ok());
    assert!(PathPattern::parse(&format!("/{}", "a".repeat(1024))).is_err());
}

#[test]
fn patterns_read_back_as_written() {
    for text in [
        "/",
        "/v1/orders",
        "/v1/orders/",
        "/v1/*",
        "/**",
        "/v1/**/x/",
        "/a%20b",
        "/%2A",
        "/a:b@c;d=e",
    ] {
        assert_eq!(pattern(text).to_string(), text);
    }
    assert_eq!(pattern("/%61%c3%a4").to_string(), "/a%C3%A4");
}

#[test]
fn containment_is_of_every_path() {
    for (wide, narrow) in [
        ("/v1/**", "/v1/orders/*"),
        ("/v1/**", "/v1"),
        ("/v1/**", "/v1/"),
        ("/**", "/"),
        ("/**", "/v1/**/x/"),
        ("/*/**", "/**/*"),
        ("/**/*", "/*/**/*"),
        ("/**/a/**", "/a/**/a"),
        ("/**/*/x", "/*/**/x"),
        ("/a/*", "/a/b"),
        ("/**/**", "/**"),
    ] {
        assert!(contains(wide, narrow), "{wide} {narrow}");
    }
    for (wide, narrow) in [
        ("/v1/orders/*", "/v1/**"),
        ("/v1/orders", "/v1/orders/"),
        ("/v1/*", "/v1/"),
        ("/v1/*", "/v1/**"),
        ("/*/**", "/**"),
        ("/a/b", "/a/*"),
        ("/**/*/x", "/**/x"),
        ("/**/a", "/**"),
        ("/a/**/b", "/a/**/b/"),
        ("/**/a/*/b", "/a/**/b"),
    ] {
        assert!(!contains(wide, narrow), "{wide} {narrow}");
    }
}

#[test]
fn the_widest_patterns_are_compared_in_bounded_work() {
    let blocks = |block: &str| format!("/**{}/**{}/**{}", block, block, block);
    let wide = pattern(&blocks("/a/*/*/*/*/*/*/*/*"));
    let narrow = pattern(&blocks("/a/*/a/a/*/a/*/a/a"));
    assert!(wide.contains(&narrow));
    assert!(!narrow.contains(&wide));
}

/// Matching by trying everything, as a second opinion.
fn matches_by_trial(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], path) => path.is_empty(),
        (["**", rest @ ..], path) => {
            (0..=path.len()).any(|skip| matches_by_trial(rest, &path[skip..]))
        }
        (["*", rest @ ..], [_, path @ ..]) => matches_by_trial(rest, path),
        ([literal, rest @ ..], [segment, path @ ..]) => {
            literal == segment && matches_by_trial(rest, path)
        }
        (_, []) => false,
    }
}

fn text(segments: &[&str]) -> String {
    format!("/{}", segments.join("/"))
}

/// Every path of at most six segments over two literals and one that no pattern names.
fn every_path() -> Vec<Vec<&'static str>> {
    let mut paths = vec![Vec::new()];
    let mut last = paths.clone();
    for _ in 0..6 {
        last = last
            .iter()
            .flat_map(|path| ["a", "b", "z"].map(|segment| [path.as_slice(), &[segment]].concat()))
            .collect();
        paths.extend(last.iter().cloned());
    }
    paths
}

fn any_pattern() -> impl Strategy<Value = Vec<&'static str>> {
    let segment = prop_oneof![Just("a"), Just("b"), Just("*"), Just("**")];
    prop::collection::vec(segment, 1..5).prop_filter("at most three", |segments| {
        segments.iter().filter(|segment| **segment == "**").count() <= 3
    })
}

proptest! {
    #[test]
    fn containment_agrees_with_trying_every_small_path(
        (wide, wide_slash) in (any_pattern(), any::<bool>()),
        (narrow, narrow_slash) in (any_pattern(), any::<bool>()),
    ) {
        let is_inside = every_path().iter()
            .all(|path| !matches_by_trial(&narrow, path) || matches_by_trial(&wide, path));
        let end = |segments: &[&str], has_slash: bool| (has_slash, !has_slash && segments.last() == Some(&"**"));
        let (wide_end, narrow_end) = (end(&wide, wide_slash), end(&narrow, narrow_slash));
        let slashed = |segments: &[&str], has_slash: bool| format!("{}{}", text(segments), if has_slash { "/" } else { "" });
        prop_assert_eq!(
            contains(&slashed(&wide, wide_slash), &slashed(&narrow, narrow_slash)),
            is_inside && (wide_end.1 || wide_end == narrow_end)
        );
    }

    #[test]
    fn matching_agrees_with_trial(pattern in any_pattern(), path in prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("z")], 1..7)) {
        prop_assert_eq!(matches(&text(&pattern), &text(&path)), matches_by_trial(&pattern, &path));
    }

    #[test]
    fn reading_never_panics(text in "[/%.*a-f0-9;?\\\\é]{0,40}|.{0,40}") {
        let path = RequestPath::parse(&text);
        if let Ok(pattern) = PathPattern::parse(&text) {
            prop_assert_eq!(PathPattern::parse(&pattern.to_string()), Ok(pattern.clone()));
            prop_assert!(pattern.contains(&pattern));
        }
        if let Ok(path) = path {
            prop_assert!(path.segments.iter().all(|segment| !segment.contains(['/', '\\', '%'])));
        }
    }
}
