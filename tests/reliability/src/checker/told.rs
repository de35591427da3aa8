//! What was told must still be so, word for word.

use serde_json::{Value, from_str};

use super::whole::kind;
use super::{Loss, loss};
use crate::facts::{Effect, Fact};
use crate::found::{Execution, Found};

const DOCUMENT: &str = "what was stored stays stored";
const STARTED: &str = "what was started is there";
const DESCRIBED: &str = "what was said of an execution stays so";
const HISTORY: &str = "history that was shown is a prefix of history";
const STOPPED: &str = "what was stopped is stopped";
const HANDED: &str = "what was handed to a worker is on record";
const ANSWERED: &str = "a worker's answer that was accepted counts";
const AUDIT: &str = "an audit record that was shown stands as it was";
const EFFECT: &str = "no effect without a record of its attempt";
const REPEATED: &str = "nothing happens twice";

pub(super) fn check(facts: &[Fact], found: &Found, losses: &mut Vec<Loss>) {
    let mut effects: Vec<&Effect> = Vec::new();
    for (index, fact) in facts.iter().enumerate() {
        let checked = match fact {
            Fact::Document { path, members } => {
                let is_revised = facts[index..].iter().any(|later| match later {
                    Fact::Revised { path: revised } => revised == path,
                    Fact::Document {
                        path: same,
                        members: newer,
                    } => same == path && newer["revision"].as_u64() > members["revision"].as_u64(),
                    _ => false,
                });
                document(found, path, members, is_revised)
            }
            Fact::Started { request, answer } => started(found, request, answer),
            Fact::Described { id, description } => described(found, id, description),
            Fact::Event { id, event } => shown(found, id, event),
            Fact::Stopped { id, answer } => stopped(found, id, answer),
            Fact::Handed { id, input, .. } => handed(found, id, input),
            Fact::Answered { id, output } => answered(found, id, output),
            Fact::Link(link) => linked(found, link),
            Fact::Head(head) => headed(found, head),
            Fact::Effect(effect) => {
                let repeated = effects.contains(&effect);
                effects.push(effect);
                match repeated {
                    true => Err(loss(REPEATED, format!("{effect:?} was seen again"))),
                    false => performed(found, effect),
                }
            }
            Fact::Revised { .. } => Ok(()),
        };
        losses.extend(checked.err());
    }
}

type Checked = Result<(), Loss>;

fn document(found: &Found, path: &str, members: &Value, is_revised: bool) -> Checked {
    if found
        .refused
        .iter()
        .any(|refused| refused.starts_with(path))
    {
        return Ok(());
    }
    let Some(shown) = found.documents.get(path) else {
        return Err(loss(DOCUMENT, format!("{path} is gone, it was {members}")));
    };
    let is_newer = is_revised && shown["revision"].as_u64() > members["revision"].as_u64();
    let different = differing(members, shown);
    match different.is_empty() || is_newer {
        true => Ok(()),
        false => Err(loss(
            DOCUMENT,
            format!(
                "{path}: {} differ of {members}, it is {shown}",
                different.join(", ")
            ),
        )),
    }
}

/// The members of `told` that `shown` does not have in the same way.
fn differing<'a>(told: &'a Value, shown: &Value) -> Vec<&'a str> {
    let members = told.as_object().into_iter().flatten();
    let different = members.filter(|(name, value)| shown.get(name) != Some(value));
    different.map(|(name, _)| name.as_str()).collect()
}

/// The execution, unless the host says that it cannot show it.
fn execution<'a>(
    found: &'a Found,
    id: &str,
    promise: &'static str,
) -> Result<Option<&'a Execution>, Loss> {
    match found.executions.get(id) {
        Some(execution) if execution.is_refused => Ok(None),
        Some(execution) => Ok(Some(execution)),
        None if found
            .refused
            .iter()
            .any(|refused| refused.starts_with("/v1/executions")) =>
        {
            Ok(None)
        }
        None => Err(loss(promise, format!("there is no execution {id}"))),
    }
}

fn started(found: &Found, request: &Value, answer: &Value) -> Checked {
    let id = answer["id"].as_str().unwrap_or_default();
    let Some(execution) = execution(found, id, STARTED)? else {
        return Ok(());
    };
    let mut told = answer.clone();
    for member in ["name", "input", "stateMachine"] {
        told[member] = request[member].clone();
    }
    let different = differing(&told, &execution.description);
    match different.is_empty() {
        true => Ok(()),
        false => Err(loss(
            STARTED,
            format!(
                "{} differ of {told}, it is {}",
                different.join(", "),
                execution.description
            ),
        )),
    }
}

