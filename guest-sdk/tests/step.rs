//! A step as its author writes it, called the way the host calls it.

use sluice_step::__private as wire;
use sluice_step::{Context, Failure, step};

#[derive(serde::Deserialize)]
struct Input {
    people: Vec<Person>,
}

#[derive(serde::Deserialize)]
struct Person {
    name: String,
}

#[derive(serde::Serialize)]
struct Output {
    greeting: String,
    attempt: u32,
}

enum Rude {
    Nobody,
}

impl From<Rude> for Failure {
    fn from(rude: Rude) -> Self {
        match rude {
            Rude::Nobody => Failure::new("Hello.Nobody", "there is nobody to greet"),
        }
    }
}

#[step(manifest = "tests/manifest.toml")]
fn hello(input: Input, context: &Context) -> Result<Output, Rude> {
    let names: Vec<_> = input.people.into_iter().map(|person| person.name).collect();
    if names.is_empty() {
        return Err(Rude::Nobody);
    }
    Ok(Output {
        greeting: format!("Hello, {}", names.join(" and ")),
        attempt: context.attempt,
    })
}

fn check(input: &str, expected: Result<&str, (&str, &str)>) {
    let context = wire::Context {
        execution: "arn".to_owned(),
        state_machine: "machine".to_owned(),
        state: "Hello".to_owned(),
        component: "hello".to_owned(),
        attempt: 2,
        idempotency_key: "key".to_owned(),
        deadline_ms: 0,
        caller: None,
    };
    let result = wire::run(hello, context, input);
    match expected {
        Ok(expected) => assert_eq!(result.expect("the step succeeds"), expected),
        Err((error, cause)) => {
            let failure = result.expect_err("the step fails");
            assert_eq!(failure.error, error);
            assert!(failure.cause.contains(cause), "{}", failure.cause);
        }
    }
}

#[test]
fn a_step_maps_json_to_json() {
    check(
        r#"{"people": [{"name": "Ada"}]}"#,
        Ok(r#"{"greeting":"Hello, Ada","attempt":2}"#),
    );
}

#[test]
fn a_failure_of_the_steps_own_keeps_its_name() {
    check(
        r#"{"people": []}"#,
        Err(("Hello.Nobody", "nobody to greet")),
    );
}

#[test]
fn input_of_another_shape_is_refused_with_its_place() {
    check(
        r#"{"people": [{"name": 7}]}"#,
        Err(("Sluice.InvalidInput", "`people[0].name`")),
    );
    check(
        "{} {}",
        Err(("Sluice.InvalidInput", "missing field `people`")),
    );
    check(
        r#"{"people": []} x"#,
        Err(("Sluice.InvalidInput", "trailing characters")),
    );
    check("", Err(("Sluice.InvalidInput", "EOF")));
}
