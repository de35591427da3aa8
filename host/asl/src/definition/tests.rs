use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::path::Path;
use crate::scope::tests::with_scope;

/// A machine of one state `S` that ends.
fn one(state: Value) -> Value {
    let mut state = state;
    if !matches!(state["Type"].as_str(), Some("Succeed" | "Fail" | "Choice"))
        && state.get("Next").is_none()
    {
        state["End"] = json!(true);
    }
    json!({"StartAt": "S", "States": {"S": state}})
}

/// A machine that starts with `state` and has states `A` and `B` to go to.
fn branching(state: Value) -> Value {
    let end = json!({"Type": "Succeed"});
    json!({"StartAt": "S", "States": {"S": state, "A": end, "B": end}})
}

fn parse(definition: &Value) -> Parsed {
    StateMachine::parse(definition).unwrap_or_else(|problems| panic!("{definition}: {problems:?}"))
}

/// Parses a machine with the one state `S` and gives that state.
fn state(definition: Value) -> State {
    let machine = parse(&definition).machine;
    machine
        .block(BlockId::ROOT)
        .unwrap()
        .state("S")
        .unwrap()
        .clone()
}

fn check_problems(definition: Value, expected: &[(&str, &str)]) {
    let problems = StateMachine::parse(&definition).expect_err("a problem");
    let found: Vec<_> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    let pointers: Vec<_> = expected.iter().map(|(pointer, _)| *pointer).collect();
    assert_eq!(found, pointers, "{definition}: {problems:?}");
    for (problem, (_, message)) in problems.iter().zip(expected) {
        assert!(problem.message.contains(message), "{definition}: {problem}");
        assert!(!problem.message.contains('\n'), "{problem}");
    }
}

fn check_problem(definition: Value, pointer: &str, message: &str) {
    check_problems(definition, &[(pointer, message)]);
}

fn check_warning(definition: Value, pointer: &str, message: &str) {
    let warnings = parse(&definition).warnings;
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}")
    };
    assert_eq!(warning.pointer, pointer);
    assert!(warning.message.contains(message), "{warning}");
}

mod express;
mod graph;
mod states;
mod told;

#[test]
fn every_problem_is_reported_at_once_with_its_pointer() {
    let definition = json!({
        "StartAt": "Nowhere",
        "TimeoutSeconds": 0,
        "Frobnicate": 1,
        "States": {
            "A": {"Type": "Task", "Resource": 7, "Next": "B", "End": true, "ResultPath": "$.a[*]"},
            "B": {"Type": "Wiat"},
            "C/~": {"Type": "Pass", "Next": "Missing", "Seconds": 1},
        },
    });
    check_problems(
        definition,
        &[
            ("/TimeoutSeconds", "from 1 to 99999999, found `0`"),
            ("/States/A/ResultPath", "may name several places"),
            ("/States/A/Resource", "expected a string, found a number"),
            ("/States/A/End", "exclude each other"),
            ("/States/B/Type", "unknown type `Wiat`"),
            (
                "/States/C~1~0/Seconds",
                "a `Pass` state cannot have `Seconds`",
            ),
            ("/StartAt", "no state `Nowhere`"),
            ("/States/C~1~0/Next", "no state `Missing`"),
            ("/Frobnicate", "unknown member"),
        ],
    );
}

#[test]
fn a_machine_keeps_what_its_author_wrote() {
    let machine = parse(&json!({
        "Comment": "c",
        "Version": "1.0",
        "QueryLanguage": "JSONPath",
        "TimeoutSeconds": 60,
        "StartAt": "S",
        "States": {"S": {"Type": "Succeed", "Comment": "done"}},
    }))
    .machine;
    assert_eq!(machine.comment.as_deref(), Some("c"));
    assert_eq!(machine.timeout_seconds, Some(60));
    let state = machine.block(BlockId::ROOT).unwrap().state("S").unwrap();
    assert_eq!(
        (state.comment.as_deref(), state.pointer.as_str()),
        (Some("done"), "/States/S")
    );
    assert_eq!(machine.block(BlockId(1)), None);
    assert_eq!(machine.block(BlockId(u32::MAX)), None);
}

#[test]
fn a_document_of_another_shape_is_refused() {
    check_problem(json!([]), "", "expected an object, found an array");
    check_problems(
        json!({}),
        &[("", "`StartAt` is missing"), ("", "`States` is missing")],
    );
    check_problem(
        json!({"StartAt": "S", "States": []}),
        "/States",
        "expected an object",
    );
    check_problems(
        json!({"StartAt": "S", "States": {}}),
        &[("/StartAt", "no state `S`"), ("/States", "no state ends")],
    );
    check_problem(
        json!({"StartAt": "S", "States": {"S": 1}}),
        "/States/S",
        "expected an object",
    );
    check_problem(one(json!({})), "/States/S", "member `Type` is missing");
    let mut machine = one(json!({"Type": "Pass"}));
    machine["Version"] = json!("2.0");
    check_problem(machine, "/Version", "unknown version");
}

