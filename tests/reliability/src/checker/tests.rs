use std::collections::BTreeMap;

use audit::{Sha256Chain, to_wire};
use ports::{Chain as _, Hash, Head};
use serde_json::{Value, json};

use super::*;
use crate::facts::{Effect, Facts};
use crate::found::Execution;

const ID: &str = "01";
const ARN: &str = "arn:aws:states:us-east-1:000000000000:execution:ask:one";

/// A host on which one execution has made a request, another was answered by a worker, and a
/// third was stopped.
fn found() -> Found {
    let asked = execution(ID, "ask", "one", "SUCCEEDED", asking());
    let answered = execution("02", "desk", "two", "SUCCEEDED", working());
    let stopped = execution("03", "stay", "three", "ABORTED", staying());
    let documents = json!({"name": "workers", "revision": 2, "digest": "sha256:22"});
    let links = links(3);
    Found {
        documents: BTreeMap::from([("/v1/roles/workers".to_owned(), documents)]),
        executions: [(ID, asked), ("02", answered), ("03", stopped)]
            .map(|(id, execution)| (id.to_owned(), execution))
            .into(),
        listed: vec!["03".to_owned(), "02".to_owned(), ID.to_owned()],
        head: json!({"length": 3, "hash": links[2]["hash"]}),
        links,
        refused: Vec::new(),
    }
}

fn execution(id: &str, machine: &str, name: &str, status: &str, history: Vec<Value>) -> Execution {
    let mut description = json!({
        "id": id, "executionArn": format!("arn:aws:states:us-east-1:000000000000:execution:{machine}:{name}"),
        "name": name, "stateMachine": machine, "status": status, "startDate": "1", "stopDate": "2",
        "input": {"a": 1},
    });
    match machine {
        "ask" => description["output"] = json!({"a": 1}),
        "desk" => description["output"] = json!({"answered": {"a": 1}}),
        _ => {}
    }
    Execution {
        description,
        history,
        is_refused: false,
    }
}

fn line(events: impl IntoIterator<Item = (&'static str, Value)>) -> Vec<Value> {
    let numbered = events.into_iter().zip(1_u64..);
    numbered
        .map(|((kind, details), id)| {
            let mut event = json!({"id": id, "previousEventId": id - 1, "type": kind});
            event
                .as_object_mut()
                .unwrap()
                .extend(details.as_object().unwrap().clone());
            event
        })
        .collect()
}

fn asking() -> Vec<Value> {
    let parameters = json!({"QueryParameters": {"execution": ARN, "state": "Ask", "retry": "0"}});
    let scheduled = json!({"taskScheduledEventDetails": {"parameters": parameters.to_string()}});
    line([
        ("ExecutionStarted", json!({})),
        ("TaskScheduled", scheduled),
        ("TaskStarted", json!({})),
        ("TaskSucceeded", json!({})),
        ("ExecutionSucceeded", json!({})),
    ])
}

fn working() -> Vec<Value> {
    let output = json!({"answered": {"a": 1}}).to_string();
    line([
        ("ExecutionStarted", json!({})),
        ("ActivityStarted", json!({})),
        (
            "ActivitySucceeded",
            json!({"activitySucceededEventDetails": {"output": output}}),
        ),
        ("ExecutionSucceeded", json!({})),
    ])
}

fn staying() -> Vec<Value> {
    line([
        ("ExecutionStarted", json!({})),
        ("ExecutionAborted", json!({})),
    ])
}

fn links(count: u64) -> Vec<Value> {
    let record = json!({"at": 1, "caller": null, "through": "engine", "action": "LoadPolicies",
        "resource": "host", "decision": {"effect": "allowed", "rules": []}});
    let mut head = Head {
        length: 0,
        hash: Hash([0; 32]),
    };
    (0..count)
        .map(|_| {
            let link = Sha256Chain.seal(&head, record.to_string());
            (head.length, head.hash) = (link.sequence, link.hash);
            to_wire(&link)
        })
        .collect()
}

/// Everything that was told of that host.
fn told() -> Vec<Fact> {
    let found = found();
    let facts = Facts::timeless();
    let path = "/v1/roles/workers".to_owned();
    facts.note(Fact::Document {
        path: path.clone(),
        members: json!({"revision": 1, "digest": "sha256:11"}),
    });
    facts.note(Fact::Revised { path: path.clone() });
    facts.note(Fact::Document {
        path,
        members: json!({"revision": 2, "digest": "sha256:22"}),
    });
    facts.note(Fact::Started {
        request: json!({"stateMachine": "ask", "name": "one", "input": {"a": 1}}),
        answer: json!({"id": ID, "executionArn": ARN, "startDate": "1"}),
    });
    for (id, shown) in &found.executions {
        let (id, mut description) = (id.clone(), shown.description.clone());
        facts.note(Fact::Described {
            id: id.clone(),
            description: description.clone(),
        });
        description["status"] = json!("RUNNING");
        for ended in ["stopDate", "output"] {
            description.as_object_mut().unwrap().remove(ended);
        }
        facts.note(Fact::Described {
            id: id.clone(),
            description,
        });
        for event in &shown.history {
            let (id, event) = (id.clone(), event.clone());
            facts.note(Fact::Event { id, event });
        }
    }
    facts.note(Fact::Handed {
        id: "02".to_owned(),
        token: "02.1.x".to_owned(),
        input: json!({"a": 1}),
    });
    facts.note(Fact::Answered {
        id: "02".to_owned(),
        output: json!({"answered": {"a": 1}}),
    });
    facts.note(Fact::Stopped {
        id: "03".to_owned(),
        answer: json!({"stopDate": "2"}),
    });
    found
        .links
        .iter()
        .for_each(|link| facts.note(Fact::Link(link.clone())));
    facts.note(Fact::Head(found.head.clone()));
    facts.note(Fact::Effect(effect()));
    facts.all()
}

fn effect() -> Effect {
    Effect {
        execution: ARN.to_owned(),
        state: "Ask".to_owned(),
        retry: "0".to_owned(),
    }
}

/// Keeps only facts of one kind, so that no other rule finds the loss first.
fn only(kind: impl Fn(&Fact) -> bool) -> Vec<Fact> {
    told().into_iter().filter(kind).collect()
}

#[track_caller]
fn finds(promise: &str, facts: &[Fact], change: impl FnOnce(&mut Found)) {
    let mut found = found();
    assert_eq!(check(facts, &found), [], "before the loss");
    change(&mut found);
    let losses = check(facts, &found);
    let named = losses.iter().any(|loss| loss.promise == promise);
    assert!(named, "`{promise}` is not in {losses:?}");
}

fn of<'a>(found: &'a mut Found, id: &str) -> &'a mut Execution {
    found.executions.get_mut(id).unwrap()
}

