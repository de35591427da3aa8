//! Which members each kind of state may have.

use document::{Fields, Problems};

use super::fields;

/// A kind of state, as `Type` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Task,
    Pass,
    Choice,
    Wait,
    Succeed,
    Fail,
    Parallel,
    Map,
}

const KINDS: [Kind; 8] = [
    Kind::Task,
    Kind::Pass,
    Kind::Choice,
    Kind::Wait,
    Kind::Succeed,
    Kind::Fail,
    Kind::Parallel,
    Kind::Map,
];

const EVERY: &[&str] = &["Type", "Comment", "QueryLanguage"];
const PATHS: &[&str] = &["InputPath", "OutputPath"];
const ONWARD: &[&str] = &["Next", "End"];
const RESULT: &[&str] = &["ResultPath", "Parameters"];
const RECOVERY: &[&str] = &["ResultSelector", "Retry", "Catch"];

/// Members of the language that this version does not run, in states of either query language.
const UNSUPPORTED: &[&str] = &[
    "Arguments",
    "Output",
    "Assign",
    "Items",
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "Label",
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
];

impl Kind {
    /// Reads `Type`.
    pub(super) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Self> {
        let node = fields.required("Type", problems)?;
        let name = node.string(problems)?;
        let kind = KINDS.into_iter().find(|kind| kind.name() == name);
        if kind.is_none() {
            let names = KINDS.map(Self::name).join("`, `");
            let found = fields::bounded(name);
            node.problem(
                format!("unknown type `{found}`, expected one of `{names}`"),
                problems,
            );
        }
        kind
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Task => "Task",
            Self::Pass => "Pass",
            Self::Choice => "Choice",
            Self::Wait => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail => "Fail",
            Self::Parallel => "Parallel",
            Self::Map => "Map",
        }
    }

    /// Reports every member that a state of this kind cannot have.
    pub(super) fn check_members(self, fields: &Fields<'_>, problems: &mut Problems) {
        for (name, node) in fields.entries() {
            if !self.allows(name) {
                node.problem(self.refusal(name), problems);
            }
        }
    }

    pub(super) fn allows(self, name: &str) -> bool {
        let groups = self.groups();
        groups.iter().any(|group| group.contains(&name))
    }

    fn refusal(self, name: &str) -> String {
        let kind = self.name();
        if UNSUPPORTED.contains(&name) {
            return fields::unsupported(name);
        }
        if KINDS.into_iter().any(|kind| kind.allows(name)) {
            return format!("a `{kind}` state cannot have `{name}`");
        }
        let known: Vec<_> = self.groups().concat();
        let known = known.join("`, `");
        format!("unknown member of a `{kind}` state, expected one of `{known}`")
    }

    fn groups(self) -> Vec<&'static [&'static str]> {
        match self {
            Self::Task => vec![EVERY, PATHS, ONWARD, RESULT, RECOVERY, TASK],
            Self::Pass => vec![EVERY, PATHS, ONWARD, RESULT, &["Result"]],
            Self::Choice => vec![EVERY, PATHS, &["Choices", "Default"]],
            Self::Wait => vec![EVERY, PATHS, ONWARD, WAIT],
            Self::Succeed => vec![EVERY, PATHS],
            Self::Fail => vec![EVERY, &["Error", "ErrorPath", "Cause", "CausePath"]],
            Self::Parallel => vec![EVERY, PATHS, ONWARD, RESULT, RECOVERY, &["Branches"]],
            Self::Map => vec![EVERY, PATHS, ONWARD, RESULT, RECOVERY, MAP],
        }
    }
}

const TASK: &[&str] = &[
    "Resource",
    "Credentials",
    "TimeoutSeconds",
    "TimeoutSecondsPath",
    "HeartbeatSeconds",
    "HeartbeatSecondsPath",
];
const WAIT: &[&str] = &["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];
const MAP: &[&str] = &[
    "ItemProcessor",
    "Iterator",
    "ItemSelector",
    "ItemsPath",
    "MaxConcurrency",
    "MaxConcurrencyPath",
];

/// Reads `QueryLanguage`; nothing if this version does not run it, so that nothing else of what is
/// written in it is judged.
pub(super) fn query_language(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<()> {
    let Some(node) = fields.optional("QueryLanguage") else {
        return Some(());
    };
    let message = match node.string(problems)? {
        "JSONPath" => return Some(()),
        "JSONata" => "query language `JSONata` is not supported by this version yet".to_owned(),
        other => format!("unknown query language `{}`", fields::bounded(other)),
    };
    node.problem(message, problems);
    None
}
