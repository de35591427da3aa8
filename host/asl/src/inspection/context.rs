//! The context object that a state under test finds.
//!
//! Owns what may be mocked of it, with the service's words for what may not, and what stands for
//! the rest.

use serde_json::{Map, Value, json};

use super::request::{Refusal, Setting};
use super::tested::STATE_NAME;
use crate::definition::{State, StateKind};
use crate::intrinsic::Random;

/// What a member of the context object may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Anything,
    Text,
    Number,
}

type Members = &'static [(&'static str, Holds)];

const MEMBERS: [(&str, Members); 4] = [
    (
        "Execution",
        &[
            ("Id", Holds::Text),
            ("Input", Holds::Anything),
            ("Name", Holds::Text),
            ("RoleArn", Holds::Text),
            ("StartTime", Holds::Text),
            ("RedriveCount", Holds::Number),
            ("RedriveTime", Holds::Text),
        ],
    ),
    (
        "State",
        &[
            ("EnteredTime", Holds::Text),
            ("Name", Holds::Text),
            ("RetryCount", Holds::Number),
        ],
    ),
    (
        "StateMachine",
        &[("Id", Holds::Text), ("Name", Holds::Text)],
    ),
    ("Task", &[("Token", Holds::Text)]),
];

/// Reads the text of a context object.
///
/// # Errors
/// What of it cannot be mocked.
pub(super) fn read(text: &str) -> Result<Map<String, Value>, Refusal> {
    let Ok(Value::Object(context)) = serde_json::from_str(text) else {
        return Err(refuse("must be a valid JSON object"));
    };
    for (name, value) in &context {
        if name == "Map" {
            return Err(refuse(
                "'Map' field is not supported when mocking a Context object",
            ));
        }
        let Some((_, members)) = MEMBERS.iter().find(|(known, _)| known == name) else {
            return Err(refuse(&format!("Field '{name}' is not allowed")));
        };
        check(name, members, value)?;
    }
    Ok(context)
}

fn check(name: &str, members: Members, value: &Value) -> Result<(), Refusal> {
    let Value::Object(found) = value else {
        return Err(refuse(&format!("{name} must be an object")));
    };
    for (member, value) in found {
        let Some((_, holds)) = members.iter().find(|(known, _)| known == member) else {
            return Err(refuse(&format!("Field '{member}' is not allowed")));
        };
        let problem = match holds {
            Holds::Text if !value.is_string() => "a string",
            Holds::Number if !value.is_number() => "a number",
            Holds::Text | Holds::Number | Holds::Anything => continue,
        };
        return Err(refuse(&format!("{name}.{member} must be {problem}")));
    }
    Ok(())
}

fn refuse(what: &str) -> Refusal {
    Refusal::validation(format!("Invalid Context object provided: {what}"))
}

/// The whole context object: what was given, and what a test stands in for.
pub(super) fn whole(
    given: Map<String, Value>,
    (state, input): (&State, &Value),
    setting: &Setting,
    retried: u32,
) -> Map<String, Value> {
    let Setting {
        region, account, ..
    } = setting;
    let mut random = Random::new(setting.seed);
    let [machine, name] = [random.next_u64(), random.next_u64()].map(|bits| format!("{bits:016x}"));
    let at = setting.at.to_rfc3339();
    let mut current = Map::from_iter([
        ("Name".to_owned(), json!(STATE_NAME)),
        ("EnteredTime".to_owned(), json!(at)),
    ]);
    if crate::interpreter::can_retry(state) {
        current.insert("RetryCount".to_owned(), json!(retried));
    }
    let stand_in = json!({
        "Execution": {
            "Id": format!("arn:aws:states:{region}:{account}:express:{machine}:{name}"),
            "Input": input,
            "Name": name,
            "RoleArn": role_arn(state, setting),
            "StartTime": at,
        },
        "StateMachine": {
            "Id": format!("arn:aws:states:{region}:{account}:stateMachine:{machine}"),
            "Name": machine,
        },
        "State": current,
    });
    let mut context = match stand_in {
        Value::Object(context) => context,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    };
    for (name, value) in given {
        match (context.get_mut(&name), value) {
            (Some(Value::Object(members)), Value::Object(given)) => members.extend(given),
            (_, value) => {
                context.insert(name, value);
            }
        }
    }
    context
}

/// The role that the state finds: the one given; a Task, which always works under some role, is
/// told of a stand-in.
fn role_arn(state: &State, setting: &Setting) -> Option<String> {
    match &state.kind {
        StateKind::Task(_) => {
            let stand_in = || format!("arn:aws:iam::{}:role/TestState", setting.account);
            Some(setting.role_arn.clone().unwrap_or_else(stand_in))
        }
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_)
        | StateKind::Parallel(_)
        | StateKind::Map(_) => setting.role_arn.clone(),
    }
}
