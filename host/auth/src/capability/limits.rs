//! Limits: what one attempt, or one role, may use up.

use std::collections::BTreeMap;
use std::time::Duration;

use document::{Fields, Node, Problems};
use serde_json::{Map, Value};

use super::{Shape, quantity, reading};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const SECOND_MS: u64 = 1000;
const DAY_MS: u64 = 24 * 3600 * SECOND_MS;

/// Linear memories and tables of one attempt together, where nothing else is said.
const MEMORY_BYTES_DEFAULT: u64 = 64 * MIB;
/// Wall time of one attempt, host calls included, where nothing else is said.
const TIME_MS_DEFAULT: u64 = 30 * SECOND_MS;
/// CPU time of one attempt's code, where nothing else is said.
const CPU_MS_DEFAULT: u64 = 5 * SECOND_MS;
/// Bytes of one attempt's output, where nothing else is said.
const OUTPUT_BYTES_DEFAULT: u64 = 256 * KIB;
/// Bytes one attempt may log, where nothing else is said.
const LOGS_BYTES_DEFAULT: u64 = 64 * KIB;
/// Outgoing requests of one attempt, where nothing else is said.
const HTTP_REQUESTS_DEFAULT: u64 = 100;
/// Attempts of one role at once on one host, where nothing else is said.
const CONCURRENCY_DEFAULT: u64 = 16;

/// The kinds of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Bytes of memory, per instance.
    Memory,
    /// Milliseconds of wall time.
    Time,
    /// Milliseconds of CPU time.
    Cpu,
    /// Bytes of output.
    Output,
    /// Bytes of log lines.
    Logs,
    /// Outgoing HTTP requests.
    HttpRequests,
    /// Attempts at once.
    Concurrency,
}

/// In what a limit is written.
#[derive(Clone, Copy, Debug)]
enum Unit {
    Bytes,
    Milliseconds,
    Count,
}

impl Limit {
    /// Every kind, in the order they are written.
    pub const ALL: [Self; 7] = [
        Self::Memory,
        Self::Time,
        Self::Cpu,
        Self::Output,
        Self::Logs,
        Self::HttpRequests,
        Self::Concurrency,
    ];

    /// The member name in documents.
    pub fn name(self) -> &'static str {
        self.facts().0
    }

    /// What holds where nothing is said.
    pub fn default(self) -> u64 {
        self.facts().2
    }

    /// The value as it is written in documents: `64MiB`, `30s`, `100`.
    pub fn text(self, value: u64) -> String {
        match self.facts().1 {
            Unit::Bytes => quantity::size_text(value),
            Unit::Milliseconds => quantity::time_text(value),
            Unit::Count => value.to_string(),
        }
    }

    /// Name, unit, default, least and greatest value.
    fn facts(self) -> (&'static str, Unit, u64, u64, u64) {
        match self {
            Self::Memory => ("memory", Unit::Bytes, MEMORY_BYTES_DEFAULT, 1, 4 * GIB),
            Self::Time => ("time", Unit::Milliseconds, TIME_MS_DEFAULT, 1, DAY_MS),
            Self::Cpu => ("cpu", Unit::Milliseconds, CPU_MS_DEFAULT, 1, DAY_MS),
            Self::Output => ("output", Unit::Bytes, OUTPUT_BYTES_DEFAULT, 1, 64 * MIB),
            Self::Logs => ("logs", Unit::Bytes, LOGS_BYTES_DEFAULT, 0, 64 * MIB),
            Self::HttpRequests => (
                "http_requests",
                Unit::Count,
                HTTP_REQUESTS_DEFAULT,
                0,
                1_000_000,
            ),
            Self::Concurrency => ("concurrency", Unit::Count, CONCURRENCY_DEFAULT, 1, 10_000),
        }
    }

    fn parse(self, node: &Node<'_>) -> Result<u64, String> {
        let (_, unit, default, least, greatest) = self.facts();
        let value = match (unit, node.value) {
            (Unit::Bytes, Value::String(text)) => quantity::size(text)?,
            (Unit::Milliseconds, Value::String(text)) => quantity::time(text)?,
            (Unit::Bytes | Unit::Count, Value::Number(number)) => number
                .as_u64()
                .ok_or_else(|| "expected a whole number of at least 0".to_owned())?,
            (Unit::Bytes | Unit::Milliseconds | Unit::Count, _) => {
                let example = self.text(default);
                return Err(match unit {
                    Unit::Bytes => {
                        format!("expected a size such as `{example}`, or a number of bytes")
                    }
                    Unit::Milliseconds => format!("expected a time such as `{example}`"),
                    Unit::Count => format!("expected a whole number such as `{example}`"),
                });
            }
        };
        if (least..=greatest).contains(&value) {
            return Ok(value);
        }
        Err(format!(
            "`{}` is out of range, use `{}` to `{}`",
            self.text(value),
            self.text(least),
            self.text(greatest)
        ))
    }
}

