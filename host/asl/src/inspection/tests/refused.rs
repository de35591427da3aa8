//! What cannot be asked of a state.

use super::*;

fn check(request: &Request, expected: &str) {
    match refusal(request) {
        Refusal::Validation(message) => assert_eq!(message, expected),
        other => panic!("{other:?}"),
    }
}

fn check_definition(definition: &Value, expected: &str) {
    match refusal(&asked(definition, json!({}))) {
        Refusal::InvalidDefinition(message) => {
            assert!(message.contains(expected), "{message}");
        }
        other @ Refusal::Validation(_) => panic!("{other:?}"),
    }
}

fn mocked(definition: &Value, mock: Option<Mock>) -> Request {
    Request {
        mock,
        ..asked(definition, json!({"a": 1, "items": [1, 2]}))
    }
}

#[test]
fn a_definition_that_is_none_is_told_with_places_in_itself() {
    check_definition(&json!({"Type": "Pass"}), "SCHEMA_VALIDATION_FAILED: ");
    check_definition(
        &json!({"Type": "Pass", "InputPath": 7, "End": true}),
        "at /InputPath",
    );
    check_definition(&json!(7), "Invalid State Machine Definition: '");
    let request = Request {
        definition: "{".to_owned(),
        ..Request::default()
    };
    assert!(matches!(refusal(&request), Refusal::InvalidDefinition(_)));
}

#[test]
fn a_name_needs_a_machine_with_such_a_state() {
    let machine = json!({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}});
    let named = |definition: &Value| Request {
        state_name: Some("B".to_owned()),
        ..asked(definition, json!({}))
    };
    check(&named(&machine), "State not found in definition");
    let alone = refusal(&named(&json!({"Type": "Succeed"})));
    assert!(matches!(alone, Refusal::InvalidDefinition(_)));
    assert!(matches!(
        refusal(&asked(&machine, json!({}))),
        Refusal::InvalidDefinition(_)
    ));
}

#[test]
fn states_without_work_take_no_mock() {
    for (kind, definition) in [
        ("Pass", json!({"Type": "Pass", "End": true})),
        ("Succeed", json!({"Type": "Succeed"})),
        ("Fail", json!({"Type": "Fail"})),
        ("Wait", json!({"Type": "Wait", "Seconds": 1, "End": true})),
        (
            "Choice",
            json!({"Type": "Choice", "Default": "A",
            "Choices": [{"Variable": "$.a", "IsNull": true, "Next": "A"}]}),
        ),
    ] {
        let message = format!("State type '{kind}' is not supported when a mock is specified");
        check(&mocked(&definition, result(&json!({}))), &message);
        check(&mocked(&definition, error("E")), &message);
    }
}

#[test]
fn states_whose_work_is_elsewhere_need_a_mock() {
    let map = refusal(&mocked(&map("INLINE"), None));
    assert!(matches!(map, Refusal::InvalidDefinition(_)), "{map:?}");
    for resource in [
        "component:step",
        "arn:aws:states:us-east-1:111111111111:activity:a",
        "arn:aws:states:::states:startExecution.sync",
        "arn:aws:states:::lambda:invoke.waitForTaskToken",
    ] {
        let request = mocked(&with(task(), json!({"Resource": resource})), None);
        let refused = refusal(&request);
        assert!(matches!(refused, Refusal::Validation(_)), "{resource}");
    }
}

#[test]
fn what_only_a_mock_makes_sense_of_needs_one() {
    let request = Request {
        configuration: Configuration {
            map_iteration_failure_count: Some(0),
            ..Configuration::default()
        },
        ..mocked(&map("DISTRIBUTED"), None)
    };
    check(
        &request,
        "TestState does not support MapIterationFailureCount when a mock is not specified.",
    );
    let request = Request {
        context: Some("{}".to_owned()),
        ..mocked(&json!({"Type": "Succeed"}), None)
    };
    check(
        &request,
        "TestState does not support Context when a mock is not specified.",
    );
}

#[test]
fn a_mock_is_one_outcome_and_reveals_no_secrets() {
    let both = Mock {
        result: Some("1".to_owned()),
        error_output: Some(ErrorOutput::default()),
        ..Mock::default()
    };
    for mock in [both, Mock::default()] {
        assert!(matches!(
            refusal(&mocked(&task(), Some(mock))),
            Refusal::Validation(_)
        ));
    }
    let revealing = Request {
        reveals_secrets: true,
        ..mocked(&task(), result(&json!({})))
    };
    check(
        &revealing,
        "TestState does not support RevealSecrets when a mock is specified.",
    );
}

#[test]
fn a_mocked_result_has_the_shape_of_the_states() {
    let text = Mock {
        result: Some("not JSON".to_owned()),
        validation: FieldValidation::None,
        ..Mock::default()
    };
    check(
        &mocked(&task(), Some(text)),
        "Mocked result must be valid JSON",
    );
    check(
        &mocked(&map("INLINE"), result(&json!({}))),
        "Mocked result must be an array.",
    );
    let writer = json!({"Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": "b", "Prefix": "p"}});
    let written = with(map("DISTRIBUTED"), json!({"ResultWriter": writer}));
    check(
        &mocked(&written, result(&json!([]))),
        "Mocked result must be a JSON object.",
    );
    let branch = json!({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}});
    let parallel = json!({"Type": "Parallel", "End": true, "Branches": [branch]});
    check(
        &mocked(&parallel, result(&json!([1, 2]))),
        "Mocked result must contain the same number of items as number of Parallel branches.",
    );
}

