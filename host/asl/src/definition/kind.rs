//! Which members each kind of state may have.

use document::{Fields, Finding, Problem, Problems};

use super::fields;
use super::language::Language;

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

type Group = &'static [&'static str];

const EVERY: Group = &["Type", "Comment", "QueryLanguage"];
const ONWARD: Group = &["Next", "End"];
const RECOVERY: Group = &["Retry", "Catch"];
const ASSIGN: Group = &["Assign"];
const TASK: Group = &[
    "Resource",
    "Credentials",
    "TimeoutSeconds",
    "HeartbeatSeconds",
];
const MAP: Group = &[
    "ItemProcessor",
    "ItemSelector",
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "Label",
    "MaxConcurrency",
    "ToleratedFailureCount",
    "ToleratedFailurePercentage",
];

/// Members of states whose query language is JSONPath.
const PATHS: Group = &["InputPath", "OutputPath"];
const RESULT: Group = &["ResultPath", "Parameters"];
const SELECTOR: Group = &["ResultSelector"];
const TASK_PATHS: Group = &["TimeoutSecondsPath", "HeartbeatSecondsPath"];
const MAP_PATHS: Group = &[
    "Iterator",
    "ItemsPath",
    "MaxConcurrencyPath",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentagePath",
];

/// Members of states whose query language is JSONata.
const OUTPUT: Group = &["Output"];
const ARGUMENTS: Group = &["Arguments"];
const ITEMS: Group = &["Items"];

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

    /// Reports every member that a state of this kind and language cannot have.
    pub(super) fn check_members(
        self,
        language: Language,
        fields: &Fields<'_>,
        problems: &mut Problems,
    ) {
        for (name, node) in fields.entries() {
            if !self.allows(language, name) {
                problems.extend([self.refusal(language, name, &node.pointer)]);
            }
        }
    }

    pub(super) fn allows(self, language: Language, name: &str) -> bool {
        let groups = self.groups(language);
        groups.iter().any(|group| group.contains(&name))
    }

    fn refusal(self, language: Language, name: &str, pointer: &str) -> Problem {
        if self.allows(language.other(), name) {
            return language.refusal(name, pointer);
        }
        let message = self.not_a_member(language, name);
        Problem::new(pointer, message).found(Finding::Unknown)
    }

    fn not_a_member(self, language: Language, name: &str) -> String {
        let kind = self.name();
        let other = language.other();
        let is_of_another = |kind: Self| kind.allows(language, name) || kind.allows(other, name);
        if KINDS.into_iter().any(is_of_another) {
            return format!("a `{kind}` state cannot have `{name}`");
        }
        let known: Vec<_> = self.groups(language).concat();
        let known = known.join("`, `");
        format!("unknown member of a `{kind}` state, expected one of `{known}`")
    }

    fn groups(self, language: Language) -> Vec<Group> {
        let mut groups = match self {
            Self::Task => vec![EVERY, ASSIGN, ONWARD, RECOVERY, TASK],
            Self::Pass => vec![EVERY, ASSIGN, ONWARD],
            Self::Choice => vec![EVERY, ASSIGN, &["Choices", "Default"]],
            Self::Wait => vec![EVERY, ASSIGN, ONWARD, &["Seconds", "Timestamp"]],
            Self::Succeed => vec![EVERY],
            Self::Fail => vec![EVERY, &["Error", "Cause"]],
            Self::Parallel => vec![EVERY, ASSIGN, ONWARD, RECOVERY, &["Branches"]],
            Self::Map => vec![EVERY, ASSIGN, ONWARD, RECOVERY, MAP],
        };
        groups.extend(match language {
            Language::JsonPath => self.json_path_groups(),
            Language::Jsonata => self.jsonata_groups(),
        });
        groups
    }

    fn json_path_groups(self) -> Vec<Group> {
        match self {
            Self::Task => vec![PATHS, RESULT, SELECTOR, TASK_PATHS],
            Self::Pass => vec![PATHS, RESULT, &["Result"]],
            Self::Choice | Self::Succeed => vec![PATHS],
            Self::Wait => vec![PATHS, &["SecondsPath", "TimestampPath"]],
            Self::Fail => vec![&["ErrorPath", "CausePath"]],
            Self::Parallel => vec![PATHS, RESULT, SELECTOR],
            Self::Map => vec![PATHS, RESULT, SELECTOR, MAP_PATHS],
        }
    }

    fn jsonata_groups(self) -> Vec<Group> {
        match self {
            Self::Task | Self::Parallel => vec![OUTPUT, ARGUMENTS],
            Self::Pass | Self::Choice | Self::Wait | Self::Succeed => vec![OUTPUT],
            Self::Fail => Vec::new(),
            Self::Map => vec![OUTPUT, ITEMS],
        }
    }
}
