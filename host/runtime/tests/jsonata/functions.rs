//! What the service adds to JSONata, what comes from the request, and what becomes of values
//! that JSON does not have.

use asl::jsonata::{Evaluation, EvaluationErrorKind, Evaluator as _};
use serde_json::{Map, Value, json};

use crate::harness::{AT, EVALUATOR, ask, is_same, raised, seeded, value, with};

fn check(cases: &[(&str, Value)]) {
    for (expression, expected) in cases {
        let value = value(expression);
        assert!(is_same(&value, expected), "`{expression}` gave {value}");
    }
}

#[test]
fn arrays_are_partitioned() {
    check(&[
        ("$partition([1..5], 2)", json!([[1, 2], [3, 4], [5]])),
        ("$partition([1..4], 4)", json!([[1, 2, 3, 4]])),
        ("$partition([1], 1000)", json!([[1]])),
        ("$partition([], 2)", json!([])),
        ("$partition(7, 2)", json!([[7]])),
        ("list ~> $count()", json!(0)),
        ("$list ~> $partition(2) ~> $count()", json!(2)),
    ]);
    assert_eq!(ask("$partition($nothing, 2)"), Ok(None));
    for refused in ["0", "-1", "1.5"] {
        raised(&format!("$partition([1], {refused})"));
    }
    assert_eq!(raised("$partition([1], 'x')").0, "T0410");
    assert_eq!(raised("$partition([1], 1, 1)").0, "T0410");
}

#[test]
fn ranges_include_both_ends() {
    check(&[
        ("$range(0, 10, 2)", json!([0, 2, 4, 6, 8, 10])),
        ("$range(0, 9, 2)", json!([0, 2, 4, 6, 8])),
        ("$range(5, 1, -2)", json!([5, 3, 1])),
        ("$range(1, 1, 3)", json!([1])),
        ("$range(2, 1, 1)", json!([])),
        ("$range(0, 1, 0.5)", json!([0, 0.5, 1])),
        ("$sum($range(1, 100000, 1))", json!(5_000_050_000_i64)),
    ]);
    raised("$range(1, 2, 0)");
    assert_eq!(raised("$range(1, 2)").0, "T0410");
    assert_eq!(raised("$range(1, 1e15, 1)").0, "D2014");
}

