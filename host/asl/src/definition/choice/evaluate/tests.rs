use serde_json::json;

use super::*;
use crate::definition::choice::parse;
use crate::scope::tests::with_scope;
use document::{Node, Problems};

fn condition(rule: &Value) -> Condition {
    let mut problems = Problems::default();
    let condition = parse::condition(&Node::root(rule), &mut problems);
    problems.or(condition).unwrap()
}

fn matches(condition: &Condition, data: &Value, context: &Value) -> Result<bool, Failure> {
    with_scope(data, context, |scope| {
        Reader { data, scope }.matches(condition)
    })
}

fn check(rule: Value, data: Value, expected: bool) {
    let context = json!({"Execution": {"Name": "e"}});
    assert_eq!(
        matches(&condition(&rule), &data, &context),
        Ok(expected),
        "{rule} on {data}"
    );
}

fn check_failure(rule: Value, data: Value, path: &str) {
    let failure = matches(&condition(&rule), &data, &Value::Null).unwrap_err();
    let cause = format!(
        "Invalid path '{path}': The choice state's condition path references an invalid value."
    );
    assert_eq!(failure, Failure::runtime(cause));
}

#[test]
fn orderings_compare_values_of_their_type() {
    for (operator, less, equal, greater) in [
        ("Equals", false, true, false),
        ("LessThan", true, false, false),
        ("LessThanEquals", true, true, false),
        ("GreaterThan", false, false, true),
        ("GreaterThanEquals", false, true, true),
    ] {
        for (family, low, middle, high) in [
            ("Numeric", json!(-1.5), json!(2), json!(1e3)),
            ("String", json!("A"), json!("AB"), json!("a")),
            (
                "Timestamp",
                json!("2012-10-09T19:00:55Z"),
                json!("2012-10-09T19:00:56Z"),
                json!("2012-10-09T19:00:55-01:00"),
            ),
        ] {
            let name = format!("{family}{operator}");
            for (value, expected) in [(&low, less), (&middle, equal), (&high, greater)] {
                check(
                    json!({"Variable": "$.v", &name: middle}),
                    json!({"v": value}),
                    expected,
                );
                check(
                    json!({"Variable": "$.v", format!("{name}Path"): "$.w"}),
                    json!({"v": value, "w": middle}),
                    expected,
                );
            }
        }
    }
}

#[test]
fn a_value_of_another_type_never_matches() {
    let others = [
        json!(null),
        json!(""),
        json!([]),
        json!({}),
        json!([""]),
        json!({"A": 0}),
    ];
    for value in &others {
        let data = json!({"v": value, "b": true, "n": 0, "t": "2012-10-09T19:00:55Z"});
        check(
            json!({"Variable": "$.v", "BooleanEquals": false}),
            data.clone(),
            false,
        );
        check(
            json!({"Variable": "$.v", "BooleanEqualsPath": "$.b"}),
            data.clone(),
            false,
        );
        check(
            json!({"Variable": "$.v", "NumericLessThanEquals": 0}),
            data.clone(),
            false,
        );
        check(
            json!({"Variable": "$.n", "NumericEqualsPath": "$.v"}),
            data.clone(),
            false,
        );
        check(
            json!({"Variable": "$.v", "TimestampEqualsPath": "$.t"}),
            data.clone(),
            false,
        );
        check(
            json!({"Variable": "$.t", "TimestampEqualsPath": "$.v"}),
            data.clone(),
            false,
        );
        check(json!({"Variable": "$.v", "StringEquals": "x"}), data, false);
    }
    check(
        json!({"Variable": "$.v", "BooleanEqualsPath": "$.w"}),
        json!({"v": null, "w": null}),
        false,
    );
    check(
        json!({"Variable": "$", "StringMatches": "*"}),
        json!(1),
        false,
    );
}

#[test]
fn booleans_and_patterns_compare_with_themselves() {
    check(
        json!({"Variable": "$.v", "BooleanEquals": true}),
        json!({"v": true}),
        true,
    );
    check(
        json!({"Variable": "$.v", "BooleanEquals": false}),
        json!({"v": false}),
        true,
    );
    check(
        json!({"Variable": "$.v", "BooleanEquals": true}),
        json!({"v": false}),
        false,
    );
    check(
        json!({"Variable": "$.v", "StringMatches": "log-*.txt"}),
        json!({"v": "log-1.txt"}),
        true,
    );
    check(
        json!({"Variable": "$$.Execution.Name", "StringEquals": "e"}),
        json!({}),
        true,
    );
}

