//! Transitions, names and blocks.

use super::*;

fn machine(states: Value) -> Value {
    json!({"StartAt": "A", "States": states})
}

#[test]
fn transitions_lead_to_states_of_their_own_block() {
    check_problems(
        machine(json!({"A": {"Type": "Pass", "Next": "B"}})),
        &[
            ("/States/A/Next", "no state `B` beside this one"),
            ("/States", "no state ends the block"),
        ],
    );
    check_problems(
        machine(json!({
            "A": {"Type": "Parallel", "End": true, "Branches": [
                {"StartAt": "I", "States": {"I": {"Type": "Pass", "Next": "A"}}},
            ]},
        })),
        &[
            (
                "/States/A/Branches/0/States/I/Next",
                "no state `A` beside this one",
            ),
            ("/States/A/Branches/0/States", "no state ends the block"),
        ],
    );
    check_problems(
        machine(json!({
            "A": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.x", "IsNull": true, "Next": "X"}],
                "Default": "Y",
            },
        })),
        &[
            ("/States/A/Choices/0/Next", "`X`"),
            ("/States/A/Default", "`Y`"),
            ("/States", "no state ends the block"),
        ],
    );
    check_problem(
        machine(json!({
            "A": {
                "Type": "Task",
                "Resource": "component:a",
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}],
                "End": true,
            },
        })),
        "/States/A/Catch/0/Next",
        "`Z`",
    );
}

#[test]
fn a_state_that_nothing_leads_to_is_a_problem() {
    check_problems(
        machine(json!({
            "A": {"Type": "Pass", "End": true},
            "B": {"Type": "Pass", "Next": "C"},
            "C": {"Type": "Pass", "Next": "A"},
        })),
        &[("/States/B", "no transition leads to state `B`")],
    );
    check_problems(
        json!({"StartAt": "Not sure", "States": {
            "A": {"Type": "Pass", "Next": "B"},
            "B": {"Type": "Succeed"},
        }}),
        &[
            ("/StartAt", "no state `Not sure`"),
            ("/States/A", "no transition leads to state `A`"),
        ],
    );
    let itself = json!({"A": {"Type": "Pass", "End": true}, "B": {"Type": "Pass", "Next": "B"}});
    check_problem(
        machine(itself),
        "/States/B",
        "no transition leads to state `B`",
    );
    parse(&machine(json!({
        "A": {
            "Type": "Task",
            "Resource": "component:a",
            "Catch": [{"ErrorEquals": ["x"], "Next": "D"}, {"ErrorEquals": ["States.ALL"], "Next": "B"}],
            "Next": "C",
        },
        "B": {"Type": "Succeed"},
        "C": {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": true, "Next": "A"}], "Default": "B"},
        "D": {"Type": "Fail"},
    })));
}

#[test]
fn states_that_only_lead_to_each_other_are_a_warning() {
    let definition = machine(json!({
        "A": {"Type": "Pass", "End": true},
        "B": {"Type": "Pass", "Next": "C"},
        "C": {"Type": "Pass", "Next": "B"},
    }));
    let warnings: Vec<_> = parse(&definition)
        .warnings
        .into_iter()
        .map(|warning| warning.pointer)
        .collect();
    assert_eq!(warnings, ["/States/B", "/States/C"]);
}

#[test]
fn a_block_that_never_ends_is_a_problem() {
    check_problem(
        machine(
            json!({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Wait", "Seconds": 1, "Next": "A"}}),
        ),
        "/States",
        "no state ends the block",
    );
}

#[test]
fn a_state_either_ends_or_goes_on() {
    check_problem(
        machine(json!({"A": {"Type": "Pass"}})),
        "/States/A",
        "expected `Next`, or `\"End\": true`",
    );
    check_problem(
        machine(json!({"A": {"Type": "Pass", "End": false}})),
        "/States/A",
        "expected `Next`",
    );
    check_problem(
        machine(json!({"A": {"Type": "Pass", "End": true, "Next": "A"}})),
        "/States/A/End",
        "exclude each other",
    );
    check_problem(
        machine(json!({"A": {"Type": "Pass", "End": "yes"}})),
        "/States/A/End",
        "true or false",
    );
    check_problem(
        machine(json!({"A": {"Type": "Succeed", "End": true}})),
        "/States/A/End",
        "a `Succeed` state cannot have `End`",
    );
    parse(&machine(
        json!({"A": {"Type": "Pass", "End": false, "Next": "B"}, "B": {"Type": "Succeed"}}),
    ));
}

#[test]
fn names_are_unique_in_the_whole_machine_and_at_most_80_characters_long() {
    check_problem(
        machine(json!({
            "A": {"Type": "Parallel", "Next": "B", "Branches": [
                {"StartAt": "B", "States": {"B": {"Type": "Succeed"}}},
            ]},
            "B": {"Type": "Succeed"},
        })),
        "/States/B",
        "state name `B` is already used at `/States/A/Branches/0/States/B`",
    );
    let named = |name: &str| json!({"StartAt": name, "States": {name: {"Type": "Succeed"}}});
    parse(&named(&"ä".repeat(80)));
    let long = "ä".repeat(81);
    check_problem(
        named(&long),
        &format!("/States/{long}"),
        "1 to 80 characters",
    );
    check_problem(named(""), "/States/", "1 to 80 characters");
}
