//! Each of the service's words with what it is said of, and a neighbour that is fine.

use super::*;
use crate::Diagnostic;

/// Checks what is told of `refused`, and that nothing is of `accepted`.
fn check(refused: Value, expected: &[&str], accepted: Value) {
    let problems = StateMachine::parse(&refused).expect_err("a problem");
    let told = Diagnostic::errors(&problems);
    let told: Vec<_> = told.iter().map(Diagnostic::to_string).collect();
    assert_eq!(told, expected, "{refused}");
    parse(&accepted);
}

/// A machine of the one state `S`, a Task with more members.
fn task(members: Value) -> Value {
    let mut state = json!({"Type": "Task", "Resource": "component:a"});
    for (name, value) in members.as_object().unwrap() {
        state[name] = value.clone();
    }
    one(state)
}

fn choice(rule: Value) -> Value {
    branching(json!({"Type": "Choice", "Choices": [rule], "Default": "B"}))
}

#[test]
fn members() {
    check(
        json!({"Comment": "c"}),
        &["SCHEMA_VALIDATION_FAILED: These fields are required: [StartAt, States] at /"],
        one(json!({"Type": "Succeed"})),
    );
    check(
        one(
            json!({"Type": "Map", "TimeoutSeconds": 1, "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Succeed"}}}}),
        ),
        &["SCHEMA_VALIDATION_FAILED: Field 'TimeoutSeconds' is not supported at /States/S"],
        task(json!({"TimeoutSeconds": 1})),
    );
    let map = |processor: Value| one(json!({"Type": "Map", "ItemProcessor": processor}));
    let states = json!({"I": {"Type": "Succeed"}});
    check(
        map(json!({"StartAt": "I", "States": states, "QueryLanguage": "JSONata"})),
        &[
            "SCHEMA_VALIDATION_FAILED: Field 'QueryLanguage' is not supported at /States/S/ItemProcessor",
        ],
        map(json!({"StartAt": "I", "States": states})),
    );
    check(
        one(
            json!({"Type": "Parallel", "Branches": [{"StartAt": "C", "States": {"C": {"Type": "Choice", "Default": "D"}, "D": {"Type": "Fail"}}}]}),
        ),
        &[
            "SCHEMA_VALIDATION_FAILED: These fields are required: [Choices] at /States/S/Branches[0]/States/C",
        ],
        one(
            json!({"Type": "Parallel", "Branches": [{"StartAt": "D", "States": {"D": {"Type": "Fail"}}}]}),
        ),
    );
    check(
        task(json!({"TimeoutSeconds": 5, "TimeoutSecondsPath": "$.t"})),
        &[
            "SCHEMA_VALIDATION_FAILED: There should only be one of the following fields: [TimeoutSeconds, TimeoutSecondsPath] at /States/S",
        ],
        task(json!({"TimeoutSecondsPath": "$.t"})),
    );
    check(
        task(json!({"Credentials": {}})),
        &[
            "SCHEMA_VALIDATION_FAILED: These fields are required: [RoleArn] at /States/S/Credentials",
        ],
        task(json!({"Credentials": {"RoleArn": "r"}})),
    );
}

#[test]
fn query_languages() {
    check(
        one(json!({"Type": "Pass", "Output": 1})),
        &[
            "SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage at /States/S",
        ],
        one(json!({"Type": "Pass", "QueryLanguage": "JSONata", "Output": 1})),
    );
    check(
        choice(json!({"Condition": "{% true %}", "Next": "A"})),
        &[
            "SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the 'JSONata' QueryLanguage at /States/S/Choices[0]",
        ],
        choice(json!({"Variable": "$.a", "IsNull": true, "Next": "A"})),
    );
    let pass = |language: &str| {
        let mut machine = one(json!({"Type": "Pass", "QueryLanguage": "JSONPath"}));
        machine["QueryLanguage"] = json!(language);
        machine
    };
    check(
        pass("JSONata"),
        &[
            "SCHEMA_VALIDATION_FAILED: 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine at /States/S",
        ],
        pass("JSONPath"),
    );
}

