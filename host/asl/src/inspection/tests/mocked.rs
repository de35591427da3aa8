//! States whose work a mock stands for.

use super::*;

#[test]
fn a_tasks_result_goes_through_every_field() {
    let definition = with(
        task(),
        json!({"ResultSelector": {"s.$": "$.StatusCode"}, "ResultPath": "$.r"}),
    );
    let request = Request {
        mock: result(&json!({"StatusCode": 200})),
        ..asked(&definition, json!({"a": 1}))
    };
    let output = json!({"a": 1, "r": {"s": 200}});
    assert_eq!(
        told(&request, Level::Info),
        json!({"status": "SUCCEEDED", "output": output})
    );
    assert_eq!(
        data(&request),
        json!({"input": {"a": 1}, "afterInputPath": {"a": 1},
            "afterParameters": {"FunctionName": "f", "Payload": 1}, "result": {"StatusCode": 200},
            "afterResultSelector": {"s": 200}, "afterResultPath": output})
    );
}

#[test]
fn a_task_that_waits_for_its_token_is_answered_by_the_mock() {
    let definition = json!({"Type": "Task", "End": true,
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}});
    let mut request = Request {
        mock: result(&json!("done")),
        context: Some(json!({"Task": {"Token": "t"}}).to_string()),
        ..asked(&definition, json!({}))
    };
    assert_eq!(data(&request)["afterParameters"]["Payload"]["token"], "t");
    assert_eq!(told(&request, Level::Info)["output"], "done");
    request.context = None;
    let token = data(&request)["afterParameters"]["Payload"]["token"].clone();
    assert!(
        token.as_str().is_some_and(|token| !token.is_empty()),
        "{token}"
    );
}

fn retried(count: Option<u64>, handlers: Value) -> Value {
    let request = Request {
        mock: error("E"),
        configuration: Configuration {
            retrier_retry_count: count,
            ..Configuration::default()
        },
        ..asked(&with(task(), handlers), json!({"a": 1}))
    };
    told(&request, Level::Debug)
}

#[test]
fn an_error_is_retried_while_its_retrier_has_attempts_left() {
    let handlers = json!({
        "Retry": [
            {"ErrorEquals": ["Other"]},
            {"ErrorEquals": ["E"], "IntervalSeconds": 2, "MaxAttempts": 2, "BackoffRate": 3},
        ],
        "Catch": [{"ErrorEquals": ["Other"], "Next": "A"},
            {"ErrorEquals": ["States.ALL"], "Next": "B", "ResultPath": "$.e"}],
    });
    let first = retried(None, handlers.clone());
    assert_eq!(first["status"], "RETRIABLE");
    let details = |answer: &Value| answer["inspectionData"]["errorDetails"].clone();
    assert_eq!(
        details(&first),
        json!({"retryIndex": 1, "retryBackoffIntervalSeconds": 2})
    );
    assert!(first.get("output").is_none() && first.get("nextState").is_none());
    let second = retried(Some(1), handlers.clone());
    assert_eq!(details(&second)["retryBackoffIntervalSeconds"], 6);
    let exhausted = retried(Some(2), handlers);
    assert_eq!(exhausted["status"], "CAUGHT_ERROR");
    assert_eq!(exhausted["nextState"], "B");
    assert_eq!(
        exhausted["output"],
        json!({"a": 1, "e": {"Error": "E", "Cause": "why"}})
    );
    assert_eq!(
        details(&exhausted),
        json!({"retryIndex": 1, "catchIndex": 1})
    );
}

#[test]
fn an_error_that_nobody_handles_fails_the_state() {
    let answer = retried(None, json!({}));
    assert_eq!(answer["status"], "FAILED");
    assert_eq!(
        (&answer["error"], &answer["cause"]),
        (&json!("E"), &json!("why"))
    );
    let data = &answer["inspectionData"];
    assert!(
        data.get("errorDetails").is_none() && data.get("result").is_none(),
        "{data}"
    );
    assert_eq!(data["afterParameters"]["Payload"], 1);
}

#[test]
fn a_parallel_is_left_with_one_result_for_each_branch() {
    let branch = |name: &str| json!({"StartAt": name, "States": {name: {"Type": "Succeed"}}});
    let definition = json!({"Type": "Parallel", "Branches": [branch("A"), branch("B")],
        "InputPath": "$.in", "ResultPath": "$.out", "Next": "C"});
    let request = Request {
        mock: result(&json!([1, 2])),
        ..asked(&definition, json!({"in": 0}))
    };
    let output = json!({"in": 0, "out": [1, 2]});
    assert_eq!(told(&request, Level::Info)["output"], output);
    assert_eq!(
        data(&request),
        json!({"input": {"in": 0}, "afterResultSelector": [1, 2], "afterResultPath": output})
    );
}

