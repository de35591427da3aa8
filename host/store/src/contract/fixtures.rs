//! Commits to test with.

use asl::{Delta, ExecutionId, Header, PayloadId, Posture, Status, Timestamp};
use auth::principal::{Caller, Kind as PrincipalKind, Principal};
use ports::{
    AuditRecord, Change, Commit, Decision, ExecutionCommit, Fence, Key, Kind, LogLine, Record,
    Selection, Start, Summary,
};
use serde_json::{Value, json};

pub(crate) fn id(text: &str) -> ExecutionId {
    ExecutionId::parse(text).unwrap()
}

/// Letters that take as much room on disk as there are of them.
pub(crate) fn noise(letters: usize) -> String {
    let mut random = fastrand::Rng::with_seed(7);
    (0..letters).map(|_| random.alphanumeric()).collect()
}

pub(crate) fn key(kind: Kind, name: &str, revision: u64) -> Key {
    Key {
        kind,
        name: name.to_owned(),
        revision,
    }
}

/// A commit of audit records alone.
pub(crate) fn link(action: &str) -> Commit {
    Commit {
        audit: vec![audit_record(action)],
        ..Commit::default()
    }
}

/// A commit that adds a document.
pub(crate) fn document(key: Key, body: Value) -> Commit {
    Commit {
        documents: vec![Change { key, body }],
        ..link("publish")
    }
}

pub(crate) fn audit_record(action: &str) -> AuditRecord {
    AuditRecord {
        at: Timestamp(1),
        caller: Some(caller(1)),
        through: "engine".to_owned(),
        action: action.to_owned(),
        resource: "r".to_owned(),
        request: Value::Null,
        decision: Decision::Allowed {
            rules: vec!["rule".to_owned()],
        },
        outcome: Value::Null,
        execution: None,
        state: None,
        attempt: None,
        checkpoint: None,
    }
}

fn caller(groups: usize) -> Caller {
    Caller {
        principal: Principal {
            issuer: "https://issuer".to_owned(),
            subject: "somebody".to_owned(),
            kind: PrincipalKind::User,
            groups: (0..groups).map(|group| format!("group-{group}")).collect(),
            display_name: None,
        },
        actors: Vec::new(),
        method: "oidc".to_owned(),
        authenticated_at: None,
        expires_at: 0,
        token_hash: "sha256:0".to_owned(),
    }
}

/// One step of an execution, to be changed until it fits the test.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) id: ExecutionId,
    pub(crate) number: u32,
    pub(crate) machine: String,
    pub(crate) name: String,
    pub(crate) payloads: Vec<Value>,
    /// The payload that each history event shows, as record and index.
    pub(crate) events: Vec<(u32, u32)>,
    pub(crate) logs: Vec<String>,
    pub(crate) status: Status,
    pub(crate) output: Option<PayloadId>,
    pub(crate) cause: Option<String>,
    pub(crate) groups: usize,
    pub(crate) selection: Selection,
    pub(crate) posture: Posture,
    /// Of a record that tells all of its execution, the payloads of earlier ones that it has.
    pub(crate) behind: Option<Vec<PayloadId>>,
}

impl Step {
    /// The first step of an execution of machine `m`, which is named as its id.
    pub(crate) fn first(id: &str, input: Value) -> Self {
        Self {
            id: self::id(id),
            number: 0,
            machine: "m".to_owned(),
            name: id.to_owned(),
            payloads: vec![input],
            events: vec![(0, 0)],
            logs: Vec::new(),
            status: Status::Running,
            output: None,
            cause: None,
            groups: 1,
            selection: Selection::default(),
            posture: Posture::Active,
            behind: None,
        }
    }

    /// A later step that shows the input and one payload of its own.
    pub(crate) fn next(id: &str, number: u32, payload: Value) -> Self {
        Self {
            number,
            payloads: vec![payload],
            events: vec![(0, 0), (number, 0)],
            ..Self::first(id, Value::Null)
        }
    }

    /// The last step; its payload is the output.
    pub(crate) fn last(id: &str, number: u32, output: Value) -> Self {
        Self {
            status: Status::Succeeded,
            output: Some(PayloadId {
                record: number,
                index: 0,
            }),
            ..Self::next(id, number, output)
        }
    }

    /// The same, of an execution that then waits, until `wake_at` if that is given.
    pub(crate) fn parked(self, wake_at: Option<i64>) -> Self {
        let wake_at = wake_at.map(Timestamp);
        Self {
            posture: Posture::Parked { wake_at },
            ..self
        }
    }

    /// The same, of a record that tells all of the execution.
    pub(crate) fn full(self, behind: Vec<PayloadId>) -> Self {
        Self {
            behind: Some(behind),
            ..self
        }
    }

    pub(crate) fn commit(&self, fence: Fence) -> Commit {
        let told = AuditRecord {
            execution: Some(self.id.clone()),
            ..audit_record("step")
        };
        Commit {
            execution: Some(self.execution(fence)),
            audit: vec![told],
            ..Commit::default()
        }
    }

    fn execution(&self, fence: Fence) -> ExecutionCommit {
        ExecutionCommit {
            id: self.id.clone(),
            fence,
            start: (self.number == 0).then(|| self.start()),
            record: Record {
                number: self.number,
                posture: self.posture,
                delta: self.delta(),
                logs: self.logs.iter().map(|line| log_line(line)).collect(),
            },
            summary: Summary {
                status: self.status,
                stopped_at: self.status.is_terminal().then_some(Timestamp(2)),
                output: self.output,
                error: None,
                cause: self.cause.clone(),
            },
        }
    }

    fn start(&self) -> Start {
        Start {
            header: Header {
                id: self.id.clone(),
                arn: format!("execution:{}:{}", self.machine, self.name),
                name: self.name.clone(),
                machine_arn: self.machine.clone(),
                machine_name: self.machine.clone(),
                role_arn: None,
                started_at: Timestamp(1),
                principal: "https://issuer|somebody".to_owned(),
                actor: None,
                map_run: None,
                limits: asl::Limits::default(),
            },
            caller: caller(self.groups),
            machine: key(Kind::StateMachine, &self.machine, 1),
            selection: self.selection.clone(),
            trace: None,
        }
    }

    // The stored form is the one way to make a delta from outside the interpreter.
    fn delta(&self) -> Delta {
        let event = |(number, (record, index)): (usize, &(u32, u32))| {
            let entered = json!({ "kind": "Pass", "name": "A", "input": [record, index] });
            json!({ "i": self.number as usize * 100 + number, "p": 0, "t": 1, "d": { "StateEntered": entered } })
        };
        let events: Vec<_> = self.events.iter().enumerate().map(event).collect();
        let mut delta = json!({ "p": self.payloads, "h": events });
        if let Some(behind) = &self.behind {
            delta["b"] = json!(behind);
        }
        serde_json::from_value(delta).unwrap()
    }
}

fn log_line(line: &str) -> LogLine {
    LogLine {
        at: Timestamp(1),
        state: "A".to_owned(),
        attempt: 1,
        stream: "stdout".to_owned(),
        line: line.to_owned(),
    }
}
