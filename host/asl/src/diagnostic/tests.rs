use super::*;

fn missing(pointer: &str, name: &'static str) -> Problem {
    Problem::new(pointer, "ours").found(Finding::Missing(name))
}

fn told(problems: &[Problem]) -> Vec<String> {
    let errors = Diagnostic::errors(problems);
    errors.iter().map(Diagnostic::to_string).collect()
}

#[test]
fn members_that_one_object_lacks_are_told_together_where_the_first_was_found() {
    let problems = [
        missing("", "StartAt"),
        missing("/States/A", "Type"),
        missing("", "States"),
    ];
    assert_eq!(
        told(&problems),
        [
            "SCHEMA_VALIDATION_FAILED: These fields are required: [StartAt, States] at /",
            "SCHEMA_VALIDATION_FAILED: These fields are required: [Type] at /States/A",
        ]
    );
}

#[test]
fn an_unknown_member_is_told_of_its_object() {
    let unknown = |pointer: &str| Problem::new(pointer, "ours").found(Finding::Unknown);
    assert_eq!(
        told(&[unknown("/States/A/x~1y"), unknown("/z")]),
        [
            "SCHEMA_VALIDATION_FAILED: Field 'x/y' is not supported at /States/A",
            "SCHEMA_VALIDATION_FAILED: Field 'z' is not supported at /",
        ]
    );
}

#[test]
fn ours_stand_where_the_services_words_are_not_known() {
    let plain = Problem::new("/States/A", "our words");
    let coded = problem("/States/A", "our words", code::INVALID_LABEL_NAME, "");
    let placeless = placed(
        "/States",
        "our words",
        None,
        code::MISSING_END_STATE,
        "theirs",
    );
    assert_eq!(
        told(&[plain, coded, placeless]),
        [
            "SCHEMA_VALIDATION_FAILED: our words at /States/A",
            "INVALID_LABEL_NAME: our words at /States/A",
            "MISSING_END_STATE: theirs at null",
        ]
    );
}

#[test]
fn only_warnings_with_a_code_of_the_services_are_told() {
    let named = problem("/States/A", "ours", code::NO_DOLLAR, "theirs");
    let warnings = Diagnostic::warnings(&[Problem::new("", "ours"), named]);
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}")
    };
    assert_eq!(
        (warning.severity.as_str(), warning.code),
        ("WARNING", "NO_DOLLAR")
    );
}

#[test]
fn places_are_written_as_the_service_writes_them() {
    let table = [
        ("", "/"),
        (
            "/States/A b~1c/Branches/0/States/0",
            "/States/A b/c/Branches[0]/States/0",
        ),
        (
            "/States/C/Choices/12/And/0/Variable",
            "/States/C/Choices[12]/And[0]/Variable",
        ),
        ("/States/", "/States/"),
    ];
    for (pointer, expected) in table {
        assert_eq!(location(pointer), expected);
    }
}
