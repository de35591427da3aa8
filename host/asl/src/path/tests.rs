use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::Failure;

fn library() -> Value {
    json!({
        "delivery-partner": "UQS",
        "abc": {"def ghi": 1, "x": {"y": null}},
        "Test\\\"\"Name\"": "escaped",
        "n": {"1": "one"},
        "empty": [],
        "numbers": [0, 10, 20, 30, 40],
        "books": [
            {"title": "a", "year": 1997, "status": 0, "tags": ["x"]},
            {"title": "b", "year": 1998, "status": 1, "price": 8.95},
            {"title": "c", "year": 2001, "status": "1", "price": 22},
        ],
        "wanted": 1998,
    })
}

fn check(path: &str, expected: Value) {
    let path = Path::parse(path).unwrap_or_else(|problem| panic!("{path}: {problem}"));
    let found = path.evaluate(&library(), &json!({"Execution": {"Id": "e"}}));
    assert_eq!(found, Ok(expected), "{path}");
}

fn check_missing(path: &str, detail: &str) {
    let error = Path::parse(path)
        .unwrap()
        .evaluate(&library(), &Value::Null);
    let expected = PathError::NotFound {
        path: path.to_owned(),
        detail: detail.to_owned(),
    };
    assert_eq!(error, Err(expected));
}

fn check_refused(path: &str, problem: &str) {
    let refused = Path::parse(path).expect_err(path);
    assert!(refused.contains(problem), "{path}: {refused}");
    assert!(!refused.contains('\n'), "{refused}");
}

#[test]
fn definite_paths_give_the_value_itself() {
    check("$", library());
    check("$.wanted", json!(1998));
    check("$.delivery-partner", json!("UQS"));
    check("$.abc.['def ghi']", json!(1));
    check("$['abc']['x'].y", Value::Null);
    check("$['Test\\\"\"Name\"']", json!("escaped"));
    check("$.n.1", json!("one"));
    check("$.numbers[0]", json!(0));
    check("$.numbers[-1]", json!(40));
    check("$.books[ 1 ].title", json!("b"));
    check("$$.Execution.Id", json!("e"));
    check("$$", json!({"Execution": {"Id": "e"}}));
}

