//! Mocked answers for Tasks: the service's `MockConfigFile.json`, for testing on a laptop.
//!
//! Owns the file's shape and which answer an invocation gets. It does not know how an execution
//! is started or what a Task would have called.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use asl::definition::{Call, Integration, Pattern};
use asl::{EffectId, EventKind};
use document::{Node, Problem, Problems};
use serde_json::Value;

/// Every mocked answer, by state machine, test case and state. Nothing is mocked by default.
#[derive(Clone, Debug, Default)]
pub struct Mocks {
    machines: BTreeMap<String, Cases>,
}

type Cases = BTreeMap<String, Case>;
type Case = BTreeMap<String, Arc<Responses>>;

/// What the invocations of one state are answered, by their number.
#[derive(Debug)]
struct Responses(Vec<(RangeInclusive<u32>, Mocked)>);

/// What an invocation is answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mocked {
    /// `Return`.
    Return(Value),
    /// `Throw`.
    Throw {
        /// `Error`.
        error: String,
        /// `Cause`.
        cause: String,
    },
}

impl Mocks {
    /// Reads the service's mock configuration file: `StateMachines` with their `TestCases`, and
    /// the `MockedResponses` that these name.
    ///
    /// # Errors
    /// Every problem of the document, each with its JSON pointer.
    pub fn parse(document: &Value) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        let mocks = read(&Node::root(document), &mut problems);
        problems.or(mocks)
    }

    /// The states of a machine that any of its test cases answers.
    pub(crate) fn states(&self, machine: &str) -> BTreeSet<&str> {
        let cases = self.machines.get(machine).into_iter().flatten();
        let states = cases.flat_map(|(_, case)| case.keys());
        states.map(String::as_str).collect()
    }

    /// Whether the machine has the test case.
    pub(crate) fn has(&self, machine: &str, case: &str) -> bool {
        self.machines
            .get(machine)
            .is_some_and(|cases| cases.contains_key(case))
    }

    /// The answer to invocation `number`, from 0, of a state; nothing if the state is not mocked
    /// in the test case. A test case that this host does not have answers nothing but an error:
    /// what was meant to be mocked is not called in earnest.
    pub(crate) fn answer(
        &self,
        (machine, case): (&str, &str),
        state: &str,
        number: u32,
    ) -> Option<Mocked> {
        let Some(states) = self.machines.get(machine).and_then(|cases| cases.get(case)) else {
            return Some(unknown(machine, case));
        };
        let responses = states.get(state)?;
        let found = responses
            .0
            .iter()
            .find(|(range, _)| range.contains(&number));
        Some(found.map_or_else(|| missing(state, number), |(_, mocked)| mocked.clone()))
    }
}

impl Mocked {
    /// The events that answer the effect: a Task that waits for a job or a token is handed over
    /// first.
    pub(crate) fn into_events(self, call: &Call, effect: EffectId) -> Vec<EventKind> {
        let is_handed_over = match call {
            Call::Component | Call::Function(_) | Call::Activity => false,
            Call::Integration(integration) => integration.pattern != Pattern::RequestResponse,
        };
        let answer = self.into_answer(call, effect);
        if is_handed_over && let EventKind::TaskSucceeded { output, .. } = &answer {
            let output = handed_over(call, output);
            return vec![EventKind::TaskSubmitted { effect, output }, answer];
        }
        vec![answer]
    }

    /// A function named by its ARN answers with its payload alone, where the mock has the shape
    /// of `lambda:invoke`'s result; that result has a version.
    fn into_answer(self, call: &Call, effect: EffectId) -> EventKind {
        match self {
            Self::Return(Value::Object(mut members))
                if members.contains_key("StatusCode") && members.contains_key("Payload") =>
            {
                let output = match call {
                    Call::Function(_) => members.remove("Payload").unwrap_or_default(),
                    Call::Component | Call::Activity | Call::Integration(_) => {
                        let version = members.entry("ExecutedVersion");
                        version.or_insert_with(|| "$LATEST".into());
                        Value::Object(members)
                    }
                };
                EventKind::TaskSucceeded { effect, output }
            }
            Self::Return(output) => EventKind::TaskSucceeded { effect, output },
            Self::Throw { error, cause } => EventKind::TaskFailed {
                effect,
                error,
                cause,
            },
        }
    }
}

/// What accepting the work answers: of a nested execution, what its start does; of others, what
/// the mock says of their end.
fn handed_over(call: &Call, output: &Value) -> Value {
    const OF_A_START: [&str; 4] = [
        "ExecutionArn",
        "StartDate",
        "SdkHttpMetadata",
        "SdkResponseMetadata",
    ];
    match (call, output) {
        (Call::Integration(Integration { service, .. }), Value::Object(members))
            if service == "states" =>
        {
            let of_a_start = members
                .iter()
                .filter(|(name, _)| OF_A_START.contains(&name.as_str()));
            let of_a_start = of_a_start.map(|(name, value)| (name.clone(), value.clone()));
            Value::Object(of_a_start.collect())
        }
        (Call::Component | Call::Function(_) | Call::Activity | Call::Integration(_), output) => {
            output.clone()
        }
    }
}

fn unknown(machine: &str, case: &str) -> Mocked {
    Mocked::Throw {
        error: "States.Runtime".to_owned(),
        cause: format!(
            "the execution was started with the test case `{case}`, which the mock configuration of \
             this host does not have for `{machine}`; start the host with the configuration that has it"
        ),
    }
}

fn missing(state: &str, number: u32) -> Mocked {
    Mocked::Throw {
        error: "States.Runtime".to_owned(),
        cause: format!(
            "the mock configuration has no response for invocation {number} of state `{state}`"
        ),
    }
}

fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Mocks> {
    let mut fields = node.object(problems)?;
    let responses = fields.required("MockedResponses", problems);
    let responses = responses.and_then(|node| node.object(problems));
    let mut by_name = BTreeMap::new();
    for (name, node) in responses.iter().flat_map(|fields| fields.entries()) {
        if let Some(responses) = responses_of(&node, problems) {
            by_name.insert(name.to_owned(), Arc::new(responses));
        }
    }
    let mut machines = BTreeMap::new();
    let named = fields.required("StateMachines", problems);
    let named = named.and_then(|node| node.object(problems));
    for (name, node) in named.iter().flat_map(|fields| fields.entries()) {
        if let Some(cases) = cases_of(&node, &by_name, problems) {
            machines.insert(name.to_owned(), cases);
        }
    }
    fields.finish(problems);
    Some(Mocks { machines })
}

fn cases_of(
    node: &Node<'_>,
    responses: &BTreeMap<String, Arc<Responses>>,
    problems: &mut Problems,
) -> Option<Cases> {
    let mut fields = node.object(problems)?;
    let cases = fields.required("TestCases", problems)?.object(problems)?;
    fields.finish(problems);
    let mut found = Cases::new();
    for (name, node) in cases.entries() {
        let mut case = Case::new();
        for (state, node) in node.object(problems)?.entries() {
            let Some(named) = node.string(problems) else {
                continue;
            };
            match responses.get(named) {
                Some(responses) => {
                    case.insert(state.to_owned(), Arc::clone(responses));
                }
                None => node.problem(
                    format!("`MockedResponses` has no `{named}`, or it is faulty"),
                    problems,
                ),
            }
        }
        found.insert(name.to_owned(), case);
    }
    Some(found)
}

fn responses_of(node: &Node<'_>, problems: &mut Problems) -> Option<Responses> {
    let entries = node.object(problems)?.entries();
    let mut responses = Vec::with_capacity(entries.len());
    for (numbers, node) in entries {
        let Some(range) = range(numbers) else {
            let message = format!(
                "`{numbers}` is neither an invocation such as `0` nor a range such as `1-2`"
            );
            node.problem(message, problems);
            continue;
        };
        if let Some(mocked) = mocked(&node, problems) {
            responses.push((range, mocked));
        }
    }
    Some(Responses(responses))
}

fn range(numbers: &str) -> Option<RangeInclusive<u32>> {
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some(first..=last)
}

fn mocked(node: &Node<'_>, problems: &mut Problems) -> Option<Mocked> {
    let mut fields = node.object(problems)?;
    let mocked = match (fields.optional("Return"), fields.optional("Throw")) {
        (Some(node), None) => Some(Mocked::Return(node.value.clone())),
        (None, Some(node)) => throw(&node, problems),
        (None, None) | (Some(_), Some(_)) => {
            node.problem("expected either `Return` or `Throw`", problems);
            None
        }
    };
    fields.finish(problems);
    mocked
}

fn throw(node: &Node<'_>, problems: &mut Problems) -> Option<Mocked> {
    let mut fields = node.object(problems)?;
    let error = fields.required("Error", problems)?.string(problems)?;
    // Causes are often JSON text; a file may hold the JSON itself.
    let cause = fields.optional("Cause").map(|node| match node.value {
        Value::String(text) => text.clone(),
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => other.to_string(),
    });
    fields.finish(problems);
    Some(Mocked::Throw {
        error: error.to_owned(),
        cause: cause.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn invocations_are_answered_by_number() {
        let mocks = Mocks::parse(&json!({
            "StateMachines": {"orders": {"TestCases": {"retry": {"Charge": "Flaky"}}}},
            "MockedResponses": {"Flaky": {
                "0-1": {"Throw": {"Error": "Busy", "Cause": "later"}},
                "2": {"Return": {"ok": true}},
            }},
        }))
        .unwrap();
        let answer = |number| mocks.answer(("orders", "retry"), "Charge", number);
        let busy = Mocked::Throw {
            error: "Busy".to_owned(),
            cause: "later".to_owned(),
        };
        assert_eq!(answer(0), Some(busy.clone()));
        assert_eq!(answer(1), Some(busy));
        assert_eq!(answer(2), Some(Mocked::Return(json!({"ok": true}))));
        assert_eq!(answer(3), Some(missing("Charge", 3)));
        assert_eq!(mocks.answer(("orders", "retry"), "Other", 0), None);
        let answer = mocks.answer(("orders", "other"), "Charge", 0);
        assert_eq!(answer, Some(unknown("orders", "other")));
        assert_eq!(mocks.states("orders"), BTreeSet::from(["Charge"]));
        assert!(mocks.has("orders", "retry") && !mocks.has("orders", "other"));
    }

    #[test]
    fn a_faulty_file_is_refused_with_every_place() {
        let problems = Mocks::parse(&json!({
            "StateMachines": {"orders": {"TestCases": {"case": {"A": "None"}}}},
            "MockedResponses": {"R": {"x": {"Return": 1}, "2-1": {"Return": 1}, "0": {}, "1": {"Throw": {}}}},
        }))
        .unwrap_err();
        let pointers: Vec<_> = problems
            .iter()
            .map(|problem| problem.pointer.as_str())
            .collect();
        assert_eq!(
            pointers,
            [
                "/MockedResponses/R/x",
                "/MockedResponses/R/2-1",
                "/MockedResponses/R/0",
                "/MockedResponses/R/1/Throw",
                "/StateMachines/orders/TestCases/case/A",
            ]
        );
    }
}