#[test]
fn a_map_tells_its_items_and_limits() {
    let definition = with(
        map("DISTRIBUTED"),
        json!({"ItemSelector": {"v.$": "$$.Map.Item.Value", "n.$": "$.n"}, "MaxConcurrency": 3,
            "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"b": 1}},
            "ToleratedFailureCount": 1, "ToleratedFailurePercentage": 50}),
    );
    let items = json!(["x", "y", "z"]);
    let input = json!({"items": items, "n": 9});
    let request = Request {
        mock: result(&json!([1])),
        ..asked(&definition, input.clone())
    };
    let item = |value: &str| json!({"v": value, "n": 9});
    assert_eq!(
        data(&request),
        json!({"input": input, "afterInputPath": input, "afterItemsPath": items,
            "afterItemSelector": [item("x"), item("y"), item("z")],
            "afterItemBatcher": [
                {"BatchInput": {"b": 1}, "Items": [item("x"), item("y")]},
                {"BatchInput": {"b": 1}, "Items": [item("z")]},
            ],
            "afterResultSelector": [1], "afterResultPath": [1], "maxConcurrency": 3,
            "toleratedFailureCount": 1, "toleratedFailurePercentage": 50.0})
    );
}

#[test]
fn a_maps_items_come_from_what_its_reader_reads() {
    let read = |config: Value, data: &str| {
        let reader = json!({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config,
            "Parameters": {"Bucket": "b", "Key": "k"}});
        let mut definition = with(
            map("DISTRIBUTED"),
            json!({"ItemReader": reader,
            "ItemSelector": {"v.$": "$$.Map.Item.Value"}}),
        );
        definition.as_object_mut().unwrap().remove("ItemsPath");
        let request = Request {
            mock: result(&json!([])),
            configuration: Configuration {
                map_item_reader_data: Some(data.to_owned()),
                ..Configuration::default()
            },
            ..asked(&definition, json!({}))
        };
        told(&request, Level::Debug)
    };
    let selected = |answer: &Value| answer["inspectionData"]["afterItemSelector"].clone();
    let two = json!([{"v": 1}, {"v": 2}]);
    assert_eq!(selected(&read(json!({"InputType": "JSON"}), "[1, 2]")), two);
    assert_eq!(
        selected(&read(json!({"InputType": "JSONL"}), "1\n\n2\n")),
        two
    );
    let table = json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"});
    assert_eq!(selected(&read(table, "a\n1\n")), json!([{"v": {"a": "1"}}]));
    let limited = json!({"InputType": "JSON", "MaxItems": 1});
    assert_eq!(selected(&read(limited, "[1, 2]")), json!([{"v": 1}]));
    let pointed = read(
        json!({"InputType": "JSON", "ItemsPointer": "/a"}),
        r#"{"a": [1, 2]}"#,
    );
    assert_eq!(selected(&pointed), two);
    assert_eq!(
        pointed["inspectionData"]["afterItemsPointer"],
        json!([1, 2])
    );
    let broken = read(json!({"InputType": "JSON"}), "7");
    assert_eq!(broken["error"], "States.ItemReaderFailed");
}

#[test]
fn a_map_fails_when_more_iterations_failed_than_it_tolerates() {
    let failed = |count, members: Value| {
        let request = Request {
            mock: result(&json!([1, 2, 3, 4])),
            configuration: Configuration {
                map_iteration_failure_count: Some(count),
                ..Configuration::default()
            },
            ..asked(
                &with(map("DISTRIBUTED"), members),
                json!({"items": [1, 2, 3, 4]}),
            )
        };
        told(&request, Level::Debug)
    };
    assert_eq!(failed(0, json!({}))["status"], "SUCCEEDED");
    let none = failed(1, json!({}));
    assert_eq!(none["error"], "States.ExceedToleratedFailureThreshold");
    for (members, within) in [
        (json!({"ToleratedFailureCount": 2}), 2),
        (json!({"ToleratedFailurePercentage": 50}), 2),
        (
            json!({"ToleratedFailureCount": 1, "ToleratedFailurePercentage": 100}),
            1,
        ),
    ] {
        assert_eq!(
            failed(within, members.clone())["status"],
            "SUCCEEDED",
            "{members}"
        );
        assert_eq!(
            failed(within + 1, members.clone())["status"],
            "FAILED",
            "{members}"
        );
    }
    let retry = json!({"Retry": [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"]}]});
    assert_eq!(failed(1, retry)["status"], "RETRIABLE");
}

#[test]
fn a_map_without_an_array_fails_before_its_mock_counts() {
    let request = Request {
        mock: result(&json!([])),
        ..asked(&map("INLINE"), json!({"items": 1}))
    };
    let answer = told(&request, Level::Debug);
    assert_eq!(
        answer["cause"],
        "Reference path \"$.items\" must point to array."
    );
    assert!(answer["inspectionData"].get("maxConcurrency").is_none());
}

#[test]
fn what_is_given_of_the_context_replaces_what_stands_in() {
    let definition = json!({"Type": "Task", "End": true, "Resource": "component:step",
        "Parameters": {"c.$": "$$"}});
    let context = json!({"Execution": {"Name": "mine"}, "State": {"RetryCount": 5}});
    let request = Request {
        mock: result(&json!(null)),
        context: Some(context.to_string()),
        ..asked(&definition, json!({}))
    };
    let seen = data(&request)["afterParameters"]["c"].clone();
    assert_eq!(seen["Execution"]["Name"], "mine");
    assert_eq!(seen["State"]["RetryCount"], 5);
    assert_eq!(seen["State"]["Name"], "StateName");
    assert_eq!(
        seen["Execution"]["RoleArn"],
        "arn:aws:iam::111111111111:role/TestState"
    );
}