#[test]
fn quoted_names_may_hold_any_character() {
    let data = json!({"it's": 1, "a\\b": 2, "a.b[0]": 3, "": 4});
    for (path, expected) in [
        (r"$['it\'s']", 1),
        (r#"$["it's"]"#, 1),
        (r"$['a\\b']", 2),
        (r"$['a\b']", 2),
        ("$['a.b[0]']", 3),
        ("$['']", 4),
    ] {
        let found = Path::parse(path).unwrap().evaluate(&data, &Value::Null);
        assert_eq!(found, Ok(json!(expected)), "{path}");
    }
}

#[test]
fn several_names_merge_at_the_leaf_and_iterate_elsewhere() {
    check(
        "$.books[0]['title','year','none']",
        json!({"title": "a", "year": 1997}),
    );
    check(
        "$.books[*]['title', 'price']",
        json!([
            {"title": "a"}, {"title": "b", "price": 8.95}, {"title": "c", "price": 22},
        ]),
    );
    check("$['abc','n'].1", json!(["one"]));
}

#[test]
fn indefinite_paths_give_lists() {
    check("$.numbers[1:3]", json!([10, 20]));
    check("$.numbers[-2:]", json!([30, 40]));
    check("$.numbers[:-3]", json!([0, 10]));
    check("$.numbers[::2]", json!([0, 20, 40]));
    check("$.numbers[4:1]", json!([]));
    check("$.numbers[2:99]", json!([20, 30, 40]));
    check("$.numbers[0,2,9]", json!([0, 20]));
    check("$.abc.*", json!([1, {"y": null}]));
    check("$.books[*].year", json!([1997, 1998, 2001]));
    check("$..year", json!([1997, 1998, 2001]));
    check("$..books[0].title", json!(["a"]));
    check(
        "$.books..*",
        json!([
            {"title": "a", "year": 1997, "status": 0, "tags": ["x"]},
            {"title": "b", "year": 1998, "status": 1, "price": 8.95},
            {"title": "c", "year": 2001, "status": "1", "price": 22},
            "a", 1997, 0, ["x"], "x", "b", 1998, 1, 8.95, "c", 2001, "1", 22,
        ]),
    );
}

#[test]
fn indefinite_paths_find_an_empty_list_where_parents_are_missing() {
    for path in [
        "$.none[*]",
        "$.none.a[1:].x",
        "$.wanted[*].x",
        "$.empty[*]",
        "$.none..x",
        "$.none[?(@.a)]",
    ] {
        check(path, json!([]));
    }
}

#[test]
fn filters_keep_what_fulfils_them() {
    let titles = |titles: &[&str]| json!(titles);
    check("$.books[?(@.status == 0)].title", titles(&["a"]));
    check("$.books[?(@.status == 1)].title", titles(&["b", "c"]));
    check("$.books[?(@.status != 1)].title", titles(&["a"]));
    check(
        "$.[\"books\"][?( @.year<1999 && @.price )].title",
        titles(&["b"]),
    );
    check("$.books[?(@['price'] >= 8.95)].title", titles(&["b", "c"]));
    check(
        "$.books[?(!@.price || @.year > 2000)].title",
        titles(&["a", "c"]),
    );
    check(
        "$.books[?(!(@.price || @.year > 2000))].title",
        titles(&["a"]),
    );
    check("$.books[?(@.year == $.wanted)].title", titles(&["b"]));
    check("$.books[?('b' == @.title)].year", json!([1998]));
    check("$.books[?(@.tags[?(@ == 'x')])].title", titles(&["a"]));
    check("$.books[?(@.none == null)].title", json!([]));
    check("$.books[?(@.none != 3)].title", titles(&["a", "b", "c"]));
    check("$.books[?(@.title < 3)]", json!([]));
    check("$.books[?(@.status == true)]", json!([]));
    check("$..[?(@.year == 2001)].title", titles(&["c"]));
    check("$.numbers[?(@ > 20)]", json!([30, 40]));
}

#[test]
fn a_filter_tests_an_object_itself_rather_than_its_members() {
    check("$.abc[?(@.x)]['def ghi']", json!([1]));
    check("$.abc[?(@.y)]", json!([]));
}

#[test]
fn a_definite_path_that_finds_nothing_says_where_it_ended() {
    check_missing("$.no.such.path", "Missing property in path $['no']");
    check_missing("$.none", "No results for path: $['none']");
    check_missing("$.abc.none", "No results for path: $['abc']['none']");
    check_missing("$.numbers[9]", "No results for path: $['numbers'][9]");
    check_missing(
        "$.numbers[-9].x",
        "No results for path: $['numbers'][-9]['x']",
    );
    check_missing(
        "$.wanted.x",
        "Expected to find an object with property ['x'] in path $['wanted'] but found a number",
    );
    check_missing("$.abc.x.y[0]", "The path $['abc']['x']['y'] is null");
    check_missing(
        "$.abc[0]",
        "[0] can only be applied to arrays, but $['abc'] is an object",
    );
    check_missing(
        "$$.x",
        "Expected to find an object with property ['x'] in path $ but found null",
    );
}

#[test]
fn failures_are_worded_as_the_service_words_them() {
    let input = json!({"flagged": false});
    let error = || {
        Path::parse("$.application.address")
            .unwrap()
            .evaluate(&input, &Value::Null)
            .unwrap_err()
    };
    assert_eq!(
        error().of_member("address.$", &input),
        Failure::runtime(
            "The JSONPath '$.application.address' specified for the field 'address.$' could not be found in the input '{\"flagged\":false}'"
        )
    );
    assert_eq!(
        error().of_field(),
        Failure::runtime(
            "Invalid path '$.application.address' : Missing property in path $['application']"
        )
    );
    assert_eq!(
        error().of_condition(),
        Failure::runtime(
            "Invalid path '$.application.address': The choice state's condition path references an invalid value."
        )
    );
}

#[test]
fn malformed_paths_are_refused_with_their_place() {
    check_refused("", "starts with `$`");
    check_refused("x", "starts with `$`");
    check_refused("$.", "expected a name at character 3");
    check_refused("$..", "expected a name");
    check_refused("$...a", "expected a name");
    check_refused("$.a b", "expected `.` or `[` at character 4");
    check_refused("$ ", "expected `.` or `[`");
    check_refused("$['a'", "expected `]`");
    check_refused("$['a", "closing `'`");
    check_refused("$['a',]", "quoted text");
    check_refused("$[]", "expected a quoted name");
    check_refused("$[a]", "expected a quoted name");
    check_refused("$[1", "expected `]`");
    check_refused("$[1-2]", "whole number");
    check_refused("$[99999999999999999999]", "whole number");
    check_refused("$[::0]", "at least 1");
    check_refused("$['a']b", "expected `.` or `[`");
    check_refused(
        "$.a[?(@.b =~ /x/)]",
        "`=~` is not supported by this version yet",
    );
    check_refused(
        "$.a[?(@.b in [1])]",
        "`in` is not supported by this version yet",
    );
    check_refused("$.a[?(1)]", "expected an operator");
    check_refused("$.a[?@.b]", "expected `(`");
    check_refused("$.a[?(@.b == )]", "expected `@`");
    check_refused("$.a.length()", "`length()` are not supported");
    check_refused("$1x", "`1x` is no name of a variable");
    check_refused(&"$.a".repeat(4_000), "bytes long");
    check_refused(&format!("${}", ".a".repeat(65)), "at most 64 steps");
    check_refused(
        &format!("$[?({}@.a{})]", "(".repeat(40), ")".repeat(40)),
        "16 levels",
    );
    check_refused(&format!("$[?({}@.a)]", "!".repeat(4_000)), "16 levels");
    check_refused(
        &format!(
            "{}@.a{}",
            "$[?(@".to_owned() + &"[?(@".repeat(300),
            ")]".repeat(301)
        ),
        "16 levels",
    );
}

#[test]
fn reference_paths_write_and_create() {
    let write = |path: &str, into: Value| {
        ReferencePath::parse(path)
            .unwrap()
            .write(into, json!("new"))
    };
    assert_eq!(write("$", json!(1)), Ok(json!("new")));
    assert_eq!(
        write("$.a.b", json!({"c": 1})),
        Ok(json!({"c": 1, "a": {"b": "new"}}))
    );
    assert_eq!(
        write("$.a", json!({"a": {"b": 1}, "c": 2})),
        Ok(json!({"a": "new", "c": 2}))
    );
    assert_eq!(
        write("$.a[1].b", json!({"a": [0, {"x": 1}]})),
        Ok(json!({"a": [0, {"x": 1, "b": "new"}]}))
    );
    assert_eq!(
        write("$.a[0]", json!({"a": [0, 1]})),
        Ok(json!({"a": ["new", 1]}))
    );
}

#[test]
fn a_place_that_cannot_exist_is_not_written_to() {
    for (path, into) in [
        ("$.a", json!("input1")),
        ("$.a", Value::Null),
        ("$.a.b", json!({"a": 1})),
        ("$.a[2]", json!({"a": [0, 1]})),
        ("$.a[0]", json!({})),
        ("$.a", json!([1])),
    ] {
        let failure = ReferencePath::parse(path)
            .unwrap()
            .write(into.clone(), json!(1))
            .unwrap_err();
        assert_eq!(failure.error, "States.ResultPathMatchFailure");
        assert_eq!(
            failure.cause,
            format!("Unable to apply ReferencePath {path} to input {into}")
        );
    }
    assert!(
        ReferencePath::parse("$$.a")
            .unwrap()
            .write(json!({}), json!(1))
            .is_err()
    );
}

#[test]
fn only_names_and_indices_make_a_reference_path() {
    for path in [
        "$.a[*]",
        "$..a",
        "$.a[0:1]",
        "$['a','b']",
        "$.a[?(@.b)]",
        "$[0,1]",
    ] {
        assert!(ReferencePath::parse(path).is_err(), "{path}");
    }
    assert!(ReferencePath::parse("$$.Execution['Input'][0]").is_ok());
}

#[test]
fn writing_cannot_nest_without_end() {
    let path = ReferencePath::parse("$.a").unwrap();
    let mut value = json!({});
    let failure = loop {
        match path.write(json!({}), value) {
            Ok(deeper) => value = deeper,
            Err(failure) => break failure,
        }
    };
    assert_eq!(failure.cause, "The value nests more than 100 levels deep");
}

#[test]
fn paths_that_multiply_are_cut_off() {
    let leaf = json!("x".repeat(10_000));
    let data = (0..100).fold(leaf, |inner, _| Value::Array(vec![inner, json!(1)]));
    for path in [
        "$..*..*..*..*",
        "$..*",
        "$..[?($..x == $..y)]",
        "$..[?(@ == $)]..[?(@ != $)]",
    ] {
        let found = Path::parse(path).unwrap().evaluate(&data, &Value::Null);
        assert!(
            matches!(found, Err(PathError::TooCostly { .. }) | Ok(_)),
            "{path}"
        );
    }
    let found = Path::parse("$..*..*..*..*")
        .unwrap()
        .evaluate(&data, &Value::Null);
    assert!(matches!(found, Err(PathError::TooCostly { .. })));
}

#[test]
fn lists_of_names_and_indices_that_miss_are_not_free() {
    let (object, array) = (json!({"other": 1}), json!([1]));
    let names = vec!["'a'"; 1_500].join(",");
    let indices = vec!["7"; 1_500].join(",");
    for (place, list) in [(object, names), (array, indices)] {
        let data = Value::from(vec![place; 1_000]);
        for (path, is_cheap) in [
            (format!("$[*][{list}]"), false),
            (format!("$[*][{list}].b"), false),
            (format!("$[?(@[{list}].b)]"), false),
            (format!("$[0][{list}].b"), true),
            ("$[*]['a'].b".to_owned(), true),
            ("$[*][7].b".to_owned(), true),
        ] {
            let found = Path::parse(&path).unwrap().evaluate(&data, &Value::Null);
            let is_cut_off = matches!(found, Err(PathError::TooCostly { .. }));
            assert_eq!(is_cut_off, !is_cheap, "{path:.20}");
        }
    }
}

#[test]
fn deep_data_is_searched_without_overflowing_the_stack() {
    let leaf = json!({"leaf": 1});
    let data = (0..2_000).fold(leaf, |inner, _| Value::Array(vec![inner]));
    let found = Path::parse("$..leaf")
        .unwrap()
        .evaluate(&data, &Value::Null);
    assert_eq!(found, Ok(json!([1])));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ab]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[abc]", inner), 0..6)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn path_text() -> impl Strategy<Value = String> {
    let step = prop::sample::select(vec![
        ".a",
        ".b",
        "['c']",
        "['a','b']",
        "[0]",
        "[-1]",
        "[1:]",
        "[:-1]",
        "[*]",
        ".*",
        "..a",
        "..*",
        "..[0]",
        "[?(@.a)]",
        "[?(@.a == @.b)]",
        "[?(!@ || $.a != 1 && @ < 'b')]",
    ]);
    prop::collection::vec(step, 0..6).prop_map(|steps| format!("${}", steps.concat()))
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "\\$?[\\$.\\[\\]'\"a?@()*:,0-9!&|=<> -]{0,40}|.*") {
        if let Ok(path) = Path::parse(&text) {
            prop_assert_eq!(path.to_string(), text);
            let _ = path.evaluate(&library(), &library());
        }
    }

    #[test]
    fn definite_paths_fail_or_give_one_value_and_others_always_give_lists(text in path_text(), data in any_json()) {
        let path = Path::parse(&text).unwrap();
        let found = path.evaluate(&data, &Value::Null);
        if !path.is_definite() {
            let is_list = matches!(found, Ok(Value::Array(_)) | Err(PathError::TooCostly { .. }));
            prop_assert!(is_list);
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        steps in prop::collection::vec(prop::sample::select(vec![".a", "['b']", "[0]", "[-1]"]), 0..5),
        into in any_json(),
        value in any_json(),
    ) {
        let path = ReferencePath::parse(&format!("${}", steps.concat())).unwrap();
        if let Ok(written) = path.write(into, value.clone()) {
            prop_assert_eq!(path.as_path().evaluate(&written, &Value::Null), Ok(value));
        }
    }
}
