use document::{Node, Problems};
use serde_json::json;

use super::*;
use crate::definition::{JsonPathFlow, JsonataFlow};
use crate::path::{Path, ReferencePath};
use crate::scope::tests::with_scope;

fn flow(change: impl FnOnce(&mut JsonPathFlow)) -> Flow {
    let mut flow = JsonPathFlow::default();
    change(&mut flow);
    Flow::JsonPath(Box::new(flow))
}

fn path(text: &str) -> Option<Source> {
    Some(Source::Path(Path::parse(text).unwrap()))
}

fn template(value: Value) -> Option<Template> {
    Template::parse(&Node::root(&value), &mut Problems::default())
}

fn jsonata(value: Value) -> Option<Template> {
    Template::parse_jsonata(&Node::root(&value), "Field", &mut Problems::default())
}

fn effective(flow: &Flow, input: &Arc<Value>, context: &Value) -> Result<Arc<Value>, Failure> {
    with_scope(input, context, |scope| flow.effective_input(input, scope))
}

fn output(flow: &Flow, input: &Arc<Value>, result: Value) -> Result<Arc<Value>, Failure> {
    let result = Arc::new(result);
    with_scope(input, &Value::Null, |scope| {
        flow.output(input, result, scope)
    })
}

#[test]
fn a_flow_without_fields_passes_the_same_payload_on() {
    let input = Arc::new(json!({"a": 1}));
    for flow in [flow(|_| {}), Flow::Jsonata(Box::default())] {
        let given = effective(&flow, &input, &Value::Null).unwrap();
        assert!(Arc::ptr_eq(&given, &input));
        let result = Arc::new(json!(2));
        let left = with_scope(&input, &Value::Null, |scope| {
            flow.output(&input, Arc::clone(&result), scope)
        });
        assert!(Arc::ptr_eq(&left.unwrap(), &result));
    }
}

#[test]
fn input_path_comes_before_parameters() {
    let flow = flow(|flow| {
        flow.input_path = path("$.order");
        flow.parameters = template(json!({"id.$": "$.id", "run.$": "$$.Execution.Id"}));
    });
    let input = Arc::new(json!({"order": {"id": 7}}));
    let context = json!({"Execution": {"Id": "e"}});
    let selected = with_scope(&input, &context, |scope| flow.selected_input(&input, scope));
    assert_eq!(*selected.unwrap(), json!({"id": 7}));
    let given = effective(&flow, &input, &context).unwrap();
    assert_eq!(*given, json!({"id": 7, "run": "e"}));
}

#[test]
fn null_paths_give_an_empty_object_or_discard_the_result() {
    let empty = flow(|flow| {
        flow.input_path = None;
        flow.output_path = None;
    });
    let input = Arc::new(json!({"a": 1}));
    assert_eq!(*effective(&empty, &input, &Value::Null).unwrap(), json!({}));
    assert_eq!(*output(&empty, &input, json!(2)).unwrap(), json!({}));
    let discarding = flow(|flow| flow.result_path = ResultPath::Discard);
    assert_eq!(output(&discarding, &input, json!(2)).unwrap(), input);
}

#[test]
fn arguments_and_output_are_filled_from_the_states_input() {
    let flow = Flow::Jsonata(Box::new(JsonataFlow {
        arguments: jsonata(json!({"id": "{% $states.input.id %}"})),
        output: jsonata(json!(["{% $states.input.id %}", "plain"])),
    }));
    let input = Arc::new(json!({"id": 7}));
    assert_eq!(
        *effective(&flow, &input, &Value::Null).unwrap(),
        json!({"id": 7})
    );
    assert_eq!(
        *output(&flow, &input, json!(1)).unwrap(),
        json!([7, "plain"])
    );
}

#[test]
fn failures_carry_the_services_names_and_causes() {
    let object = Arc::new(json!({}));
    let check = |flow: &Flow, input: &Arc<Value>, error: &str, cause: &str| {
        let failure = output(flow, input, json!({})).unwrap_err();
        assert_eq!(
            (failure.error.as_str(), failure.cause.as_str()),
            (error, cause)
        );
    };
    let missing = flow(|flow| flow.output_path = path("$.no.such.result.path"));
    let cause = "Invalid path '$.no.such.result.path' : Missing property in path $['no']";
    check(&missing, &object, "States.Runtime", cause);
    let nowhere = flow(|flow| {
        flow.result_path = ResultPath::At(ReferencePath::parse("$.r").unwrap());
    });
    let cause = "Unable to apply ReferencePath $.r to input \"text\"";
    check(
        &nowhere,
        &Arc::new(json!("text")),
        "States.ResultPathMatchFailure",
        cause,
    );
    let selecting = flow(|flow| flow.result_selector = template(json!({"a.$": "$.b"})));
    let cause =
        "The JSONPath '$.b' specified for the field 'a.$' could not be found in the input '{}'";
    check(&selecting, &object, "States.Runtime", cause);
    let undefined = Flow::Jsonata(Box::new(JsonataFlow {
        arguments: None,
        output: jsonata(json!({"a": "{% $states.input.b %}"})),
    }));
    let cause = "The JSONata expression '$states.input.b' specified for the field 'Field/a' returned nothing (undefined).";
    check(&undefined, &object, "States.QueryEvaluationError", cause);
}
