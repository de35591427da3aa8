mod functions;
mod properties;

use serde_json::json;

use super::*;

fn data() -> Value {
    json!({
        "name": "Ada", "template": "{} \\{\\}", "n": 7, "half": 2.5, "nil": null, "yes": true,
        "numbers": [1, 2, 3, 4, 5], "repeats": [3, 1, 3, 2, 1], "none": [],
        "object": {"Arg1": 1, "Arg2": []}, "a,b)": {"'": 1}, "text": "a,,b;c,",
        "json": "{\"k\": [1, \"x\"]}", "quoted": "\"x\"",
    })
}

fn evaluate_seeded(text: &str, data: &Value, seed: u64) -> Result<Value, Failure> {
    let mut variables = Variables::default();
    for (name, value) in [
        ("name", json!("Grace")),
        ("list", json!([{"x": 1}, {"x": 2}])),
        ("ünt_1", json!(5)),
    ] {
        variables.add_outer(name, std::sync::Arc::new(value));
    }
    let context = json!({"State": {"Name": "s-1-2"}});
    Intrinsic::parse(text).unwrap().evaluate(&mut Sources {
        data,
        context: &context,
        variables: &variables,
        random: &mut Random::new(seed),
        budget: &mut Budget::new(),
    })
}

fn evaluate(text: &str) -> Result<Value, Failure> {
    evaluate_seeded(text, &data(), 1)
}

fn check(text: &str, expected: Value) {
    assert_eq!(evaluate(text), Ok(expected), "{text}");
}

/// `detail` is the cause after the part that names the call.
fn check_failure(text: &str, detail: &str) {
    let cause = format!("The function '{text}' had the following error: {detail}");
    assert_eq!(evaluate(text), Err(Failure::runtime(cause)), "{text}");
}

fn check_arguments(text: &str) {
    let (function, _) = text.split_once('(').unwrap();
    check_failure(text, &format!("Invalid arguments in {function}"));
}

fn check_refused(text: &str, message: &str) {
    let problem = Intrinsic::parse(text).unwrap_err();
    assert!(problem.contains(message), "{text:.60}: {problem}");
}

#[test]
fn arguments_are_literals_paths_variables_and_calls() {
    check(
        "States.Array('it\\'s \\{\\} \\\\', -1.5e1, 0, null, true, false)",
        json!(["it's {} \\", -15.0, 0, null, true, false]),
    );
    check(
        " States.Array( $.name ,$$.State.Name,\n$.numbers[-2:] , States.Array() ) ",
        json!(["Ada", "s-1-2", [4, 5], []]),
    );
    check("States.Array($)", json!([data()]));
    check(
        "States.Array($name, $list[1].x, $list[*].x, $ünt_1)",
        json!(["Grace", 2, [1, 2], 5]),
    );
    check(
        "States.Array($.numbers[?(@ > 3 && (@ < 5))], $['a,b)']['\\''])",
        json!([[4], 1]),
    );
    check(
        "States.ArrayGetItem(States.StringSplit($$.State.Name, '-'), States.MathAdd(States.ArrayLength(States.StringSplit($$.State.Name, '-')), -1))",
        json!("2"),
    );
}

#[test]
fn malformed_calls_are_refused_with_their_place() {
    check_refused("", "expected the name of an intrinsic function");
    check_refused("States.Nope()", "intrinsic function at character 1");
    check_refused("States.format('')", "intrinsic function");
    check_refused(
        "States.Array",
        "expected `(` at character 13, where it ends",
    );
    check_refused("States.Array(", "expected a text in single quotes");
    check_refused("States.Array(1", "expected `,` or `)` at character 15");
    check_refused("States.Array(1,)", "at character 16, found `)`");
    check_refused("States.Array(1 2)", "expected `,` or `)` at character 16");
    check_refused("States.Array(1) x", "expected nothing after the call");
    check_refused("States.Array('a)", "expected a closing `'`");
    check_refused("States.Array(\"a\")", "expected a text in single quotes");
    check_refused("States.Array([1])", "expected a text in single quotes");
    check_refused("States.Array(nil)", "at character 14");
    check_refused("States.Array(1.)", "expected a number as JSON has it");
    check_refused("States.Array(01)", "expected a number as JSON has it");
    check_refused("States.Array(1e999)", "expected a number as JSON has it");
    check_refused("States.Array('a\\nb')", "after `\\` at character 17");
    check_refused("States.Array('\\", "after `\\`");
    check_refused(
        "States.Array($.a, $.)",
        "`$.` at character 19 is not a path: expected a name",
    );
    check_refused("States.Array($x.)", "is not a path");
    check_refused("States.Array($.a.length())", "is not a path");
    check_refused("States.Array($.a[?(@.b)", "is not a path");
    check_refused("States.Array(Sum(1))", "expected the name");
}

