//! States without a mock.

use super::*;

#[test]
fn a_state_tells_as_much_as_the_level_says() {
    let request = asked(&json!({"Type": "Pass", "Next": "B"}), json!({"a": 1}));
    let short = json!({"status": "SUCCEEDED", "output": {"a": 1}, "nextState": "B"});
    assert_eq!(told(&request, Level::Info), short);
    let data = json!({
        "input": {"a": 1}, "afterInputPath": {"a": 1}, "afterParameters": {"a": 1},
        "afterResultSelector": {"a": 1}, "afterResultPath": {"a": 1},
    });
    let long = with(short, json!({"inspectionData": data}));
    assert_eq!(told(&request, Level::Debug), long);
    assert_eq!(told(&request, Level::Trace), long);
}

#[test]
fn data_is_told_after_each_field_of_a_pass() {
    let definition = json!({"Type": "Pass", "End": true, "InputPath": "$.in",
        "Parameters": {"x.$": "$.a"}, "ResultPath": "$.out", "OutputPath": "$.out.x"});
    let request = asked(&definition, json!({"in": {"a": 1}}));
    assert_eq!(
        data(&request),
        json!({"input": {"in": {"a": 1}}, "afterInputPath": {"a": 1}, "afterParameters": {"x": 1},
            "afterResultSelector": {"x": 1}, "afterResultPath": {"in": {"a": 1}, "out": {"x": 1}}})
    );
    assert_eq!(told(&request, Level::Info)["output"], 1);
}

#[test]
fn a_fixed_result_does_not_hide_what_became_of_the_input() {
    let definition = json!({"Type": "Pass", "End": true, "InputPath": "$.in", "Result": 7});
    let data = data(&asked(&definition, json!({"in": 1})));
    assert_eq!(data["afterInputPath"], 1);
    assert_eq!(data["afterResultSelector"], 7);
    let broken = json!({"Type": "Pass", "End": true, "InputPath": "$.none", "Result": 7});
    assert_eq!(told(&asked(&broken, json!({})), Level::Info)["output"], 7);
}

#[test]
fn states_without_a_result_tell_only_their_input() {
    let choice = json!({"Type": "Choice", "InputPath": "$.in", "Default": "B",
        "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "A"}]});
    let input = json!({"in": 1});
    let request = asked(&choice, input.clone());
    assert_eq!(told(&request, Level::Info)["nextState"], "B");
    assert_eq!(data(&request), json!({"input": input, "afterInputPath": 1}));
    for definition in [
        json!({"Type": "Wait", "Seconds": 300, "End": true}),
        json!({"Type": "Succeed"}),
    ] {
        let request = asked(&definition, input.clone());
        assert_eq!(told(&request, Level::Info)["output"], input, "{definition}");
        let expected = json!({"input": input, "afterInputPath": input});
        assert_eq!(data(&request), expected, "{definition}");
    }
}

#[test]
fn states_in_jsonata_tell_no_paths() {
    let definition = json!({"Type": "Pass", "QueryLanguage": "JSONata", "End": true,
        "Output": "{% $states.input.a %}", "Assign": {"v": "{% $states.input %}"}});
    let request = asked(&definition, json!({"a": 1}));
    assert_eq!(told(&request, Level::Info)["output"], 1);
    assert_eq!(
        data(&request),
        json!({"input": {"a": 1}, "variables": {"v": {"a": 1}}})
    );
}

#[test]
fn a_failing_state_tells_its_error() {
    let definition = json!({"Type": "Fail", "Error": "E", "Cause": "C"});
    let request = asked(&definition, json!(1));
    assert_eq!(
        told(&request, Level::Debug),
        json!({"status": "FAILED", "error": "E", "cause": "C", "inspectionData": {"input": 1}})
    );
}

#[test]
fn an_error_of_the_states_own_says_what_but_not_where() {
    let definition = json!({"Type": "Pass", "InputPath": "$.none", "End": true});
    let answer = told(&asked(&definition, json!({})), Level::Debug);
    assert_eq!(answer["status"], "FAILED");
    assert_eq!(answer["error"], "States.Runtime");
    let cause = answer["cause"].as_str().unwrap();
    assert!(!cause.contains("entered at"), "{cause}");
    assert_eq!(answer["inspectionData"], json!({"input": {}}));
}

#[test]
fn a_state_is_found_in_its_machine_however_deep() {
    let machine = json!({"StartAt": "M", "States": {"M": map("INLINE")}});
    let request = Request {
        state_name: Some("Inner".to_owned()),
        ..asked(&machine, json!({"a": 1}))
    };
    assert_eq!(told(&request, Level::Info)["output"], json!({"a": 1}));
}

#[test]
fn a_state_alone_may_lead_anywhere() {
    for next in ["StateName", "StateName_", "x"] {
        let request = asked(&json!({"Type": "Pass", "Next": next}), json!({}));
        assert_eq!(told(&request, Level::Info)["nextState"], next);
    }
}

#[test]
fn variables_are_seen_changed_and_told() {
    let definition = json!({"Type": "Pass", "End": true, "Parameters": {"x.$": "$old"},
        "Assign": {"new.$": "$.x"}});
    let request = Request {
        variables: Some(json!({"old": 1}).to_string()),
        ..asked(&definition, json!({}))
    };
    assert_eq!(told(&request, Level::Info)["output"], json!({"x": 1}));
    assert_eq!(data(&request)["variables"], json!({"old": 1, "new": 1}));
}

#[test]
fn what_is_drawn_at_random_is_told_as_it_was_used() {
    let definition = json!({"Type": "Pass", "End": true, "Parameters": {"id.$": "States.UUID()"}});
    let answer = told(&asked(&definition, json!({})), Level::Debug);
    assert_eq!(
        answer["output"],
        answer["inspectionData"]["afterParameters"]
    );
}

#[test]
fn the_context_stands_in_for_an_execution() {
    let definition = json!({"Type": "Pass", "End": true, "Parameters": {"c.$": "$$"}});
    let output = told(&asked(&definition, json!({"a": 1})), Level::Info)["output"].clone();
    let context = &output["c"];
    assert_eq!(context["Execution"]["Input"], json!({"a": 1}));
    assert_eq!(context["Execution"]["RoleArn"], Value::Null);
    assert_eq!(context["State"]["Name"], "StateName");
    let id = context["Execution"]["Id"].as_str().unwrap();
    let name = context["Execution"]["Name"].as_str().unwrap();
    assert!(
        id.starts_with("arn:aws:states:us-east-1:111111111111:express:"),
        "{id}"
    );
    assert!(id.ends_with(name), "{id}");
}
