use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::diagnostic::Diagnostic;
use crate::jsonata::{Evaluated, Evaluation, EvaluationError};

/// Knows what the expressions of these tests read, and counts how often it was asked.
#[derive(Default)]
struct Scripted(AtomicUsize);

impl Evaluator for Scripted {
    fn evaluate(&self, _: &Evaluation<'_>) -> Result<Evaluated, EvaluationError> {
        panic!("nothing is evaluated at publish")
    }

    fn check(
        &self,
        expressions: &[&str],
    ) -> Result<Vec<Result<References, SyntaxError>>, Unavailable> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let answer = |text: &&str| match *text {
            "1 +" => Err(SyntaxError {
                code: "S0207".to_owned(),
                message: "Unexpected end of expression".to_owned(),
                position: None,
            }),
            text => Ok(References {
                variables: text
                    .contains("$b")
                    .then(|| "b".to_owned())
                    .into_iter()
                    .collect(),
                states: ["input", "result", "errorOutput", "other"]
                    .into_iter()
                    .filter(|member| text.contains(&format!("$states.{member}")))
                    .map(str::to_owned)
                    .collect(),
            }),
        };
        Ok(expressions.iter().map(answer).collect())
    }
}

/// Has no evaluator to ask.
struct Away;

impl Evaluator for Away {
    fn evaluate(&self, _: &Evaluation<'_>) -> Result<Evaluated, EvaluationError> {
        panic!("nothing is evaluated at publish")
    }

    fn check(&self, _: &[&str]) -> Result<Vec<Result<References, SyntaxError>>, Unavailable> {
        Err(Unavailable("none here".to_owned()))
    }
}

fn machine(states: &Value) -> StateMachine {
    let start = states.as_object().and_then(|states| states.keys().next());
    let definition = json!({"QueryLanguage": "JSONata", "StartAt": start, "States": states});
    StateMachine::parse(&definition).unwrap().machine
}

fn judge(states: &Value) -> (Judged, usize) {
    let evaluator = Scripted::default();
    let judged = check_expressions(&machine(states), &evaluator).unwrap();
    (judged, evaluator.0.into_inner())
}

/// What a Task with one more member is told.
fn told(member: &str, value: Value) -> Vec<String> {
    let task = json!({"Type": "Task", "Resource": "component:a", member: value, "End": true});
    let (judged, _) = judge(&json!({"T": task}));
    let told = Diagnostic::errors(&judged.problems);
    told.iter().map(Diagnostic::to_string).collect()
}

#[test]
fn what_is_not_jsonata_is_told_where_it_stands() {
    assert_eq!(
        told("Output", json!({"a": ["{% 1 + 1 %}", "{% 1 + %}"]})),
        ["INVALID_JSONATA_EXPRESSION: Unexpected end of expression at /States/T/Output/a[1]"]
    );
    assert_eq!(told("TimeoutSeconds", json!("{% 1 + 1 %}")), [""; 0]);
}

#[test]
fn the_result_is_known_only_after_the_work_is_done() {
    let fine: [(&str, Value); 3] = [
        ("Output", json!("{% $states.result %}")),
        ("Assign", json!({"x": "{% $sum($states.result) %}"})),
        ("Arguments", json!("{% $sum($states.input) %}")),
    ];
    for (member, value) in fine {
        assert_eq!(told(member, value), [""; 0]);
    }
    for (member, value) in [
        ("Arguments", json!({"x": "{% $states.result.y %}"})),
        ("Arguments", json!("{% $sum($states.result) %}")),
        ("TimeoutSeconds", json!("{% $states.result %}")),
    ] {
        let told = told(member, value);
        assert!(
            told[0].starts_with("UNSUPPORTED_JSONATA_EXPRESSION: `$states.result` is known only"),
            "{told:?}"
        );
        assert_eq!(told.len(), 1);
    }
    let pass = json!({"P": {"Type": "Pass", "Output": "{% $states.result %}", "End": true}});
    assert_eq!(judge(&pass).0.problems.len(), 1);
}

