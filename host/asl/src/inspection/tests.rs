//! Tests of single states: each kind at each level, and every way to ask what cannot be.

mod allowed;
mod mocked;
mod refused;

use serde_json::{Value, json};

use super::*;
use crate::Timestamp;
use crate::scope::tests::NoEvaluator;

fn setting() -> Setting {
    Setting {
        at: Timestamp(1_700_000_000_000),
        seed: 7,
        region: "us-east-1".to_owned(),
        account: "111111111111".to_owned(),
        role_arn: None,
    }
}

/// A request for the state `definition` with `input`.
fn asked(definition: &Value, input: Value) -> Request {
    Request {
        definition: definition.to_string(),
        input,
        ..Request::default()
    }
}

fn result(value: &Value) -> Option<Mock> {
    Some(Mock {
        result: Some(value.to_string()),
        ..Mock::default()
    })
}

fn error(name: &str) -> Option<Mock> {
    Some(Mock {
        error_output: Some(ErrorOutput {
            error: Some(name.to_owned()),
            cause: Some("why".to_owned()),
        }),
        ..Mock::default()
    })
}

/// The answer with its JSON texts parsed.
fn told(request: &Request, level: Level) -> Value {
    let answer = inspect(request, &setting(), &NoEvaluator).unwrap();
    let mut answer = answer.to_json(level);
    if let Some(output) = answer.get_mut("output") {
        parse(output);
    }
    if let Some(Value::Object(data)) = answer.get_mut("inspectionData") {
        data.values_mut().for_each(parse);
    }
    answer
}

fn parse(text: &mut Value) {
    if let Some(parsed) = text.as_str() {
        *text = serde_json::from_str(parsed).unwrap();
    }
}

fn data(request: &Request) -> Value {
    told(request, Level::Debug)["inspectionData"].clone()
}

fn refusal(request: &Request) -> Refusal {
    inspect(request, &setting(), &NoEvaluator).unwrap_err()
}

fn task() -> Value {
    json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
        "Parameters": {"FunctionName": "f", "Payload.$": "$.a"}})
}

fn map(mode: &str) -> Value {
    json!({"Type": "Map", "ItemsPath": "$.items", "End": true, "ItemProcessor": {
        "ProcessorConfig": match mode {
            "INLINE" => json!({"Mode": "INLINE"}),
            _ => json!({"Mode": mode, "ExecutionType": "STANDARD"}),
        },
        "StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "End": true}},
    }})
}

fn with(mut definition: Value, members: Value) -> Value {
    let (Value::Object(definition_members), Value::Object(members)) = (&mut definition, members)
    else {
        panic!("two objects");
    };
    definition_members.extend(members);
    definition
}