#[test]
fn a_mocked_result_has_the_fields_of_what_was_called() {
    let start = |pattern: &str| {
        let resource = format!("arn:aws:states:::states:startExecution{pattern}");
        json!({"Type": "Task", "Resource": resource, "End": true,
            "Parameters": {"StateMachineArn": "arn"}})
    };
    let held = |definition: &Value, value: Value, validation| {
        let mock = result(&value).map(|mock| Mock { validation, ..mock });
        let request = mocked(definition, mock);
        inspect(&request, &setting(), &NoEvaluator).err()
    };
    let problem = |what: &str| {
        let message = format!("Mock result schema validation error: {what}");
        Some(Refusal::Validation(message))
    };
    let strict = FieldValidation::Strict;
    let missing = problem("Required field 'ExecutionArn' is missing");
    assert_eq!(held(&start(""), json!({}), strict), missing);
    assert_eq!(held(&start(".sync:2"), json!({}), strict), missing);
    assert_eq!(held(&start(".waitForTaskToken"), json!({}), strict), None);
    assert_eq!(held(&start(""), json!({}), FieldValidation::Present), None);
    let whole = json!({"ExecutionArn": "a", "StartDate": "b", "Other": 1});
    assert_eq!(held(&start(""), whole, strict), None);
    let wrong = json!({"ExecutionArn": "a", "StartDate": 1});
    let text = problem("Field 'StartDate' must be a string");
    assert_eq!(held(&start(""), wrong.clone(), strict), text);
    assert_eq!(
        held(&start(""), wrong.clone(), FieldValidation::Present),
        text
    );
    assert_eq!(held(&start(""), wrong, FieldValidation::None), None);
    let number = problem("Field 'StatusCode' must be a number");
    assert_eq!(held(&task(), json!({"StatusCode": "200"}), strict), number);
    assert_eq!(held(&task(), json!(1), FieldValidation::None), None);
    assert!(held(&task(), json!(1), strict).is_some());
    let unknown =
        json!({"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun", "End": true});
    assert_eq!(held(&unknown, json!(1), strict), None);
}

#[test]
fn the_context_is_what_an_execution_could_have() {
    let told = |context: Value| {
        let request = Request {
            context: Some(context.to_string()),
            ..mocked(&task(), result(&json!({})))
        };
        inspect(&request, &setting(), &NoEvaluator).err()
    };
    let problem = |what: &str| {
        let message = format!("Invalid Context object provided: {what}");
        Some(Refusal::Validation(message))
    };
    assert_eq!(told(json!({"Execution": {"Id": "x", "Input": 1}})), None);
    assert_eq!(told(json!({"X": {}})), problem("Field 'X' is not allowed"));
    assert_eq!(
        told(json!({"State": {"X": 1}})),
        problem("Field 'X' is not allowed")
    );
    let map = "'Map' field is not supported when mocking a Context object";
    assert_eq!(told(json!({"Map": {}})), problem(map));
    assert_eq!(
        told(json!({"Task": {"Token": 1}})),
        problem("Task.Token must be a string")
    );
    let count = problem("State.RetryCount must be a number");
    assert_eq!(told(json!({"State": {"RetryCount": "1"}})), count);
    assert!(told(json!([])).is_some() && told(json!({"State": 1})).is_some());
}

#[test]
fn an_error_comes_from_a_state_inside_and_failures_from_iterations() {
    let about = |configuration: Configuration, mock| {
        let request = Request {
            configuration,
            ..mocked(&map("DISTRIBUTED"), mock)
        };
        inspect(&request, &setting(), &NoEvaluator).err()
    };
    let caused = |name: &str| Configuration {
        error_caused_by_state: Some(name.to_owned()),
        ..Configuration::default()
    };
    assert_eq!(about(caused("Inner"), error("E")), None);
    assert!(about(caused("Outer"), error("E")).is_some());
    let failures = |count| Configuration {
        map_iteration_failure_count: Some(count),
        ..Configuration::default()
    };
    assert_eq!(about(failures(2), result(&json!([]))), None);
    let message =
        "Map iteration failure count must be less than or equal to the number of Map iterations";
    let refused = Some(Refusal::Validation(message.to_owned()));
    assert_eq!(about(failures(3), result(&json!([]))), refused);
}

#[test]
fn variables_are_an_object_of_names() {
    for text in ["[]", "{", r#"{"1a": 1}"#] {
        let request = Request {
            variables: Some(text.to_owned()),
            ..mocked(&json!({"Type": "Succeed"}), None)
        };
        assert!(
            matches!(refusal(&request), Refusal::Validation(_)),
            "{text}"
        );
    }
}