#[test]
fn a_host_that_shows_what_it_told_has_lost_nothing() {
    assert_eq!(check(&told(), &found()), []);
}

#[test]
fn a_lost_or_changed_document_is_found_and_a_newer_one_is_none() {
    let facts = only(|fact| matches!(fact, Fact::Document { .. } | Fact::Revised { .. }));
    let promise = "what was stored stays stored";
    let path = "/v1/roles/workers";
    finds(promise, &facts, |found| drop(found.documents.remove(path)));
    finds(promise, &facts, |found| {
        found.documents.get_mut(path).unwrap()["digest"] = json!("sha256:33");
    });
    finds(promise, &facts, |found| {
        found.documents.get_mut(path).unwrap()["revision"] = json!(1);
    });
    let mut unacknowledged = told();
    unacknowledged.push(Fact::Revised {
        path: path.to_owned(),
    });
    let mut newer = found();
    newer.documents.get_mut(path).unwrap()["revision"] = json!(3);
    assert_eq!(check(&unacknowledged, &newer), []);
    finds(promise, &facts, |found| *found = newer);
}

#[test]
fn a_lost_or_changed_execution_is_found() {
    let facts = only(|fact| matches!(fact, Fact::Started { .. }));
    let promise = "what was started is there";
    finds(promise, &facts, |found| drop(found.executions.remove(ID)));
    for (member, other) in [
        ("executionArn", json!("arn")),
        ("name", json!("other")),
        ("startDate", json!("0")),
        ("input", json!({"a": 2})),
    ] {
        finds(promise, &facts, |found| {
            of(found, ID).description[member] = other
        });
    }
}

#[test]
fn a_description_that_is_taken_back_is_found() {
    let facts = only(|fact| matches!(fact, Fact::Described { .. }));
    let promise = "what was said of an execution stays so";
    for (member, other) in [
        ("status", json!("RUNNING")),
        ("output", json!(null)),
        ("stopDate", json!("3")),
    ] {
        finds(promise, &facts, |found| {
            of(found, ID).description[member] = other
        });
    }
}

#[test]
fn history_that_is_shorter_or_other_than_what_was_shown_is_found() {
    let facts = only(|fact| matches!(fact, Fact::Event { .. }));
    let promise = "history that was shown is a prefix of history";
    finds(promise, &facts, |found| drop(of(found, ID).history.pop()));
    finds(promise, &facts, |found| {
        of(found, ID).history[2]["type"] = json!("TaskFailed")
    });
    finds(promise, &facts, |found| drop(found.executions.remove("02")));
}