#[test]
fn tasks_are_listed_wherever_they_stand() {
    let task = json!({"Type": "Task", "Resource": "component:inner@1", "End": true});
    let block = |name: &str, state: &Value| json!({"StartAt": name, "States": {name: state}});
    let machine = parse(&json!({
        "StartAt": "P",
        "States": {
            "P": {
                "Type": "Parallel",
                "Branches": [
                    block("One", &task),
                    block("M", &json!({"Type": "Map", "End": true, "ItemProcessor": block("Two", &task)})),
                ],
                "Next": "Three",
            },
            "Three": task,
        },
    }))
    .machine;
    let tasks: Vec<_> = machine
        .tasks()
        .map(|(state, _)| state.pointer.clone())
        .collect();
    assert_eq!(
        tasks,
        [
            "/States/Three",
            "/States/P/Branches/0/States/One",
            "/States/P/Branches/1/States/M/ItemProcessor/States/Two",
        ]
    );
    assert_eq!(machine.states().count(), 5);
}

#[test]
fn a_field_of_the_other_query_language_is_refused_by_name() {
    for name in ["Output", "Arguments"] {
        let task = json!({"Type": "Task", "Resource": "component:a", name: {}});
        check_problem(
            one(task),
            &format!("/States/S/{name}"),
            "belongs to query language `JSONata`, this state's is `JSONPath`",
        );
    }
    for name in ["InputPath", "ResultPath", "OutputPath"] {
        let pass = json!({"Type": "Pass", "QueryLanguage": "JSONata", name: "$"});
        check_problem(
            one(pass),
            &format!("/States/S/{name}"),
            "belongs to query language `JSONPath`, this state's is `JSONata`",
        );
    }
}

