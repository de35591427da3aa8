//! The two query languages, and which of them a state is written in.

use document::{Fields, Problem, Problems};

use super::fields;
use crate::diagnostic::{self, code};

/// `QueryLanguage`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// `JSONPath`, the default.
    #[default]
    JsonPath,
    /// `JSONata`.
    Jsonata,
}

impl Language {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::JsonPath => "JSONPath",
            Self::Jsonata => "JSONata",
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::JsonPath => Self::Jsonata,
            Self::Jsonata => Self::JsonPath,
        }
    }

    /// The problem of a member of the other language at `pointer`.
    pub(super) fn refusal(self, name: &str, pointer: &str) -> Problem {
        let (language, other) = (self.name(), self.other().name());
        let message =
            format!("`{name}` belongs to query language `{other}`, this state's is `{language}`");
        let theirs = format!(
            "The QueryLanguage is set to '{language}', but field '{name}' is only supported for the '{other}' QueryLanguage"
        );
        let place = Some(diagnostic::around(pointer));
        diagnostic::placed(pointer, message, place, code::SCHEMA, theirs)
    }

    /// Reads `QueryLanguage`; `around` is the machine's where a state's is read. Nothing if the
    /// language is not known, so that nothing else of what is written in it is judged.
    pub(super) fn read(
        fields: &mut Fields<'_>,
        around: Option<Self>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let Some(node) = fields.optional("QueryLanguage") else {
            return Some(around.unwrap_or_default());
        };
        match (node.string(problems)?, around) {
            ("JSONPath", Some(Self::Jsonata)) => {
                let message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine";
                let place = Some(fields.pointer());
                let pointer = &node.pointer;
                let problem = diagnostic::placed(pointer, message, place, code::SCHEMA, message);
                problems.extend([problem]);
                None
            }
            ("JSONPath", _) => Some(Self::JsonPath),
            ("JSONata", _) => Some(Self::Jsonata),
            (other, _) => {
                let other = fields::bounded(other);
                node.problem(
                    format!("unknown query language `{other}`, expected `JSONPath` or `JSONata`"),
                    problems,
                );
                None
            }
        }
    }
}