#[test]
fn text_is_hashed_with_every_algorithm() {
    check(&[
        (
            "$hash('hello', 'MD5')",
            json!("5d41402abc4b2a76b9719d911017c592"),
        ),
        (
            "$hash('hello', 'SHA-1')",
            json!("aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"),
        ),
        (
            "$hash('hello', 'SHA-256')",
            json!("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
        ),
        (
            "$substring($hash('hello', 'SHA-384'), 0, 16)",
            json!("59e1748777448c69"),
        ),
        ("$length($hash('hello', 'SHA-384'))", json!(96)),
        (
            "$substring($hash('hello', 'SHA-512'), 0, 16)",
            json!("9b71d224bd62f378"),
        ),
        ("$length($hash('', 'SHA-512'))", json!(128)),
        (
            "$map(['hello', 'x'], function($t) { $t ~> $hash('MD5') })[0]",
            json!("5d41402abc4b2a76b9719d911017c592"),
        ),
    ]);
    assert_eq!(ask("$hash($nothing, 'MD5')"), Ok(None));
    raised("$hash('hello', 'CRC32')");
    assert_eq!(raised("$hash('hello')").0, "T0410");
    assert_eq!(raised("$hash(1, 'MD5')").0, "T0410");
}

#[test]
fn json_text_is_parsed() {
    check(&[
        (
            "$parse('{\"a\": [1, 2.5, null, true]}')",
            json!({"a": [1, 2.5, null, true]}),
        ),
        ("$parse('\"x\"')", json!("x")),
        ("$parse('null')", Value::Null),
        (
            "$parse($string($states.input)) = $states.input",
            json!(true),
        ),
    ]);
    assert_eq!(ask("$parse($nothing)"), Ok(None));
    for broken in ["{", "1 2", "", "{a: 1}", "[1,]"] {
        raised(&format!("$parse('{broken}')"));
    }
    assert_eq!(raised("$parse(1)").0, "T0410");
    raised("($open := function($n) { $n = 0 ? '' : '[' & $open($n - 1) }; $parse($open(600)))");
}

#[test]
fn the_same_seed_gives_the_same_randomness() {
    let all = "[$random(), $random(), $uuid(), $uuid(), $string($shuffle([1..20]))]";
    let first = seeded(all, 1).unwrap().unwrap();
    assert_eq!(seeded(all, 1).unwrap().unwrap(), first);
    let other = seeded(all, 2).unwrap().unwrap();
    for index in 0..5 {
        assert_ne!(first[index], other[index]);
    }
    assert_ne!(first[0], first[1]);
    assert_ne!(first[2], first[3]);
    for index in 0..2 {
        let number = first[index].as_f64().unwrap();
        assert!((0.0..1.0).contains(&number));
    }
}

#[test]
fn expressions_of_one_request_share_its_randomness() {
    let request = Evaluation {
        expressions: &["$uuid()", "$uuid()", "$random()", "$random()"],
        bindings: &Map::new(),
        at: AT,
        seed: 3,
    };
    let values = EVALUATOR.evaluate(&request).unwrap().values;
    assert_ne!(values[0], values[1]);
    assert_ne!(values[2], values[3]);
}

#[test]
fn a_seed_of_its_own_fixes_a_random_number() {
    assert_eq!(seeded("$random(42)", 1), seeded("$random(42)", 2));
    assert_ne!(value("$random(42)"), value("$random(43)"));
    assert_eq!(value("$random(42) = $random(42)"), json!(true));
    assert_eq!(raised("$random('x')").0, "T0410");
}

#[test]
fn uuids_are_of_version_four() {
    let matched = "$contains($uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)";
    assert_eq!(value(matched), json!(true));
    assert_eq!(raised("$uuid(1)").0, "T0410");
}

#[test]
fn the_time_is_that_of_the_request() {
    check(&[
        ("$now()", json!("2026-11-22T20:00:00.123Z")),
        ("$millis()", json!(1_795_377_600_123_i64)),
        ("$now('[Y0001]-[M01]-[D01]')", json!("2026-11-22")),
        ("$now('[H01]:[m01] [z]', '-0500')", json!("15:00 GMT-05:00")),
        (
            "$now($nothing, '+0100')",
            json!("2026-11-22T21:00:00.123+01:00"),
        ),
        (
            "$fromMillis($toMillis('09:30', '[H01]:[m01]'))",
            json!("2026-11-22T09:30:00.000Z"),
        ),
    ]);
    assert_eq!(raised("$now(1)").0, "T0410");
}

#[test]
fn urls_are_encoded_as_in_javascript() {
    check(&[
        (
            "$encodeUrl('https://x/?a=b c#d')",
            json!("https://x/?a=b%20c#d"),
        ),
        ("$encodeUrl('ü[]\"')", json!("%C3%BC%5B%5D%22")),
        ("$states.input.name.$encodeUrl()", json!("Ada")),
        ("$map(['a b'], $encodeUrl)", json!("a%20b")),
        (
            "$encodeUrlComponent('a b&c/!~*()')",
            json!("a%20b%26c%2F!~*()"),
        ),
    ]);
    assert_eq!(ask("$encodeUrl($nothing)"), Ok(None));
    assert_eq!(raised("$encodeUrl(1)").0, "T0410");
}

#[test]
fn distinct_values_are_found_by_value() {
    check(&[
        (
            "$distinct([1, 1.0, '1', 1, true, null, null])",
            json!([1, "1", true, null]),
        ),
        (
            "$distinct([{'a': 1, 'b': 2}, {'b': 2, 'a': 1}, {'a': 1}])",
            json!([{"a": 1, "b": 2}, {"a": 1}]),
        ),
        (
            "$distinct([[1, 2], [1, 2], [2, 1]])",
            json!([[1, 2], [2, 1]]),
        ),
        ("$distinct(0)", json!(0)),
        (
            "$count($distinct($append([1..40000], [1..40000])))",
            json!(40_000),
        ),
        ("[1, 1] ~> $distinct()", json!([1])),
    ]);
}

#[test]
fn numbers_come_back_as_json_has_them() {
    let cases = [
        ("1.0", "1"),
        ("10 / 2", "5"),
        ("-0.5 - 0.5", "-1"),
        ("-1 * 0", "0"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("9007199254740991", "9007199254740991"),
        ("1e15 * 10", "10000000000000000"),
        ("1 / 3", "0.3333333333333333"),
        ("1e21", "1e+21"),
        ("-1e-7", "-1e-7"),
        ("45.285000000000004", "45.285000000000004"),
    ];
    for (expression, expected) in cases {
        assert_eq!(value(expression).to_string(), expected, "{expression}");
    }
}

#[test]
fn undefined_is_told_from_null() {
    assert_eq!(ask("$nothing"), Ok(None));
    assert_eq!(ask("$states.input.absent"), Ok(None));
    assert_eq!(ask("$"), Ok(None));
    assert_eq!(ask("null"), Ok(Some(Value::Null)));
    assert_eq!(value("{'a': $nothing, 'b': 1}"), json!({"b": 1}));
}

#[test]
fn functions_and_patterns_are_no_values() {
    for expression in [
        "$sum",
        "function($x) { $x }",
        "$f := function($x){$x}",
        "$uuid",
        "/ab+/",
        "{'f': $count}",
        "[1, [function() { 1 }]]",
        "$substring(?, 1)",
    ] {
        let answer = ask(expression);
        assert_eq!(
            answer,
            Err(EvaluationErrorKind::Unsupported),
            "{expression}"
        );
    }
}

#[test]
fn errors_are_told_in_the_language_s_words() {
    let is = |code: &str, message: &str| (code.to_owned(), message.to_owned());
    assert_eq!(raised("$error('one\\ntwo')"), is("D3137", "one\ntwo"));
    assert_eq!(
        raised("1 + 'x'"),
        is(
            "T2002",
            "The right side of the + operator must evaluate to a number"
        )
    );
    let pattern = raised("$contains('x', /(/)");
    assert!(!pattern.1.contains('\n'), "{pattern:?}");
    assert!(pattern.1.contains("unclosed group"), "{pattern:?}");
}

#[test]
fn the_first_failing_expression_is_named() {
    let request = Evaluation {
        expressions: &["1", "$states.a", "1 + 'x'", "$error('never')"],
        bindings: &Map::new(),
        at: AT,
        seed: 3,
    };
    let error = EVALUATOR.evaluate(&request).unwrap_err();
    assert_eq!(error.index, 2);
    assert!(matches!(error.kind, EvaluationErrorKind::Raised { code, .. } if code == "T2002"));
}

#[test]
fn variables_of_one_expression_do_not_reach_the_next() {
    let bindings = json!({"x": 5});
    let request = Evaluation {
        expressions: &["($x := 1; $y := 2; $x)", "$x", "$y"],
        bindings: bindings.as_object().unwrap(),
        at: AT,
        seed: 3,
    };
    let values = EVALUATOR.evaluate(&request).unwrap().values;
    assert_eq!(values, [Some(json!(1)), Some(json!(5)), None]);
    assert_eq!(with("$x", &Map::new(), 1), Ok(None));
}
