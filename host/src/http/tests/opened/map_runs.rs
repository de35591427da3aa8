//! Map runs over the AWS wire.

use super::*;

impl Host {
    async fn operation(&self, person: &str, operation: &str, body: &Value) -> (u16, Value) {
        let request = Request::builder()
            .method("POST")
            .uri("/")
            .header(
                "authorization",
                format!("Bearer {}", self.tokens[person].reveal()),
            )
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AWSStepFunctions.{operation}"))
            .body(Body::from(body.to_string()));
        let response = self.service.call(request.unwrap()).await.unwrap();
        (response.status().as_u16(), json(response).await)
    }

    async fn operator(&self, operation: &str, body: Value) -> Value {
        let (status, answer) = self.operation("operator", operation, &body).await;
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }
}

/// A host on which a distributed Map over three items has ended, and the ARN of its execution.
async fn ended() -> (Host, String) {
    let host = Host::start().await;
    let definition = value!({"StartAt": "Each", "States": {"Each": {
        "Type": "Map", "Label": "each", "MaxConcurrency": 2, "End": true,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}},
        },
    }}});
    host.check("operator", "PUT /v1/state-machines/hello", &definition, 201)
        .await;
    let start = value!({"stateMachine": "hello", "input": [1, 2, 3]});
    let started = host
        .check("operator", "POST /v1/executions", &start, 201)
        .await;
    // The stream ends with the execution.
    let events = format!(
        "GET /v1/executions/{}/events",
        started["id"].as_str().unwrap()
    );
    let response = host.call("operator", &events, "application/json", "").await;
    response.into_body().collect().await.unwrap();
    let arn = started["executionArn"].as_str().unwrap().to_owned();
    (host, arn)
}

#[tokio::test]
async fn a_map_run_is_listed_described_and_its_children_found() {
    let (host, execution) = ended().await;
    let listed = host
        .operator("ListMapRuns", value!({"executionArn": execution}))
        .await;
    let line = &listed["mapRuns"][0];
    assert_eq!(line["executionArn"], execution);
    assert!(line["stopDate"].as_f64() >= line["startDate"].as_f64());
    let map_run = line["mapRunArn"].as_str().unwrap();
    let run = host
        .operator("DescribeMapRun", value!({"mapRunArn": map_run}))
        .await;
    assert_eq!(run["status"], "SUCCEEDED");
    assert_eq!(run["maxConcurrency"], 2);
    assert_eq!(run["toleratedFailurePercentage"], 0.0);
    for counts in [&run["itemCounts"], &run["executionCounts"]] {
        assert_eq!(
            (&counts["succeeded"], &counts["total"]),
            (&value!(3), &value!(3))
        );
    }
    let page = host
        .operator(
            "ListExecutions",
            value!({"mapRunArn": map_run, "maxResults": 2}),
        )
        .await;
    let token = &page["nextToken"];
    let rest = host
        .operator(
            "ListExecutions",
            value!({"mapRunArn": map_run, "nextToken": token}),
        )
        .await;
    assert_eq!(rest["executions"].as_array().unwrap().len(), 1);
    let child = &page["executions"][0];
    assert_eq!(
        (&child["itemCount"], &child["mapRunArn"]),
        (&value!(1), &value!(map_run))
    );
    let described = host
        .operator(
            "DescribeExecution",
            value!({"executionArn": child["executionArn"]}),
        )
        .await;
    assert_eq!(described["mapRunArn"], map_run);
    let machine = described["stateMachineArn"].as_str().unwrap();
    assert!(machine.ends_with(":stateMachine:hello/each"), "{machine}");
    let parents = host
        .operator(
            "ListExecutions",
            value!({"stateMachineArn": machine.trim_end_matches("/each")}),
        )
        .await;
    assert_eq!(parents["executions"].as_array().unwrap().len(), 1);
    host.stop().await;
}

#[tokio::test]
async fn map_runs_are_told_of_to_those_who_may_know_and_changed_for_nobody() {
    let (host, execution) = ended().await;
    let asked = value!({"executionArn": execution});
    let (status, _) = host.operation("author", "ListMapRuns", &asked).await;
    assert_eq!(status, 403);
    let listed = host.operator("ListMapRuns", asked).await;
    let map_run = listed["mapRuns"][0]["mapRunArn"].as_str().unwrap();
    let of_run = |arn: &str| value!({"mapRunArn": arn});
    for operation in ["DescribeMapRun", "ListExecutions", "UpdateMapRun"] {
        let (status, _) = host.operation("author", operation, &of_run(map_run)).await;
        assert_eq!(status, 403, "{operation}");
        let other = format!("{map_run}0");
        let (_, told) = host.operation("operator", operation, &of_run(&other)).await;
        assert_eq!(told["__type"], "ResourceNotFound", "{operation}");
        let (_, told) = host
            .operation("operator", operation, &of_run(&execution))
            .await;
        assert_eq!(told["__type"], "InvalidArn", "{operation}");
    }
    let (_, told) = host
        .operation("operator", "UpdateMapRun", &of_run(map_run))
        .await;
    assert_eq!(told["__type"], "ValidationException");
    let both = value!({"mapRunArn": map_run, "stateMachineArn": "x"});
    let (_, told) = host.operation("operator", "ListExecutions", &both).await;
    assert_eq!(told["__type"], "ValidationException");
    host.stop().await;
}