#[test]
fn calls_nest_ten_levels_and_no_deeper() {
    let nested = |depth| format!("{}{}", "States.Array(".repeat(depth), ")".repeat(depth));
    assert!(evaluate(&nested(10)).is_ok());
    check_refused(&nested(11), "nest at most 10 levels deep at character 131");
    check_refused(&nested(100_000), "10 levels");
}

#[test]
fn a_wrong_number_of_arguments_is_refused() {
    check_refused("States.UUID(1)", "`States.UUID` takes no arguments, not 1");
    check_refused("States.Format()", "takes at least 1 argument, not 0");
    check_refused("States.MathRandom(1)", "takes 2 to 3 arguments, not 1");
    check_refused("States.Hash('a')", "takes 2 arguments, not 1");
    for (name, counts) in [
        ("StringToJson", [0, 2]),
        ("JsonToString", [0, 2]),
        ("ArrayPartition", [1, 3]),
        ("ArrayContains", [1, 3]),
        ("ArrayRange", [2, 4]),
        ("ArrayGetItem", [1, 3]),
        ("ArrayLength", [0, 2]),
        ("ArrayUnique", [0, 2]),
        ("Base64Encode", [0, 2]),
        ("Base64Decode", [0, 2]),
        ("Hash", [1, 3]),
        ("JsonMerge", [2, 4]),
        ("MathRandom", [1, 4]),
        ("MathAdd", [1, 3]),
        ("StringSplit", [1, 3]),
    ] {
        for count in counts {
            let arguments = vec!["1"; count].join(", ");
            let text = format!("States.{name}({arguments})");
            check_refused(&text, &format!("`States.{name}` takes"));
        }
    }
}

#[test]
fn a_path_that_finds_nothing_fails_in_the_words_of_the_service() {
    let missing = |path: &str| {
        let input = data();
        format!(
            "The JsonPath argument for the field '{path}' could not be found in the input '{input}'"
        )
    };
    check_failure("States.Format('{}',$.nope)", &missing("$.nope"));
    check_failure(
        "States.Array(States.Format('{}', $.numbers[9]))",
        &missing("$.numbers[9]"),
    );
    check_failure("States.Array($$.Nope.Deep)", &missing("$.Nope.Deep"));
    check_failure("States.Array($nope)", &missing("$nope"));
    check_failure("States.Array($list[2])", &missing("$list[2]"));
    check("States.ArrayLength($.none[*].x)", json!(0));
}

#[test]
fn the_variables_of_a_call_are_named() {
    let call = "States.Array($a, $.b, States.Format('$c', $d.e[0]), $$.f)";
    let call = Intrinsic::parse(call).unwrap();
    assert_eq!(call.variables().collect::<Vec<_>>(), ["a", "d"]);
}

#[test]
fn results_nest_no_deeper_than_can_be_stored() {
    let data = (0..budget::DEPTH_MAX - 1).fold(json!(1), |inner, _| Value::Array(vec![inner]));
    assert!(evaluate_seeded("States.JsonToString($)", &data, 1).is_ok());
    let deeper = evaluate_seeded("States.Array($)", &data, 1);
    assert_eq!(deeper, Err(budget::too_deep()));
    let hostile = (0..2_000).fold(json!(1), |inner, _| Value::Array(vec![inner]));
    for call in [
        "States.JsonToString($)",
        "States.Format('{}', $)",
        "States.Hash($, 'MD5')",
        "States.ArrayUnique($)",
        "States.ArrayContains($, $)",
    ] {
        assert_eq!(evaluate_seeded(call, &hostile, 1), Err(budget::too_deep()));
    }
}

#[test]
fn hostile_calls_are_cut_off() {
    let collisions = (0..4_096_u32).map(|bits| {
        let halves = (0..12).map(|bit| if bits >> bit & 1 == 0 { "Aa" } else { "BB" });
        Value::String(halves.collect())
    });
    let data = json!({
        "long": "x".repeat(200_000),
        "marks": "y".repeat(200_000),
        "collisions": collisions.collect::<Vec<_>>(),
    });
    let many = |argument: &str| vec![argument; 5_000].join(", ");
    for call in [
        format!("States.Array({})", many("$.long")),
        format!(
            "States.Format('{}', {})",
            "{}".repeat(5_000),
            many("$.long")
        ),
        format!("States.Array({})", many("States.JsonToString($.long)")),
        "States.StringSplit($.long, $.marks)".to_owned(),
        "States.ArrayUnique($.collisions)".to_owned(),
    ] {
        let failure = evaluate_seeded(&call, &data, 1).unwrap_err();
        let is_cut_off = failure
            .cause
            .ends_with("more data than one state may process");
        assert!(is_cut_off, "{call:.40}: {:.200}", failure.cause);
    }
}
