//! The language over the wire: both query languages, expressions that mean harm, mocked Tasks.

use serde_json::{Value, json};

use super::host::{Folder, Host};
use super::stage;

async fn run(host: &Host, name: &str, definition: Value, input: Value) -> Value {
    let path = format!("/v1/state-machines/{name}");
    host.person("operator").put(&path, definition).await.is(201);
    let operator = host.person("operator");
    let id = operator.start(name, input).await;
    operator.ended(&id).await
}

#[tokio::test]
async fn both_query_languages_share_variables_and_data() {
    let folder = Folder::new();
    let host = folder.host().await;
    let definition = json!({
        "StartAt": "Read",
        "States": {
            "Read": {
                "Type": "Pass",
                "Assign": {"customer.$": "$.customer", "greeting.$": "States.Format('Hello {}', $.customer.name)"},
                "Next": "Sum",
            },
            "Sum": {
                "Type": "Pass",
                "QueryLanguage": "JSONata",
                "Assign": {"total": "{% $sum($states.input.lines.(price * count)) %}"},
                "Output": "{% $states.input.lines[count > 1].sku %}",
                "Next": "Choose",
            },
            "Choose": {
                "Type": "Choice",
                "QueryLanguage": "JSONata",
                "Choices": [{"Condition": "{% $total > 10 and $customer.name = 'Ada' %}", "Next": "Tell"}],
                "Default": "Never",
            },
            "Tell": {
                "Type": "Pass",
                "Parameters": {"skus.$": "$", "total.$": "$total", "greeting.$": "$greeting"},
                "End": true,
            },
            "Never": {"Type": "Fail"},
        },
    });
    let input = json!({
        "customer": {"name": "Ada"},
        "lines": [{"sku": "a", "price": 2.5, "count": 4}, {"sku": "b", "price": 1, "count": 1}, {"sku": "c", "price": 1, "count": 2}],
    });
    let ended = run(&host, "mixed", definition, input).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    let expected = json!({"skus": ["a", "c"], "total": 13, "greeting": "Hello Ada"});
    assert_eq!(ended["output"], expected);
}

#[tokio::test]
async fn an_expression_that_means_harm_fails_its_execution_and_nothing_else() {
    let folder = Folder::new();
    let host = folder.host().await;
    for (name, expression) in [
        ("endless", "($f := function($x) { $f($x) }; $f(1))"),
        ("large", "$pad('x', 1000000000)"),
        (
            "bomb",
            "($d := function($x) { {'l': $x, 'r': $x} }; $s := $reduce([1..40], function($a) { $d($a) }, 1); $string($s))",
        ),
    ] {
        let state = json!({"Type": "Pass", "QueryLanguage": "JSONata", "Output": format!("{{% {expression} %}}"), "End": true});
        let definition = json!({"StartAt": "Harm", "States": {"Harm": state}});
        let ended = run(&host, name, definition, json!({})).await;
        assert_eq!(ended["status"], "FAILED", "{name}: {ended}");
        assert_eq!(ended["error"], "States.QueryEvaluationError", "{name}");
    }
    stage::is_well(&host).await;
}

#[tokio::test]
async fn a_text_that_is_no_expression_is_refused_when_published() {
    let folder = Folder::new();
    let host = folder.host().await;
    let definition = json!({"StartAt": "S", "QueryLanguage": "JSONata", "States": {
        "S": {"Type": "Pass", "Output": {"a": "{% $sum( %}", "b": "{% $eval('1') %}", "c": "{% 1 ?? 2 %}"}, "End": true},
    }});
    let operator = host.person("operator");
    let answer = operator.put("/v1/state-machines/broken", definition).await;
    let pointers = [
        "/States/S/Output/a",
        "/States/S/Output/b",
        "/States/S/Output/c",
    ];
    assert_eq!(
        answer.is_problem(400).pointers(),
        pointers,
        "{}",
        answer.text
    );
}

fn orders() -> Value {
    json!({"StartAt": "Put", "States": {
        "Put": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:putItem",
            "Parameters": {"TableName": "orders", "Item.$": "$"},
            "Retry": [{"ErrorEquals": ["DynamoDB.Busy"], "IntervalSeconds": 1, "MaxAttempts": 1}],
            "End": true,
        },
    }})
}