#[test]
fn large_integers_are_compared_exactly() {
    let data = json!({"v": 9_007_199_254_740_993_u64});
    check(
        json!({"Variable": "$.v", "NumericEquals": 9_007_199_254_740_992_u64}),
        data.clone(),
        false,
    );
    check(
        json!({"Variable": "$.v", "NumericGreaterThan": 9_007_199_254_740_992_u64}),
        data,
        true,
    );
    check(
        json!({"Variable": "$", "NumericEquals": 0}),
        json!(0.0),
        true,
    );
}

#[test]
fn type_tests_look_at_the_value_alone() {
    for (operator, is, is_not) in [
        ("IsNull", json!(null), json!("")),
        ("IsBoolean", json!(false), json!("false")),
        ("IsNumeric", json!(0.0), json!("0")),
        ("IsString", json!(""), json!(null)),
        (
            "IsTimestamp",
            json!("2012-10-09T19:00:55+01:00"),
            json!("2012-10-09T19:00:55"),
        ),
        (
            "IsTimestamp",
            json!("2012-10-09T19:00:55Z"),
            json!(20121009),
        ),
    ] {
        check(json!({"Variable": "$", operator: true}), is.clone(), true);
        check(json!({"Variable": "$", operator: false}), is, false);
        check(
            json!({"Variable": "$", operator: true}),
            is_not.clone(),
            false,
        );
        check(json!({"Variable": "$", operator: false}), is_not, true);
    }
    check(
        json!({"Variable": "$.v", "IsPresent": true}),
        json!({"v": null}),
        true,
    );
    check(
        json!({"Variable": "$.v", "IsPresent": false}),
        json!({"v": null}),
        false,
    );
    check(
        json!({"Variable": "$.v.w", "IsPresent": false}),
        json!({"v": null}),
        true,
    );
    check(
        json!({"Variable": "$.v", "IsPresent": true}),
        json!({}),
        false,
    );
}

#[test]
fn a_missing_place_fails_the_state_except_with_is_present() {
    check_failure(json!({"Variable": "$.v", "IsNull": true}), json!({}), "$.v");
    check_failure(
        json!({"Variable": "$.v.w", "StringEquals": "x"}),
        json!({"v": 1}),
        "$.v.w",
    );
    check_failure(
        json!({"Variable": "$.v", "NumericEqualsPath": "$.w"}),
        json!({"v": 1}),
        "$.w",
    );
}

#[test]
fn and_or_and_not_stop_where_the_outcome_is_decided() {
    let absent = json!({"Variable": "$.none", "IsNull": true});
    let present = json!({"Variable": "$.none", "IsPresent": true});
    check(json!({"And": [present, absent]}), json!({}), false);
    check(json!({"Or": [{"Not": present}, absent]}), json!({}), true);
    check(
        json!({"And": [{"Not": present}, {"Or": [present, {"Not": present}]}]}),
        json!({}),
        true,
    );
}

#[test]
fn the_first_matching_rule_decides() {
    let rule = |value: i64, next: &str| ChoiceRule {
        condition: condition(&json!({"Variable": "$.v", "NumericGreaterThan": value})),
        next: next.to_owned(),
        output: None,
        assign: None,
    };
    let mut choice = Choice {
        rules: vec![rule(10, "big"), rule(5, "middle")],
        default: Some("small".to_owned()),
    };
    let check = |choice: &Choice, data: Value, expected: Option<&str>| {
        let picked = with_scope(&data, &Value::Null, |scope| choice.pick(&data, scope));
        let next = match picked.unwrap() {
            Picked::Rule(rule) => Some(rule.next.clone()),
            Picked::Default(next) => Some(next.to_owned()),
            Picked::Nothing => None,
        };
        assert_eq!(next.as_deref(), expected, "{data}");
    };
    for (value, next) in [(11, "big"), (7, "middle"), (1, "small")] {
        check(&choice, json!({"v": value}), Some(next));
    }
    choice.default = None;
    check(&choice, json!({"v": 1}), None);
    let nothing = json!({});
    let failed = with_scope(&nothing, &Value::Null, |scope| {
        choice.pick(&nothing, scope).is_err()
    });
    assert!(failed);
}
