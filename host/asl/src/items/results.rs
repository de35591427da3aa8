//! `WriterConfig`: results of child executions as the service writes them into files.

use serde_json::{Map, Value, json};

use super::{Unreadable, text, unknown};
use crate::{Status, Timestamp};

/// How results are put into files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultFormat {
    transformation: Transformation,
    output: OutputType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transformation {
    /// Outputs among what else is known of each child.
    None,
    /// Outputs alone.
    Compact,
    /// Outputs alone, the members of lists instead of the lists.
    Flatten,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OutputType {
    Json,
    Lines,
}

/// What one child execution came to.
#[derive(Clone, Debug)]
pub struct ChildResult {
    /// Its ARN.
    pub execution_arn: String,
    /// Its name.
    pub name: String,
    /// The ARN of the state machine it is of, with the map's label.
    pub machine_arn: String,
    /// Its input.
    pub input: Value,
    /// Where it stands.
    pub status: Status,
    /// Its output, if it succeeded.
    pub output: Value,
    /// The error it ended with.
    pub error: Option<String>,
    /// That error's cause.
    pub cause: Option<String>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
}

impl ResultFormat {
    /// Reads an evaluated `WriterConfig`.
    ///
    /// # Errors
    /// It names a format that this host does not write.
    pub fn parse(config: &Value) -> Result<Self, Unreadable> {
        let transformation = match text(config, "Transformation")?.unwrap_or("NONE") {
            "NONE" => Transformation::None,
            "COMPACT" => Transformation::Compact,
            "FLATTEN" => Transformation::Flatten,
            other => return unknown("Transformation", other, &["NONE", "COMPACT", "FLATTEN"]),
        };
        let output = match text(config, "OutputType")?.unwrap_or("JSON") {
            "JSON" => OutputType::Json,
            "JSONL" => OutputType::Lines,
            other => return unknown("OutputType", other, &["JSON", "JSONL"]),
        };
        Ok(Self {
            transformation,
            output,
        })
    }

    /// The end of the names of files of this format.
    pub fn extension(self) -> &'static str {
        match self.output {
            OutputType::Json => "json",
            OutputType::Lines => "jsonl",
        }
    }

    /// What stands in the Map's own output for the output of a child.
    pub fn results(self, output: Value) -> Vec<Value> {
        match self.transformation {
            Transformation::None | Transformation::Compact => vec![output],
            Transformation::Flatten => flattened(output),
        }
    }

    /// What stands in a file for the child. What did not succeed is told in full.
    pub fn entries(self, child: ChildResult) -> Vec<Value> {
        match (child.status, self.transformation) {
            (Status::Succeeded, Transformation::Compact) => vec![child.output],
            (Status::Succeeded, Transformation::Flatten) => flattened(child.output),
            (
                Status::Running
                | Status::Succeeded
                | Status::Failed
                | Status::TimedOut
                | Status::Aborted,
                _,
            ) => vec![child.to_json()],
        }
    }
}

/// The members of a list, or the one value that is none.
fn flattened(output: Value) -> Vec<Value> {
    match output {
        Value::Array(items) => items,
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)) => vec![other],
    }
}

impl ChildResult {
    fn to_json(&self) -> Value {
        let mut members = Map::new();
        let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
        if self.status != Status::Succeeded {
            add("Cause", json!(self.cause));
            add("Error", json!(self.error));
        }
        add("ExecutionArn", json!(self.execution_arn));
        add("Input", Value::String(self.input.to_string()));
        add("InputDetails", json!({"Included": true}));
        add("Name", json!(self.name));
        if self.status == Status::Succeeded {
            add("Output", Value::String(self.output.to_string()));
            add("OutputDetails", json!({"Included": true}));
        }
        let time = |at: Option<Timestamp>| json!(at.map(Timestamp::to_rfc3339));
        add("StartDate", time(self.started_at));
        add("StateMachineArn", json!(self.machine_arn));
        add("Status", json!(self.status.as_str()));
        add("StopDate", time(self.stopped_at));
        Value::Object(members)
    }
}

/// The text of one file of results, growing.
#[derive(Debug)]
pub struct ResultText {
    format: ResultFormat,
    text: String,
}

impl ResultText {
    /// An empty file.
    pub fn new(format: ResultFormat) -> Self {
        Self {
            format,
            text: String::new(),
        }
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: &Value) {
        match (self.format.output, self.text.is_empty()) {
            (OutputType::Json, true) => self.text.push('['),
            (OutputType::Json, false) => self.text.push(','),
            (OutputType::Lines, _) => {}
        }
        self.text.push_str(&entry.to_string());
        match self.format.output {
            OutputType::Json => {}
            OutputType::Lines => self.text.push('\n'),
        }
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Hands the whole text out and begins the next file.
    pub fn take(&mut self) -> String {
        let mut text = std::mem::take(&mut self.text);
        match (self.format.output, text.is_empty()) {
            (OutputType::Json, true) => text.push_str("[]"),
            (OutputType::Json, false) => text.push(']'),
            (OutputType::Lines, _) => {}
        }
        text
    }
}

/// The files that results were written to, by key and size in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResultFiles {
    /// Of children that did not succeed.
    pub failed: Vec<(String, usize)>,
    /// Of children that succeeded.
    pub succeeded: Vec<(String, usize)>,
}

impl ResultFiles {
    /// The manifest that names them.
    pub fn manifest(&self, bucket: &str, map_run_arn: &str) -> Value {
        let files = |files: &[(String, usize)]| -> Value {
            let file = |(key, size): &(String, usize)| json!({"Key": key, "Size": size});
            files.iter().map(file).collect()
        };
        json!({
            "DestinationBucket": bucket,
            "MapRunArn": map_run_arn,
            "ResultFiles": {
                "FAILED": files(&self.failed),
                "PENDING": [],
                "SUCCEEDED": files(&self.succeeded),
            },
        })
    }
}
