//! What is said about expressions before they are evaluated.

use asl::jsonata::EvaluationErrorKind;
use serde_json::json;

use crate::harness::{ask, check, raised, value};

fn reads(expression: &str, variables: &[&str], states: &[&str]) {
    let references = check(expression).unwrap();
    assert_eq!(references.variables, variables, "{expression}");
    assert_eq!(references.states, states, "{expression}");
}

#[test]
fn variables_and_members_of_states_are_found() {
    reads("1 + 1", &[], &[]);
    reads("$x + $y.z[$w]", &["w", "x", "y"], &[]);
    reads(
        "$states.input.a & $states.context.Execution.Id",
        &[],
        &["context", "input"],
    );
    reads("$states.`result`[0].x", &[], &["result"]);
    reads(
        "{'a': $states.errorOutput, $k: $v}",
        &["k", "v"],
        &["errorOutput"],
    );
    reads("$sum($list) ~> $string() ~> $hash('MD5')", &["list"], &[]);
    reads("$map($list, $uuid)", &["list"], &[]);
    reads("$helper(1)", &["helper"], &[]);
    reads("$list^(>$.price)", &["list"], &[]);
    reads("$x ? $y : $z", &["x", "y", "z"], &[]);
    reads("$x ~> |$|{'a': $y}, [$z]|", &["x", "y", "z"], &[]);
    reads("$ & $$ & $string($states)", &[], &[]);
}

#[test]
fn what_an_expression_binds_itself_is_not_read() {
    reads("($a := 1; $a + $b)", &["b"], &[]);
    reads("($a := $a; $a)", &["a"], &[]);
    reads("($a := 1; $a) + $a", &["a"], &[]);
    reads("function($x) { $x + $y }(1)", &["y"], &[]);
    reads(
        "($f := function($n) { $n = 0 ? 1 : $f($n - 1) }; $f(3))",
        &[],
        &[],
    );
    reads(
        "($f := function() { $g() }; $g := function() { $late }; $f())",
        &["late"],
        &[],
    );
    reads("$orders#$i[$i = $n]", &["n", "orders"], &[]);
    reads(
        "$orders@$o.lines@$l[$l.id = $o.id].{'o': $o, 'n': $n}",
        &["n", "orders"],
        &[],
    );
    reads("$orders#$i^($i)", &["orders"], &[]);
    reads("($states := {'input': 1}; $states.input)", &[], &[]);
    reads("($sum := 1; $sum)", &[], &[]);
}

#[test]
fn operators_of_later_versions_are_refused() {
    for expression in [
        "$x ?? 1",
        "$x ?: 1",
        "[1, {'a': ($b; $c ?? 2)}]",
        "$map($l, function($v) { $v ?: 1 })",
    ] {
        let error = check(expression).unwrap_err();
        assert_eq!(error.code, "S0211", "{expression}");
        let (code, message) = raised(expression);
        assert_eq!((code, message), (error.code, error.message));
    }
    assert_eq!(value("$nothing ? 1 : 2"), json!(2));
}

#[test]
fn eval_is_refused_in_every_form() {
    for expression in [
        "$eval('1')",
        "'1' ~> $eval()",
        "$map(['1'], $eval)",
        "($e := $eval; $e('1'))",
        "$eval(?, 1)",
        "function() { $eval('1') }",
    ] {
        check(expression).unwrap_err();
        raised(expression);
    }
    assert_eq!(
        value("($eval := function($x) { $x }; $eval('1'))"),
        json!("1")
    );
    assert_eq!(value("$parse('1')"), json!(1));
}

#[test]
fn broken_expressions_are_told_with_their_code() {
    for (expression, code) in [
        ("1 +", "S0207"),
        ("(1", "S0203"),
        ("'abc", "S0101"),
        ("1 2", "S0201"),
        ("/* open", "S0106"),
        ("10e1000", "S0102"),
        ("", "S0207"),
        ("1 := 2", "S0212"),
    ] {
        let error = check(expression).unwrap_err();
        assert_eq!(error.code, code, "{expression}: {}", error.message);
        assert!(!error.message.contains('\n'));
        assert_eq!(raised(expression).0, code);
    }
}

#[test]
fn tokens_are_named_as_they_are_written() {
    for (expression, message) in [
        ("(1", "Expected \")\" before end of expression"),
        ("{'a' 1}", "Expected \":\", got \"1.0\""),
        ("[1 $x]", "Expected \"]\", got \"$x\""),
        ("1; 2", "Syntax error: \";\""),
        ("#", "The symbol \"#\" cannot be used as a unary operator"),
    ] {
        assert_eq!(check(expression).unwrap_err().message, message);
    }
}

#[test]
fn nesting_without_end_is_refused() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("-", ""),
        ("function(){", "}"),
        ("$x[", "]"),
    ] {
        let expression = format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
        check(&expression).unwrap_err();
        match ask(&expression) {
            Err(EvaluationErrorKind::Limit(_) | EvaluationErrorKind::Raised { .. }) => {}
            other => panic!("{open}: {other:?}"),
        }
    }
    assert_eq!(
        value(&format!("{}1{}", "(".repeat(200), ")".repeat(200))),
        json!(1)
    );
}

#[test]
fn a_name_is_read_from_something() {
    for (expression, name) in [
        ("phone", "phone"),
        ("phone.number", "phone"),
        ("$sum(items.price)", "items"),
        ("{'a': order}", "order"),
        ("($x := order; $x)", "order"),
        ("true ? a : 1", "a"),
    ] {
        let message = format!("Reference to '{name}' at the top level is not supported.");
        assert_eq!(check(expression).unwrap_err().message, message);
    }
    for expression in [
        "$states.input.phone",
        "$states.input[kind = 'a'].phone",
        "$states.input.items^(>price)",
        "$states.input.items{kind: price}",
        "$map($states.input.items, function($i) { $i.price })",
        "$states.input ~> |items|{'a': b}|",
        "$states.input.(phone & name)",
    ] {
        check(expression).unwrap();
    }
}
