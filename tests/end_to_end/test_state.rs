//! Single states over the AWS wire: what a test tells, refuses, and to whom.

use serde_json::{Value, json};

use super::aws_wire::call;
use super::host::{Folder, Host};

async fn test(host: &Host, definition: Value, more: Value) -> Value {
    let mut body = json!({"definition": definition.to_string()});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    call(host, "operator", "TestState", body).await.body
}

#[tokio::test]
async fn a_state_is_tested_without_being_published() {
    let folder = Folder::new();
    let host = folder.host().await;
    let definition = json!({
        "Type": "Task",
        "QueryLanguage": "JSONata",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": "charge", "Payload": {"sum": "{% $sum($states.input.lines) + $fee %}"}},
        "Output": "{% $states.result.Payload.id & '!' %}",
        "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 3}],
        "Next": "Tell",
    });
    let given = |mock: Value| {
        json!({
            "input": r#"{"lines": [1, 2]}"#, "variables": r#"{"fee": 4}"#,
            "inspectionLevel": "DEBUG", "mock": mock,
        })
    };
    let result = given(json!({"result": r#"{"Payload": {"id": "x"}}"#}));
    let succeeded = test(&host, definition.clone(), result).await;
    assert_eq!(succeeded["status"], "SUCCEEDED", "{succeeded}");
    assert_eq!(succeeded["output"], r#""x!""#);
    assert_eq!(succeeded["nextState"], "Tell");
    let arguments = succeeded["inspectionData"]["afterArguments"].as_str();
    let arguments: Value = serde_json::from_str(arguments.unwrap()).unwrap();
    assert_eq!(arguments["Payload"]["sum"], 7);
    let error = given(json!({"errorOutput": {"error": "Busy", "cause": "later"}}));
    let retriable = test(&host, definition, error).await;
    assert_eq!(retriable["status"], "RETRIABLE", "{retriable}");
    let details = &retriable["inspectionData"]["errorDetails"];
    assert_eq!(
        *details,
        json!({"retryIndex": 0, "retryBackoffIntervalSeconds": 3})
    );
}

#[tokio::test]
async fn what_cannot_be_tested_is_refused_in_the_services_words() {
    let folder = Folder::new();
    let host = folder.host().await;
    let pass = json!({"Type": "Pass", "End": true});
    let broken =
        json!({"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% 1 + %}", "End": true});
    let mock = json!({"mock": {"result": "{}"}});
    for (definition, more, code) in [
        (broken, json!({}), "InvalidDefinition"),
        (json!({"Type": "Pass"}), json!({}), "InvalidDefinition"),
        (pass.clone(), mock, "ValidationException"),
        (
            pass.clone(),
            json!({"inspectionLevel": "ALL"}),
            "ValidationException",
        ),
        (pass.clone(), json!({"input": "{"}), "InvalidExecutionInput"),
        (pass, json!({"stateName": "A"}), "InvalidDefinition"),
    ] {
        let refused = test(&host, definition.clone(), more.clone()).await;
        assert_eq!(refused["__type"], code, "{definition} {more} {refused}");
    }
}

#[tokio::test]
async fn only_who_may_test_states_does() {
    let folder = Folder::new();
    let host = folder.host().await;
    let body = json!({"definition": r#"{"Type": "Succeed"}"#});
    for person in ["author", "reviewer", "approver", "auditor"] {
        let denied = call(&host, person, "TestState", body.clone()).await;
        assert_eq!(denied.is(403).body["__type"], "AccessDeniedException");
    }
    call(&host, "operator", "TestState", body).await.is(200);
    let audit = host.person("auditor").audit().await;
    let denied = audit
        .iter()
        .filter(|record| record["decision"]["effect"] == "denied");
    assert_eq!(denied.count(), 4);
}