#[tokio::test]
async fn a_mocked_task_needs_no_component_role_or_integration() {
    let folder = Folder::new();
    let mocks = json!({
        "StateMachines": {"orders": {"TestCases": {
            "busy": {"Put": "BusyThenGood"},
            "broken": {"Put": "Broken"},
        }}},
        "MockedResponses": {
            "BusyThenGood": {
                "0": {"Throw": {"Error": "DynamoDB.Busy", "Cause": "later"}},
                "1": {"Return": {"stored": true}},
            },
            "Broken": {"0-9": {"Throw": {"Error": "Broken", "Cause": "for good"}}},
        },
    });
    folder.mock(&mocks);
    let host = folder.host().await;
    let operator = host.person("operator");
    operator
        .put("/v1/state-machines/orders", orders())
        .await
        .is(201);
    let refused = operator.put("/v1/state-machines/others", orders()).await;
    refused.is_problem(422).says("dynamodb:putItem");

    let start = async |case: &str| {
        let machine = format!("arn:aws:states:us-east-1:000000000000:stateMachine:orders#{case}");
        let body = json!({"stateMachineArn": machine, "input": "{}"});
        super::aws_wire::call(&host, "operator", "StartExecution", body).await
    };
    let ended = async |case: &str| {
        let started = start(case).await;
        let arn = started.is(200).body["executionArn"]
            .as_str()
            .unwrap()
            .to_owned();
        super::aws_wire::ended(&host, &arn).await
    };
    let good = ended("busy").await;
    assert_eq!(
        (&good["status"], &good["output"]),
        (&json!("SUCCEEDED"), &json!(r#"{"stored":true}"#))
    );
    let broken = ended("broken").await;
    assert_eq!(
        (&broken["status"], &broken["error"]),
        (&json!("FAILED"), &json!("Broken"))
    );
    assert_eq!(start("unknown").await.status, 400);
}

#[tokio::test]
async fn a_task_asks_over_http_what_its_role_grants_and_nothing_else() {
    let folder = Folder::new();
    let host = folder.host().await;
    let operator = host.person("operator");
    let granted = json!({
        "http": [{"origins": [host.url()], "methods": ["GET"], "paths": ["/healthz"], "private_addresses": true}],
        "limits": {"time": "10s"},
    });
    operator.put("/v1/roles/asker", granted).await.is(201);
    let asking = |endpoint: Value| {
        json!({"QueryLanguage": "JSONata", "StartAt": "Ask", "States": {"Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::http:invoke",
            "Arguments": {"ApiEndpoint": endpoint, "Method": "GET"},
            "Output": "{% $states.result.[StatusCode, ResponseBody.status] %}",
            "End": true,
        }}})
    };
    let url = |path: &str| format!("{}{path}", host.url());
    let refused = operator
        .put(
            "/v1/state-machines/fixed?role=asker",
            asking(json!(url("/readyz"))),
        )
        .await;
    refused.is_problem(422);
    assert!(
        refused.text.contains("/States/Ask/Arguments"),
        "{}",
        refused.text
    );

    let open = asking(json!("{% $states.input %}"));
    operator
        .put("/v1/state-machines/open?role=asker", open)
        .await
        .is(201);
    let id = operator.start("open", json!(url("/healthz"))).await;
    let ended = operator.ended(&id).await;
    assert_eq!(ended["output"], json!([200, "alive"]), "{ended}");
    let id = operator.start("open", json!(url("/readyz"))).await;
    let ended = operator.ended(&id).await;
    assert_eq!(ended["error"], "Sluice.AccessDenied", "{ended}");
}

#[tokio::test]
async fn a_distributed_map_reads_and_writes_a_granted_volume_and_no_other() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path("orders/in")).unwrap();
    std::fs::write(folder.path("orders/in/items.csv"), "sku,count\na,2\nb,3\n").unwrap();
    let config = format!("[volumes]\norders = {:?}\n", folder.path("orders"));
    let host = folder.host_with(&config).await;
    let operator = host.person("operator");
    let granted =
        json!({"filesystem": [{"volume": "orders", "mount": "/orders", "access": "read-write"}]});
    operator.put("/v1/roles/clerk", granted).await.is(201);
    operator.put("/v1/roles/nobody", json!({})).await.is(201);
    let definition = json!({"StartAt": "Each", "States": {"Each": {
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Parameters": {"Bucket": "orders", "Key": "in/items.csv"},
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Keep",
            "States": {"Keep": {"Type": "Pass", "End": true}},
        },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": "orders", "Prefix": "out"},
            "WriterConfig": {"OutputType": "JSONL", "Transformation": "COMPACT"},
        },
        "End": true,
    }}});
    let refused = operator
        .put("/v1/state-machines/each?role=nobody", definition.clone())
        .await;
    refused.is_problem(422);
    assert!(
        refused.text.contains("/States/Each/ItemReader"),
        "{}",
        refused.text
    );

    operator
        .put("/v1/state-machines/each?role=clerk", definition)
        .await
        .is(201);
    let id = operator.start("each", json!({})).await;
    let ended = operator.ended(&id).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    let manifest = ended["output"]["ResultWriterDetails"]["Key"]
        .as_str()
        .unwrap();
    let written = folder.path("orders").join(manifest);
    let lines = std::fs::read_to_string(written.with_file_name("SUCCEEDED_0.jsonl")).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected = [
        json!({"sku": "a", "count": "2"}),
        json!({"sku": "b", "count": "3"}),
    ];
    assert_eq!(lines, expected);
}
