use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::PayloadId;

fn check(detail: HistoryDetail, sluice: Option<Provenance>, expected: Value) {
    let event = HistoryEvent {
        id: 3,
        previous_id: 2,
        at: Timestamp(1),
        detail,
        sluice,
    };
    let mut shape =
        json!({ "timestamp": "1970-01-01T00:00:00.001Z", "id": 3, "previousEventId": 2 });
    for (name, value) in expected.as_object().unwrap() {
        shape[name] = value.clone();
    }
    assert_eq!(event.to_json(), shape);

    let mut stored: HistoryEvent =
        serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
    for payload in stored.payloads_mut() {
        assert_eq!(payload.value(), &Value::Null);
        payload.fill(Arc::new(json!({ "a": 1 })));
    }
    assert_eq!(stored, event);
}

fn payload() -> Payload {
    Payload::new(
        PayloadId {
            record: 4,
            index: 1,
        },
        Arc::new(json!({ "a": 1 })),
    )
}

fn component() -> Called {
    Called::Service {
        resource_type: "component".to_owned(),
        resource: "charge@1.0.0".to_owned(),
    }
}

#[test]
fn a_state_shows_its_data_as_text() {
    let entered = HistoryDetail::StateEntered {
        kind: StateType::Map,
        name: "Each".to_owned(),
        input: payload(),
    };
    let details =
        json!({ "name": "Each", "input": "{\"a\":1}", "inputDetails": { "truncated": false } });
    check(
        entered,
        None,
        json!({ "type": "MapStateEntered", "stateEnteredEventDetails": details }),
    );
    check(
        HistoryDetail::StateAborted(StateType::Wait),
        None,
        json!({ "type": "WaitStateAborted" }),
    );
}

#[test]
fn a_task_shows_what_it_called_and_under_which_role() {
    let scheduled = TaskEvent::Scheduled {
        region: "us-east-1".to_owned(),
        input: payload(),
        timeout_seconds: Some(5),
        heartbeat_seconds: None,
        role_arn: Some("arn:r".to_owned()),
    };
    let details = json!({
        "resourceType": "component", "resource": "charge@1.0.0", "region": "us-east-1",
        "parameters": "{\"a\":1}", "timeoutInSeconds": 5,
        "taskCredentials": { "roleArn": "arn:r" },
    });
    let shape = json!({ "type": "TaskScheduled", "taskScheduledEventDetails": details });
    check(
        HistoryDetail::Task {
            called: component(),
            event: scheduled,
        },
        None,
        shape,
    );

    let provenance = Provenance::Attempt {
        role: "clerk".to_owned(),
        role_revision: 3,
        component: "charge".to_owned(),
        component_version: "1.0.0".to_owned(),
        component_digest: "sha256:5e".to_owned(),
        attempt: 2,
    };
    let shape = json!({
        "type": "TaskStarted",
        "taskStartedEventDetails": { "resourceType": "component", "resource": "charge@1.0.0" },
        "sluice": {
            "role": "clerk", "roleRevision": 3, "component": "charge", "componentVersion": "1.0.0",
            "componentDigest": "sha256:5e", "attempt": 2,
        },
    });
    check(
        HistoryDetail::Task {
            called: component(),
            event: TaskEvent::Started { worker: None },
        },
        Some(provenance),
        shape,
    );
}

#[test]
fn an_error_shows_only_what_it_has() {
    let error = ErrorDetail {
        error: Some("E".to_owned()),
        cause: None,
    };
    let shape =
        json!({ "type": "ExecutionFailed", "executionFailedEventDetails": { "error": "E" } });
    check(HistoryDetail::ExecutionFailed(error), None, shape);

    let stopped = Provenance::Caller {
        principal: "i|s".to_owned(),
        actor: None,
    };
    let shape = json!({
        "type": "ExecutionAborted", "executionAbortedEventDetails": {}, "sluice": { "principal": "i|s" },
    });
    check(
        HistoryDetail::ExecutionAborted(ErrorDetail::default()),
        Some(stopped),
        shape,
    );
}