#[test]
fn the_error_output_is_known_only_to_catchers() {
    let catch =
        |output: &str| json!([{"ErrorEquals": ["States.ALL"], "Output": output, "Next": "T"}]);
    assert_eq!(
        told("Catch", catch("{% $states.errorOutput.Cause %}")),
        [""; 0]
    );
    let result = told("Catch", catch("{% $states.result %}"));
    assert!(
        result[0].ends_with("at /States/T/Catch[0]/Output"),
        "{result:?}"
    );
    let outside = told("Output", json!("{% $states.errorOutput %}"));
    assert!(
        outside[0].contains("known only to `Output` and `Assign` of a catcher"),
        "{outside:?}"
    );
    let unknown = told("Output", json!("{% $states.other.x %}"));
    assert!(
        unknown[0].contains("`$states` has no member `other`"),
        "{unknown:?}"
    );
}

#[test]
fn nobody_is_asked_about_plain_expressions() {
    let pass = json!({
        "P": {"Type": "Pass", "Output": {"a": "{% $states.input.a %}", "b": "{% 7 %}", "c": "c"}, "End": true},
    });
    assert_eq!(judge(&pass).1, 0);
    assert!(check_expressions(&machine(&pass), &Away).is_ok());
    let sum = json!({"P": {"Type": "Pass", "Output": "{% 1 + 1 %}", "Next": "Q"}, "Q": {"Type": "Pass", "Output": "{% 2 + 2 %}", "End": true}});
    assert_eq!(judge(&sum).1, 1);
    assert!(check_expressions(&machine(&sum), &Away).is_err());
}

#[test]
fn every_field_that_reads_a_variable_is_found() {
    let states = json!({
        "Paths": {
            "Type": "Task", "QueryLanguage": "JSONata", "Resource": "component:a",
            "Arguments": {"x": "{% $c.d %}", "y": "{% $sum($b) %}"},
            "Assign": {"new": "{% $a %}"},
            "Next": "Map",
        },
        "Map": {
            "Type": "Map", "QueryLanguage": "JSONata", "Items": ["{% $a %}"],
            "MaxConcurrency": "{% $n %}",
            "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Succeed", "Output": "{% $i %}"}}},
            "End": true,
        },
    });
    let (judged, _) = judge(&states);
    let expected = [
        ("I", vec!["i"]),
        ("Map", vec!["a", "n"]),
        ("Paths", vec!["a", "b", "c"]),
    ];
    let found: Vec<_> = judged
        .variables
        .iter()
        .map(|(state, names)| (state.as_str(), names.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(found, expected);
}

fn sums(count: usize, padding: usize) -> Value {
    let padding = " ".repeat(padding);
    let sums = (0..count).map(|number| format!("{{% {number} +{padding} 1 %}}"));
    json!({"P": {"Type": "Pass", "Output": sums.collect::<Vec<_>>(), "End": true}})
}

#[test]
fn a_definition_has_no_more_expressions_than_can_be_judged() {
    let (judged, asked) = judge(&sums(EXPRESSIONS_MAX, 0));
    assert_eq!((judged.problems.len(), asked), (0, 1));
    let (judged, asked) = judge(&sums(EXPRESSIONS_MAX + 1, 0));
    assert_eq!((judged.problems.len(), asked), (1, 0));
    let told = &judged.problems[0].message;
    assert!(
        told.contains("2001 different JSONata expressions"),
        "{told}"
    );
}

#[test]
fn an_evaluator_is_asked_about_so_many_bytes_at_once() {
    let third = CHECK_BYTES_MAX / 3;
    assert_eq!(judge(&sums(3, third - 100)).1, 1);
    assert_eq!(judge(&sums(3, third + 100)).1, 2);
    assert_eq!(judge(&sums(2, CHECK_BYTES_MAX + 1)).1, 2);
}