#[test]
fn values() {
    let wait = |seconds: Value| one(json!({"Type": "Wait", "Seconds": seconds}));
    check(
        wait(json!(10_000_000_000_000_000_u64)),
        &["SCHEMA_VALIDATION_FAILED: Maximum value is 99999999 at /States/S/Seconds"],
        wait(json!(99_999_999)),
    );
    check(
        wait(json!(-1)),
        &["SCHEMA_VALIDATION_FAILED: Minimum value is 0 at /States/S/Seconds"],
        wait(json!(0)),
    );
    check(
        one(json!({"Type": "Wait", "Timestamp": "2016-13-05T21:29:29Z"})),
        &[
            "SCHEMA_VALIDATION_FAILED: String does not match RFC3339 timestamp at /States/S/Timestamp",
        ],
        one(json!({"Type": "Wait", "Timestamp": "2024-12-05T21:29:29.243167252Z"})),
    );
    let retry = |rate: Value| task(json!({"Retry": [{"ErrorEquals": ["x"], "BackoffRate": rate}]}));
    check(
        retry(json!(0.5)),
        &["SCHEMA_VALIDATION_FAILED: Minimum value is 1.0 at /States/S/Retry[0]/BackoffRate"],
        retry(json!(1)),
    );
    check(
        task(json!({"Resource": ""})),
        &["SCHEMA_VALIDATION_FAILED: Value is not a valid resource ARN at /States/S/Resource"],
        task(json!({})),
    );
}

#[test]
fn paths() {
    check(
        one(json!({"Type": "Pass", "OutputPath": "Test"})),
        &["SCHEMA_VALIDATION_FAILED: Value must be a valid JSONPath. at /States/S/OutputPath"],
        one(json!({"Type": "Pass", "OutputPath": "$.Test"})),
    );
    check(
        choice(json!({"Variable": "Test", "StringMatches": "Test", "Next": "A"})),
        &[
            "SCHEMA_VALIDATION_FAILED: Value is not a Reference Path: Reference path didn't start with '$' at /States/S/Choices[0]/Variable",
        ],
        choice(json!({"Variable": "$.Test", "StringMatches": "Test", "Next": "A"})),
    );
    check(
        one(json!({"Type": "Pass", "ResultPath": "$.a[*]"})),
        &["SCHEMA_VALIDATION_FAILED: Value is not a Reference Path at /States/S/ResultPath"],
        one(json!({"Type": "Pass", "ResultPath": "$.a[0]"})),
    );
    let parameters = |text: &str| task(json!({"Parameters": {"a": {"JobName.$": text}}}));
    check(
        parameters("foo"),
        &[
            "SCHEMA_VALIDATION_FAILED: The value for the field 'JobName.$' must be a valid JSONPath or a valid intrinsic function call at /States/S/Parameters/a",
        ],
        parameters("$$.StateMachine.Id"),
    );
}

#[test]
fn error_names() {
    let catch = |first: &[&str], last: &[&str]| {
        let catch =
            json!([{"ErrorEquals": first, "Next": "A"}, {"ErrorEquals": last, "Next": "B"}]);
        branching(json!({"Type": "Task", "Resource": "component:a", "Catch": catch, "End": true}))
    };
    let theirs = "SCHEMA_VALIDATION_FAILED: States.ALL must appear alone and at end of list at";
    check(
        catch(&["States.ALL"], &["x"]),
        &[&format!("{theirs} /States/S/Catch[0]/ErrorEquals[0]")],
        catch(&["x"], &["States.ALL"]),
    );
    check(
        catch(&["x"], &["y", "States.ALL"]),
        &[&format!("{theirs} /States/S/Catch[1]/ErrorEquals[1]")],
        catch(&["x"], &["y", "z"]),
    );
}

