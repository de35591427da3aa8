//! Problems of a definition as the service tells them: a code, a message and a place.
//!
//! Owns the service's codes and the form of its answers. It does not know the rules: what finds
//! a problem also says how the service words it, where that is known.

use std::collections::BTreeMap;
use std::fmt;

use document::{Finding, Named, Problem};

/// The codes of the service's `ValidateStateMachineDefinitionDiagnostic`.
pub mod code {
    /// The text is not JSON.
    pub const INVALID_JSON: &str = "INVALID_JSON_DESCRIPTION";
    /// There is no text.
    pub const MISSING_DESCRIPTION: &str = "MISSING_DESCRIPTION";
    /// The document has another shape than the language's.
    pub const SCHEMA: &str = "SCHEMA_VALIDATION_FAILED";
    /// A Task names something that cannot be called.
    pub const INVALID_RESOURCE: &str = "INVALID_RESOURCE";
    /// No state ends a block.
    pub const MISSING_END_STATE: &str = "MISSING_END_STATE";
    /// Two states have one name.
    pub const DUPLICATE_STATE_NAME: &str = "DUPLICATE_STATE_NAME";
    /// A name is too short or too long.
    pub const INVALID_STATE_NAME: &str = "INVALID_STATE_NAME";
    /// Two Maps have one label.
    pub const DUPLICATE_LABEL_NAME: &str = "DUPLICATE_LABEL_NAME";
    /// A label cannot be one.
    pub const INVALID_LABEL_NAME: &str = "INVALID_LABEL_NAME";
    /// A transition leads nowhere, or none leads to a state.
    pub const MISSING_TRANSITION_TARGET: &str = "MISSING_TRANSITION_TARGET";
    /// The document nests too deeply.
    pub const TOO_DEEPLY_NESTED: &str = "TOO_DEEPLY_NESTED";
    /// An expression is not JSONata.
    pub const INVALID_JSONATA: &str = "INVALID_JSONATA_EXPRESSION";
    /// An expression reads what it is not given.
    pub const UNSUPPORTED_JSONATA: &str = "UNSUPPORTED_JSONATA_EXPRESSION";
    /// A warning: a text looks like a path, but its member's name does not end in `.$`.
    pub const NO_DOLLAR: &str = "NO_DOLLAR";
    /// A warning: a text looks like a path, but its member's name does not end in `Path`.
    pub const NO_PATH: &str = "NO_PATH";
    /// A warning: a Pass state's result looks like one that is filled in.
    pub const PASS_RESULT_IS_STATIC: &str = "PASS_RESULT_IS_STATIC";
}

/// One problem of a definition in the service's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it prevents publishing.
    pub severity: Severity,
    /// What kind of problem it is.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where, such as `/States/A/Choices[0]/Next`; the service gives some problems no place.
    pub location: Option<String>,
}

/// Whether a diagnostic prevents publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

impl Diagnostic {
    /// Everything that prevents publishing, in order; members that one object lacks are told
    /// together.
    pub fn errors(problems: &[Problem]) -> Vec<Self> {
        let mut lacking: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for problem in problems {
            if let Finding::Missing(name) = problem.finding {
                lacking.entry(&problem.pointer).or_default().push(name);
            }
        }
        let told = problems.iter().filter_map(|problem| {
            let (message, pointer) = match &problem.finding {
                Finding::Named(named) => return Some(Self::named(Severity::Error, problem, named)),
                Finding::Unnamed => (problem.message.clone(), problem.pointer.as_str()),
                Finding::Missing(_) => {
                    let missing = lacking.remove(problem.pointer.as_str())?;
                    (required(&missing), problem.pointer.as_str())
                }
                Finding::Unknown => {
                    let (around, name) = split(&problem.pointer);
                    (
                        format!("Field '{}' is not supported", unescaped(name)),
                        around,
                    )
                }
            };
            Some(Self {
                severity: Severity::Error,
                code: code::SCHEMA,
                message,
                location: Some(location(pointer)),
            })
        });
        told.collect()
    }

    /// The warnings that the service has a code for.
    pub fn warnings(warnings: &[Problem]) -> Vec<Self> {
        let named = warnings
            .iter()
            .filter_map(|warning| match &warning.finding {
                Finding::Named(named) => Some(Self::named(Severity::Warning, warning, named)),
                Finding::Unnamed | Finding::Missing(_) | Finding::Unknown => None,
            });
        named.collect()
    }

    fn named(severity: Severity, problem: &Problem, named: &Named) -> Self {
        let message = match named.message.as_str() {
            "" => &problem.message,
            message => message,
        };
        Self {
            severity,
            code: named.code,
            message: message.to_owned(),
            location: named.pointer.as_deref().map(location),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.location.as_deref().unwrap_or("null");
        write!(formatter, "{}: {} at {place}", self.code, self.message)
    }
}

impl Severity {
    /// The service's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
        }
    }
}

/// A problem at `pointer` that the service words as `theirs` and places there too; where its
/// words are not known, `theirs` is empty and ours stand.
pub(crate) fn problem(
    pointer: &str,
    ours: impl Into<String>,
    code: &'static str,
    theirs: impl Into<String>,
) -> Problem {
    placed(pointer, ours, Some(pointer), code, theirs)
}

/// Like [`problem`], for what the service places elsewhere or nowhere.
pub(crate) fn placed(
    pointer: &str,
    ours: impl Into<String>,
    place: Option<&str>,
    code: &'static str,
    theirs: impl Into<String>,
) -> Problem {
    Problem::new(pointer, ours).found(Finding::Named(Box::new(Named {
        code,
        message: theirs.into(),
        pointer: place.map(str::to_owned),
    })))
}

/// The service's words for several members of which an object may have one.
pub(crate) fn one_of(names: &[&str]) -> String {
    let names = names.join(", ");
    format!("There should only be one of the following fields: [{names}]")
}

/// The pointer of what `pointer` points into.
pub(crate) fn around(pointer: &str) -> &str {
    split(pointer).0
}

fn required(names: &[&str]) -> String {
    format!("These fields are required: [{}]", names.join(", "))
}

fn split(pointer: &str) -> (&str, &str) {
    pointer.rsplit_once('/').unwrap_or((pointer, ""))
}

/// A pointer as the service writes it: `/` for the document, elements in brackets, names as they are.
fn location(pointer: &str) -> String {
    let mut place = String::new();
    let mut before = "";
    for segment in pointer.split('/').skip(1) {
        let is_number = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && before != "States" {
            place.push_str(&format!("[{segment}]"));
        } else {
            place.push('/');
            place.push_str(&unescaped(segment));
        }
        before = segment;
    }
    match place.as_str() {
        "" => "/".to_owned(),
        _ => place,
    }
}

fn unescaped(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests;