fn described(found: &Found, id: &str, told: &Value) -> Checked {
    let Some(execution) = execution(found, id, DESCRIBED)? else {
        return Ok(());
    };
    let mut lasting = told.clone();
    if told["status"] == "RUNNING"
        && let Some(members) = lasting.as_object_mut()
    {
        members.remove("status");
    }
    let different = differing(&lasting, &execution.description);
    match different.is_empty() {
        true => Ok(()),
        false => Err(loss(
            DESCRIBED,
            format!(
                "{} differ of {told}, it is {}",
                different.join(", "),
                execution.description
            ),
        )),
    }
}

fn shown(found: &Found, id: &str, event: &Value) -> Checked {
    let Some(execution) = execution(found, id, HISTORY)? else {
        return Ok(());
    };
    let place = event["id"].as_u64().unwrap_or_default().wrapping_sub(1);
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    match execution.history.get(place) {
        Some(now) if now == event => Ok(()),
        now => Err(loss(
            HISTORY,
            format!("{id}: {event} was shown, {now:?} is there"),
        )),
    }
}

fn stopped(found: &Found, id: &str, answer: &Value) -> Checked {
    let Some(execution) = execution(found, id, STOPPED)? else {
        return Ok(());
    };
    let is_same =
        execution.status() == "ABORTED" && execution.description["stopDate"] == answer["stopDate"];
    match is_same {
        true => Ok(()),
        false => Err(loss(
            STOPPED,
            format!("stopped at {answer}, it is {}", execution.description),
        )),
    }
}

fn handed(found: &Found, id: &str, input: &Value) -> Checked {
    let Some(execution) = execution(found, id, HANDED)? else {
        return Ok(());
    };
    let mut history = execution.history.iter();
    match history.any(|event| kind(event) == "ActivityStarted") {
        true => Ok(()),
        false => Err(loss(
            HANDED,
            format!("{id} has no ActivityStarted for {input}"),
        )),
    }
}

fn answered(found: &Found, id: &str, output: &Value) -> Checked {
    let Some(execution) = execution(found, id, ANSWERED)? else {
        return Ok(());
    };
    let details = execution
        .history
        .iter()
        .map(|event| &event["activitySucceededEventDetails"]);
    let mut outputs =
        details.filter_map(|details| from_str::<Value>(details["output"].as_str()?).ok());
    match outputs.any(|found| found == *output) {
        true => Ok(()),
        false => Err(loss(
            ANSWERED,
            format!("{id} has no ActivitySucceeded with {output}"),
        )),
    }
}

fn linked(found: &Found, link: &Value) -> Checked {
    let sequence = link["sequence"].as_u64().unwrap_or_default();
    let place = usize::try_from(sequence.wrapping_sub(1)).unwrap_or(usize::MAX);
    match found.links.get(place) {
        Some(now) if now == link => Ok(()),
        None if found
            .refused
            .iter()
            .any(|refused| refused.starts_with("/v1/audit")) =>
        {
            Ok(())
        }
        now => Err(loss(AUDIT, format!("{link} was shown, {now:?} is there"))),
    }
}

fn headed(found: &Found, head: &Value) -> Checked {
    let length = head["length"].as_u64().unwrap_or_default();
    if length == 0
        || found
            .refused
            .iter()
            .any(|refused| refused.starts_with("/v1/audit"))
    {
        return Ok(());
    }
    let place = usize::try_from(length - 1).unwrap_or(usize::MAX);
    match found.links.get(place) {
        Some(link) if link["hash"] == head["hash"] => Ok(()),
        link => Err(loss(
            AUDIT,
            format!("the log ended with {head}, {link:?} is there"),
        )),
    }
}

fn performed(found: &Found, effect: &Effect) -> Checked {
    let mut executions = found.executions.values();
    let execution = executions.find(|shown| shown.description["executionArn"] == *effect.execution);
    let Some(execution) = execution else {
        return match found.refused.is_empty() {
            true => Err(loss(EFFECT, format!("{effect:?} is of no execution"))),
            false => Ok(()),
        };
    };
    if execution.is_refused {
        return Ok(());
    }
    let scheduled = execution.history.iter().position(|event| {
        let parameters = event["taskScheduledEventDetails"]["parameters"].as_str();
        let parameters = parameters
            .and_then(|text| from_str::<Value>(text).ok())
            .unwrap_or_default();
        let query = &parameters["QueryParameters"];
        query["state"] == *effect.state && query["retry"] == *effect.retry
    });
    let mut after = execution
        .history
        .iter()
        .skip(scheduled.unwrap_or(usize::MAX));
    match after.any(|event| kind(event) == "TaskStarted") {
        true => Ok(()),
        false => Err(loss(EFFECT, format!("{effect:?} has no TaskStarted"))),
    }
}