#[test]
fn a_state_may_choose_jsonata_but_not_leave_it() {
    let jsonata = state(one(
        json!({"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"a": "{% $states.input %}"}}),
    ));
    let Flow::Jsonata(flow) = jsonata.flow else {
        panic!("not JSONata")
    };
    let expressions = flow.output.unwrap();
    let [expression] = expressions.each_expression()[..] else {
        panic!("not one expression")
    };
    assert_eq!(
        (
            expression.text.as_str(),
            expression.field.as_str(),
            expression.pointer.as_str()
        ),
        ("$states.input", "Output/a", "/States/S/Output/a")
    );
    let mut whole = one(json!({"Type": "Pass", "QueryLanguage": "JSONPath"}));
    whole["QueryLanguage"] = json!("JSONata");
    check_problem(whole, "/States/S/QueryLanguage", "can not be 'JSONPath'");
    let unknown = one(json!({"Type": "Pass", "QueryLanguage": "SQL"}));
    check_problem(
        unknown,
        "/States/S/QueryLanguage",
        "unknown query language `SQL`",
    );
}

#[test]
fn variables_are_assigned_under_names_that_can_be_read() {
    let pass = |assign: Value| one(json!({"Type": "Pass", "Assign": assign}));
    let read = state(pass(json!({"a": 1, "b.$": "$.x", "ünt_1": {"c.$": "$a"}})));
    assert_eq!(read.assign.unwrap().variables(), ["a"]);
    for name in ["", "1a", "a-b", "states", "a b"] {
        check_problem(
            pass(json!({name: 1})),
            &format!("/States/S/Assign/{name}"),
            "cannot be the name of a variable",
        );
    }
    check_problem(
        one(json!({"Type": "Succeed", "Assign": {}})),
        "/States/S/Assign",
        "a `Succeed` state cannot have `Assign`",
    );
}

#[test]
fn oversized_and_overdeep_definitions_are_refused() {
    let mut large = one(json!({"Type": "Pass"}));
    large["Comment"] = json!("x".repeat(1 << 20));
    check_problem(large, "", "at most 1048576 bytes");
    let mut deep = one(json!({"Type": "Pass"}));
    let mut comment = Value::Null;
    for _ in 0..50_000 {
        comment = Value::Array(vec![comment]);
    }
    deep["Comment"] = comment;
    let problems = StateMachine::parse(&deep).unwrap_err();
    unnest(deep);
    assert!(
        problems[0].message.contains("at most 128 levels"),
        "{problems:?}"
    );
}

#[test]
fn a_long_name_above_many_values_is_refused() {
    let template = |name_bytes: usize| {
        let values: serde_json::Map<_, _> = (0..10_000)
            .map(|index| (format!("v{index}.$"), json!("not a path")))
            .collect();
        let parameters = json!({"n".repeat(name_bytes): values});
        one(json!({"Type": "Pass", "Parameters": parameters}))
    };
    check_problem(template(500_000), "", "the names on the way to its values");
    assert_eq!(
        StateMachine::parse(&template(100)).unwrap_err().len(),
        10_000
    );
}

/// Takes a deep value apart without recursion, as dropping it would overflow the stack.
fn unnest(value: Value) {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.into_iter().map(|(_, member)| member)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

#[test]
fn conditions_nest_as_deep_as_the_document_allows() {
    let mut condition = json!({"Variable": "$", "IsNull": true});
    for _ in 0..120 {
        condition = json!({"Not": condition});
    }
    condition["Next"] = json!("A");
    let choice = json!({"Type": "Choice", "Choices": [condition], "Default": "B"});
    let machine = parse(&branching(choice)).machine;
    let state = machine
        .block(BlockId::ROOT)
        .and_then(|block| block.state("S"))
        .unwrap();
    let StateKind::Choice(choice) = &state.kind else {
        panic!("not a choice")
    };
    let picked = with_scope(&Value::Null, &Value::Null, |scope| {
        matches!(choice.pick(&Value::Null, scope), Ok(Picked::Rule(_)))
    });
    assert!(picked);
}

#[test]
fn blocks_nest_as_deep_as_the_document_allows() {
    let mut block = json!({"StartAt": "S0", "States": {"S0": {"Type": "Succeed"}}});
    for level in 1..30 {
        let name = format!("S{level}");
        let state = json!({"Type": "Parallel", "Branches": [block], "End": true});
        block = json!({"StartAt": &name, "States": {&name: state}});
    }
    assert_eq!(parse(&block).machine.states().count(), 30);
}

/// What the documents of the properties are made of.
const WORDS: &[&str] = &[
    "Type",
    "Task",
    "Pass",
    "Choice",
    "Wait",
    "Succeed",
    "Fail",
    "Parallel",
    "Map",
    "StartAt",
    "States",
    "A",
    "B",
    "Next",
    "End",
    "Resource",
    "Branches",
    "ItemProcessor",
    "Iterator",
    "ProcessorConfig",
    "Mode",
    "INLINE",
    "Parameters",
    "ResultSelector",
    "ResultPath",
    "InputPath",
    "Choices",
    "Default",
    "Variable",
    "StringEquals",
    "NumericLessThanPath",
    "And",
    "Or",
    "Not",
    "Retry",
    "Catch",
    "ErrorEquals",
    "States.ALL",
    "Seconds",
    "TimestampPath",
    "TimeoutSeconds",
    "Error",
    "CausePath",
    "QueryLanguage",
    "JSONata",
    "JSONPath",
    "Output",
    "Arguments",
    "Assign",
    "Items",
    "Condition",
    "{% $states.input %}",
    "{% 1 + %}",
    "Label",
    "DISTRIBUTED",
    "ItemBatcher",
    "MaxItemsPerBatch",
    "Credentials",
    "RoleArn",
    "Timestamp",
    "BackoffRate",
    "x.$",
    "$",
    "$.a[0]",
    "$$.b",
    "$..[?(@.a)]",
    "States.Format('{}', $.a)",
    "2016-03-14T01:59:00Z",
];

fn any_definition() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(WORDS);
    let leaf = prop_oneof![
        word.clone().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (-2..1000_i64).prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(8, 128, 8, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => prop::collection::vec((word.clone(), inner), 0..8)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_judged_and_told(value in any_definition()) {
        let told = match StateMachine::parse(&value) {
            Ok(parsed) => crate::Diagnostic::warnings(&parsed.warnings),
            Err(problems) => {
                let told = crate::Diagnostic::errors(&problems);
                prop_assert!(!told.is_empty());
                told
            }
        };
        for diagnostic in told {
            prop_assert!(!diagnostic.message.is_empty());
            prop_assert!(!diagnostic.message.contains('\n'));
        }
    }

    #[test]
    fn any_document_is_parsed_or_refused_with_a_reason(states in any_definition()) {
        let definition = json!({"StartAt": "A", "States": {"A": states}});
        if let Err(problems) = StateMachine::parse(&definition) {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                prop_assert!(definition.pointer(&problem.pointer).is_some() || problem.pointer.contains("Seconds"));
            }
        }
    }
}