/// Limits by kind; a kind that is not set stands at its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    values: BTreeMap<Limit, u64>,
    reason: Option<String>,
}

impl Limits {
    /// The value that holds.
    pub fn of(&self, limit: Limit) -> u64 {
        self.stated(limit).unwrap_or(limit.default())
    }

    /// The value that was written down, if one was.
    pub fn stated(&self, limit: Limit) -> Option<u64> {
        self.values.get(&limit).copied()
    }

    /// Bytes of linear memories and tables of one instance together.
    pub fn memory_bytes(&self) -> u64 {
        self.of(Limit::Memory)
    }

    /// Wall time of one attempt.
    pub fn time(&self) -> Duration {
        Duration::from_millis(self.of(Limit::Time))
    }

    /// CPU time of one attempt.
    pub fn cpu(&self) -> Duration {
        Duration::from_millis(self.of(Limit::Cpu))
    }

    /// Bytes of one attempt's output.
    pub fn output_bytes(&self) -> u64 {
        self.of(Limit::Output)
    }

    /// Bytes one attempt may log.
    pub fn logs_bytes(&self) -> u64 {
        self.of(Limit::Logs)
    }

    /// Outgoing requests of one attempt.
    pub fn http_requests(&self) -> u64 {
        self.of(Limit::HttpRequests)
    }

    /// Attempts of the role at once on one host.
    pub fn concurrency(&self) -> u64 {
        self.of(Limit::Concurrency)
    }

    /// Each limit at what is needed or granted, whichever is less.
    pub(super) fn smaller(&self, grants: &Self) -> Self {
        let smaller = |limit: Limit| {
            let granted = grants.of(limit);
            (
                limit,
                self.stated(limit)
                    .map_or(granted, |needed| needed.min(granted)),
            )
        };
        Self {
            values: Limit::ALL.into_iter().map(smaller).collect(),
            reason: None,
        }
    }

    pub(super) fn to_json(&self) -> Option<Value> {
        let value = |limit: Limit, value: u64| match limit.facts().1 {
            Unit::Bytes | Unit::Milliseconds => Value::String(limit.text(value)),
            Unit::Count => Value::from(value),
        };
        let stated = self.values.iter();
        let mut members: Map<_, _> = stated
            .map(|(limit, number)| (limit.name().to_owned(), value(*limit, *number)))
            .collect();
        if let Some(reason) = &self.reason {
            members.insert("reason".to_owned(), reason.as_str().into());
        }
        (!members.is_empty()).then_some(Value::Object(members))
    }
}

/// Reads `[limits]`. A role is given every limit, so that what was reviewed stays what holds
/// even where a later version has other defaults.
pub(super) fn parse(fields: &mut Fields<'_>, shape: Shape, problems: &mut Problems) -> Limits {
    let mut limits = Limits::default();
    if shape == Shape::Role {
        limits.values = Limit::ALL.map(|limit| (limit, limit.default())).into();
    }
    let Some(node) = fields.optional("limits") else {
        return limits;
    };
    let Some(mut members) = node.object(problems) else {
        return limits;
    };
    for limit in Limit::ALL {
        let Some(member) = members.optional(limit.name()) else {
            continue;
        };
        match limit.parse(&member) {
            Ok(value) => {
                limits.values.insert(limit, value);
            }
            Err(message) => member.problem(message, problems),
        }
    }
    limits.reason = reading::optional_reason(&mut members, shape, problems);
    members.finish(problems);
    limits
}

/// What is needed beyond what is granted; a limit that the needs do not state asks for nothing.
pub(super) fn within(needs: &Limits, grants: &Limits, problems: &mut Problems) {
    for (limit, needed) in &needs.values {
        let granted = grants.of(*limit);
        if *needed > granted {
            let (name, needed) = (limit.name(), limit.text(*needed));
            problems.push(
                format!("/limits/{name}"),
                format!(
                    "needs `{needed}` but the role grants `{}`, raise `limits.{name}` of the role to `{needed}` or ask for less",
                    limit.text(granted)
                ),
            );
        }
    }
}