#[test]
fn a_stop_and_a_workers_answer_that_are_undone_are_found() {
    let facts = only(|fact| matches!(fact, Fact::Stopped { .. }));
    finds("what was stopped is stopped", &facts, |found| {
        of(found, "03").description["status"] = json!("RUNNING");
    });
    finds("what was stopped is stopped", &facts, |found| {
        of(found, "03").description["stopDate"] = json!("9");
    });
    let facts = only(|fact| matches!(fact, Fact::Answered { .. }));
    finds(
        "a worker's answer that was accepted counts",
        &facts,
        |found| {
            of(found, "02").history[2]["activitySucceededEventDetails"]["output"] = json!("{}");
        },
    );
    let facts = only(|fact| matches!(fact, Fact::Handed { .. }));
    finds(
        "what was handed to a worker is on record",
        &facts,
        |found| {
            of(found, "02").history[1]["type"] = json!("ActivityScheduled");
        },
    );
}

#[test]
fn an_audit_log_that_is_shorter_or_other_is_found() {
    let facts = only(|fact| matches!(fact, Fact::Link(_)));
    let promise = "an audit record that was shown stands as it was";
    finds(promise, &facts, |found| {
        found.links.pop();
        found.head = json!({"length": 2, "hash": found.links[1]["hash"]});
    });
    let facts = only(|fact| matches!(fact, Fact::Head(_)));
    finds(promise, &facts, |found| {
        found.links.pop();
        found.head = json!({"length": 2, "hash": found.links[1]["hash"]});
    });
    finds(promise, &facts, |found| {
        let mut other = links(4);
        other.remove(0);
        found.links = other;
    });
    let promise = "the audit log is one chain";
    finds(promise, &[], |found| drop(found.links.remove(1)));
    finds(promise, &[], |found| drop(found.links.pop()));
    finds(promise, &[], |found| found.head["length"] = json!(4));
    finds(promise, &[], |found| {
        found.links[1]["hash"] = found.links[0]["hash"].clone()
    });
}

#[test]
fn an_effect_without_a_record_and_a_repeated_one_are_found() {
    let facts = only(|fact| matches!(fact, Fact::Effect(_)));
    let promise = "no effect without a record of its attempt";
    finds(promise, &facts, |found| drop(found.executions.remove(ID)));
    finds(promise, &facts, |found| {
        of(found, ID).history[2]["type"] = json!("TaskScheduled");
    });
    let mut repeated = facts.clone();
    repeated.push(Fact::Effect(effect()));
    let losses = check(&repeated, &found());
    assert_eq!(losses[0].promise, "nothing happens twice");
}

#[test]
fn what_is_there_twice_is_found() {
    let promise = "nothing happens twice";
    finds(promise, &[], |found| found.listed.push(ID.to_owned()));
    finds(promise, &[], |found| {
        let twin = of(found, ID).clone();
        found.executions.insert("04".to_owned(), twin);
    });
    finds(promise, &[], |found| {
        let history = &mut of(found, ID).history;
        history[2]["type"] = json!("TaskSucceeded");
    });
}

#[test]
fn a_history_with_a_gap_or_two_ends_is_found() {
    let promise = "a history is one line of events up to its end";
    finds(promise, &[], |found| drop(of(found, ID).history.remove(1)));
    finds(promise, &[], |found| {
        of(found, ID).history[3]["type"] = json!("ExecutionSucceeded");
    });
    finds(promise, &[], |found| drop(of(found, ID).history.pop()));
    finds(promise, &[], |found| {
        of(found, ID).description["status"] = json!("FAILED")
    });
    finds(promise, &[], |found| {
        of(found, ID).history[4]["previousEventId"] = json!(5)
    });
}

#[test]
fn an_execution_that_comes_to_another_end_or_none_is_found() {
    let promise = "every execution comes to its end";
    finds(promise, &[], |found| {
        of(found, ID).description["output"] = json!({"a": 2})
    });
    finds(promise, &[], |found| {
        of(found, ID).description["status"] = json!("RUNNING")
    });
    finds(promise, &[], |found| {
        of(found, "02").description["output"] = json!({"a": 1})
    });
    finds(promise, &[], |found| {
        of(found, "03").description["status"] = json!("FAILED")
    });
}

#[test]
fn what_cannot_be_read_is_named_and_is_no_loss_where_that_is_allowed() {
    let refuse = |found: &mut Found| {
        found
            .refused
            .push("/v1/executions/01/history: 500".to_owned());
        *of(found, ID) = Execution {
            is_refused: true,
            ..Execution::default()
        };
    };
    finds("everything can be read", &[], refuse);
    let mut found = found();
    refuse(&mut found);
    assert_eq!(kept(&told(), &found), []);
}
