//! Expressions and data meant to hang, exhaust or crash the host: each is an error, and soon.

use std::time::{Duration, Instant};

use asl::jsonata::EvaluationErrorKind;
use serde_json::{Map, Value, json};

use crate::harness::{ask, value, with};

/// Far above what the fuel allows on a slow and busy machine, far below forever.
const SOON: Duration = Duration::from_secs(30);

fn is_stopped(expression: &str) -> EvaluationErrorKind {
    is_stopped_with(expression, &Map::new())
}

fn is_stopped_with(expression: &str, bindings: &Map<String, Value>) -> EvaluationErrorKind {
    let started = Instant::now();
    let kind = match with(expression, bindings, 1) {
        Err(kind @ (EvaluationErrorKind::Limit(_) | EvaluationErrorKind::Raised { .. })) => kind,
        other => panic!("`{expression}` gave {other:?}"),
    };
    assert!(
        started.elapsed() < SOON,
        "`{expression}` took {:?}",
        started.elapsed()
    );
    assert_eq!(value("$sum([1..10])"), json!(55), "after `{expression}`");
    kind
}

fn is_limited(expression: &str) {
    let kind = is_stopped(expression);
    assert!(
        matches!(kind, EvaluationErrorKind::Limit(_)),
        "`{expression}`: {kind:?}"
    );
}

#[test]
fn memory_is_limited() {
    is_limited("$pad('x', 1e9)");
    is_limited("$pad('x', 1e8)");
    is_limited("$length($pad('x', -1e9, 'ab'))");
    is_limited("[1..9999999]");
    is_stopped("[1..1e8]");
    is_limited("($double := function($s) { $double($s & $s) }; $double('x'))");
    is_limited(
        "($s := $join([1..200000].$string()); $grow := function($s) { $grow($s & $s) }; $grow($s))",
    );
    is_limited("($grow := function($l) { $grow($append($l, $l)) }; $grow([1]))");
    is_limited("$replace($pad('', 100000, 'x'), /x/, $pad('', 100000, 'y'))");
}

#[test]
fn long_text_cannot_be_split_into_everything() {
    let bindings = |bytes: usize| json!({"text": "a,".repeat(bytes / 2)});
    for bytes in [32 << 20, 8 << 20] {
        is_stopped_with(
            "$count($split($text, ''))",
            bindings(bytes).as_object().unwrap(),
        );
        is_stopped_with(
            "$count($split($text, ','))",
            bindings(bytes).as_object().unwrap(),
        );
    }
    let small = bindings(200 << 10);
    let count = with("$count($split($text, ','))", small.as_object().unwrap(), 1);
    assert_eq!(count, Ok(Some(json!((100 << 10) + 1))));
}

#[test]
fn shared_values_cannot_be_unfolded_without_end() {
    let laughs =
        "$d := function($v, $n) { $n = 0 ? $v : $d({'l': $v, 'r': $v}, $n - 1) }; $b := $d(1, 40)";
    for walk in [
        "$string($b)",
        "$b = $d(1, 40)",
        "$count($b.**)",
        "$distinct([$b, $d(1, 40)])",
        "$b",
        "[$b, $b] ~> $sort(function($l, $r) { $l.l = $r.r })",
    ] {
        is_limited(&format!("({laughs}; {walk})"));
    }
}

#[test]
fn recursion_is_limited() {
    is_limited("($f := function() { $f() }; $f())");
    is_limited("($f := function($n) { 1 + $f($n + 1) }; $f(0))");
    is_limited("($a := function($n) { $b($n) + 1 }; $b := function($n) { $a($n) + 1 }; $a(1))");
    is_limited("($f := function($n) { [$map([1], function($x) { $f($n) })] }; $f(1))");
    is_limited("($f := function($v) { $string({'v': $f($v)}) }; $f(1))");
    is_limited("($y := function($f) { $f($f) }; $y($y) + 1)");
    assert_eq!(
        value("($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f(900))"),
        json!(900)
    );
    assert_eq!(
        value("($f := function($n) { $n = 0 ? 'end' : $f($n - 1) }; $f(50000))"),
        json!("end")
    );
}