#[test]
fn transitions() {
    let machine = |states: Value| json!({"StartAt": "A", "States": states});
    let end = json!({"Type": "Succeed"});
    let next = |next: &str| json!({"Type": "Pass", "Next": next});
    check(
        machine(json!({"A": next("NOPE")})),
        &[
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: NOPE at /States/A/Next",
            "MISSING_END_STATE: Workflow has no terminal state at null",
        ],
        machine(json!({"A": next("B"), "B": end})),
    );
    check(
        machine(json!({"A": next("B"), "B": next("A"), "C": next("A")})),
        &["MISSING_END_STATE: Workflow has no terminal state at null"],
        machine(json!({"A": next("B"), "B": next("C"), "C": end})),
    );
    check(
        machine(json!({"A": next("B"), "B": next("A"), "C": end})),
        &["MISSING_TRANSITION_TARGET: State \"C\" is not reachable. at /States/C"],
        machine(
            json!({"A": {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": true, "Next": "A"}], "Default": "C"}, "C": end}),
        ),
    );
    check(
        json!({"StartAt": "Not sure", "States": {"Pass One": next("Success"), "Success": end}}),
        &[
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: Not sure at /StartAt",
            "MISSING_TRANSITION_TARGET: State \"Pass One\" is not reachable. at /States/Pass One",
        ],
        json!({"StartAt": "Pass One", "States": {"Pass One": next("Success"), "Success": end}}),
    );
}

#[test]
fn names() {
    let twice = |name: &str| {
        let branch = json!({"StartAt": name, "States": {name: {"Type": "Succeed"}}});
        json!({"StartAt": "A", "States": {
            "A": {"Type": "Parallel", "Branches": [branch], "Next": "B"},
            "B": {"Type": "Succeed"},
        }})
    };
    check(
        twice("B"),
        &["DUPLICATE_STATE_NAME: Duplicate State name: B at /States/B"],
        twice("C"),
    );
    let named = |name: &str| json!({"StartAt": name, "States": {name: {"Type": "Succeed"}}});
    let long = "a".repeat(81);
    let problems = StateMachine::parse(&named(&long)).unwrap_err();
    let told = Diagnostic::errors(&problems);
    assert_eq!(told[0].code, "INVALID_STATE_NAME");
    assert!(
        told[0]
            .message
            .starts_with("Invalid State name: State 'aaa"),
        "{told:?}"
    );
    let labelled = |first: &str, second: &str| {
        let map = |name: &str, label: &str, next: Value| {
            let block = json!({
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": name, "States": {name: {"Type": "Succeed"}},
            });
            let mut map = json!({"Type": "Map", "Label": label, "ItemProcessor": block});
            map.as_object_mut()
                .unwrap()
                .extend(next.as_object().unwrap().clone());
            map
        };
        json!({"StartAt": "A", "States": {
            "A": map("I", first, json!({"Next": "B"})),
            "B": map("J", second, json!({"End": true})),
        }})
    };
    check(
        labelled("x", "x"),
        &[
            "DUPLICATE_LABEL_NAME: label `x` is already used at `/States/A/Label` at /States/B/Label",
        ],
        labelled("x", "y"),
    );
    let spaced = StateMachine::parse(&labelled("a b", "c")).unwrap_err();
    assert_eq!(Diagnostic::errors(&spaced)[0].code, "INVALID_LABEL_NAME");
}

#[test]
fn nesting() {
    let nested = |levels: usize| {
        let mut comment = Value::Null;
        for _ in 0..levels {
            comment = json!([comment]);
        }
        one(json!({"Type": "Pass", "Result": comment}))
    };
    let problems = StateMachine::parse(&nested(130)).unwrap_err();
    assert_eq!(Diagnostic::errors(&problems)[0].code, "TOO_DEEPLY_NESTED");
    parse(&nested(100));
}

#[test]
fn warnings() {
    let check = |definition: Value, code: Option<&str>| {
        let told = Diagnostic::warnings(&parse(&definition).warnings);
        assert_eq!(
            told.first().map(|warning| warning.code),
            code,
            "{definition}"
        );
    };
    check(task(json!({"Parameters": {"a": "$.b"}})), Some("NO_DOLLAR"));
    check(task(json!({"Parameters": {"a.$": "$.b"}})), None);
    check(
        one(json!({"Type": "Fail", "Error": "$.error"})),
        Some("NO_PATH"),
    );
    check(one(json!({"Type": "Fail", "ErrorPath": "$.error"})), None);
    let pass = |name: &str| one(json!({"Type": "Pass", "Result": {name: "$.b"}}));
    check(pass("a.$"), Some("PASS_RESULT_IS_STATIC"));
    check(pass("a"), None);
}