#[test]
fn patterns_cannot_backtrack() {
    let text = "a".repeat(5_000);
    let started = Instant::now();
    for pattern in [
        "/^(a+)+$/",
        "/(a*)*b/",
        "/^(a|aa)+$/",
        "/(.*)(.*)(.*)(.*)[^a!]/",
    ] {
        let expression = format!("$contains('{text}!', {pattern})");
        assert_eq!(value(&expression), json!(false), "{pattern}");
    }
    assert!(started.elapsed() < SOON);
    is_stopped("$match('x', /((((x{1,200}){1,200}){1,200}){1,200})/)");
    is_stopped("$match('x', /(?=x)/)");
    is_stopped("$match('x', /(/)");
}

#[test]
fn deep_values_are_walked_or_refused() {
    for (walk, expected) in [
        ("$count($distinct([$deep, $deep, 1]))", json!(2)),
        ("$deep = $deep", json!(true)),
        ("$length($string($deep)) > 3000", json!(true)),
    ] {
        let over = |levels: usize| {
            let deep = "$reduce([1..LEVELS], function($v, $i) { {'v': [$v]} })";
            let deep = deep.replace("LEVELS", &levels.to_string());
            format!("($deep := {deep}; {walk})")
        };
        assert_eq!(value(&over(3_000)), expected, "{walk}");
        match ask(&over(200_000)) {
            Ok(Some(value)) => assert_eq!(value, expected, "{walk}"),
            Err(EvaluationErrorKind::Limit(_)) => {}
            other => panic!("{walk}: {other:?}"),
        }
    }
}

#[test]
fn results_are_bounded() {
    is_limited("[1..300000]");
    is_limited(
        "($nest := function($v, $n) { $n = 0 ? $v : $nest([[$v], 1], $n - 1) }; $nest(1, 101))",
    );
    is_limited("$reduce([1..20000], function($v, $i) { {'v': $v} })");
    is_limited("$pad('x', 3000000)");
    is_limited("[1..1000].$pad('x', 3000)");
    assert_eq!(value("$count([1..250000])"), json!(250_000));
    let deep = value(
        "($nest := function($v, $n) { $n = 0 ? $v : $nest({'v': $v}, $n - 1) }; $nest(1, 100))",
    );
    assert!(deep.is_object());
}

#[test]
fn faults_of_the_engine_are_errors_of_the_expression() {
    is_stopped("$fromMillis(1, '[Y,*-1000000000]')");
    is_stopped("$fromMillis(1, '[H,1000000000-1000000000]')");
    is_stopped("$fromMillis(1e300)");
    is_stopped("$formatBase(1, 1)");
    is_stopped("$formatNumber(1, $pad('#', 100000000, '#'))");
    is_stopped("$power(10, 1000)");
    is_stopped("$substring('x', 1e300, -1e300) & $error('end')");
}

#[test]
fn large_data_does_not_hang_harmless_expressions() {
    let list = json!({"list": (0..40_000).collect::<Vec<_>>()});
    let started = Instant::now();
    let count = with("$count($distinct($list))", list.as_object().unwrap(), 1);
    assert_eq!(count, Ok(Some(json!(40_000))));
    assert!(started.elapsed() < SOON);
    is_stopped_with(
        "$sort($list, function($a, $b) { $random() > 0.5 }) ~> $error()",
        list.as_object().unwrap(),
    );
}

#[test]
fn data_that_is_too_deep_is_refused() {
    let deep = |levels: usize| (1..levels).fold(json!([]), |inner, _| json!([inner]));
    let shallow = json!({"deep": deep(500)});
    assert_eq!(
        with("$count($deep)", shallow.as_object().unwrap(), 1),
        Ok(Some(json!(1)))
    );
    let too_deep = json!({"deep": deep(600)});
    is_stopped_with("$count($deep)", too_deep.as_object().unwrap());
}

#[test]
fn text_that_is_no_expression_stops_at_once() {
    for expression in [
        "\u{0}", "\\", "\u{fffd}", "{% 1 %}", "`", "''''", "{'a':}", "[1..", "$$$", "@#$%^&*",
    ] {
        let answer = ask(expression);
        assert!(
            matches!(answer, Err(_) | Ok(None)),
            "`{expression}` gave {answer:?}"
        );
    }
    is_stopped(&"[".repeat(1 << 20));
    is_stopped(&format!("'{}", "x".repeat(1 << 20)));
    is_stopped(&"1+".repeat(1 << 20));
}

#[cfg(target_os = "linux")]
#[test]
fn the_host_stays_small() {
    is_limited("$pad('x', 1e9)");
    is_limited("($grow := function($l) { $grow($append($l, $l)) }; $grow([1]))");
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kilobytes: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kilobytes < 1 << 20, "{peak}");
}
