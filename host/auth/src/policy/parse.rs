//! Policy files to one validated set.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr as _;

use cedar_policy::{Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use document::Problem;
use miette::Diagnostic;

use crate::policy::{Denied, PolicyFile, bounds};

const ID_CHARACTERS_MAX: usize = 128;

/// Reads every file, names every policy and validates the whole.
///
/// # Errors
/// Every problem of every file, with file name and line.
pub(super) fn policy_set(files: &[PolicyFile], schema: &Schema) -> Result<PolicySet, Vec<Problem>> {
    let mut reader = Reader::default();
    for file in files {
        reader.read(file);
    }
    reader.validate(schema);
    if reader.problems.is_empty() {
        return Ok(reader.set);
    }
    Err(reader.problems)
}

#[derive(Default)]
struct Reader<'a> {
    set: PolicySet,
    /// Where each policy stands: its file, and the byte it begins at.
    places: BTreeMap<String, (&'a PolicyFile, usize)>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, file: &'a PolicyFile) {
        if let Err((start, message)) = bounds::check(&file.text) {
            self.problem(file, start, message);
            return;
        }
        let parsed = match PolicySet::from_str(&file.text) {
            Ok(parsed) => parsed,
            Err(errors) => {
                for error in errors.iter() {
                    self.problem(file, start_of(error).unwrap_or(0), error);
                }
                return;
            }
        };
        for template in parsed.templates() {
            let start = template.as_ref().loc().map_or(0, |place| place.start());
            self.problem(
                file,
                start,
                "templates are not supported, write a policy without `?` slots",
            );
        }
        let start = |policy: &Policy| policy.as_ref().loc().map_or(0, |place| place.start());
        let mut policies: Vec<_> = parsed.policies().collect();
        policies.sort_by_key(|policy| start(policy));
        for (index, policy) in policies.into_iter().enumerate() {
            self.add(file, index, start(policy), policy);
        }
    }

    fn add(&mut self, file: &'a PolicyFile, index: usize, start: usize, policy: &Policy) {
        let id = match policy.annotation("id") {
            Some(id) if is_usable_id(id) => id.to_owned(),
            Some(_) => {
                let message = format!(
                    "an `@id` has 1 to {ID_CHARACTERS_MAX} printable ASCII characters and is not `{}`",
                    Denied::DEFAULT
                );
                self.problem(file, start, message);
                return;
            }
            None => format!("{}#{}", file.name, index + 1),
        };
        if let Some((other, other_start)) = self.places.get(&id) {
            let (name, line) = (&other.name, line_of(&other.text, *other_start));
            let message = format!("the policy id `{id}` is taken by `{name}` line {line}");
            self.problem(file, start, message);
            return;
        }
        if let Err(error) = self.set.add(policy.new_id(PolicyId::new(&id))) {
            self.problem(file, start, error);
        }
        self.places.insert(id, (file, start));
    }

    /// Warnings are problems too: a policy that can never apply, or that reads differently from
    /// what it says, is a mistake or an attack.
    fn validate(&mut self, schema: &Schema) {
        let result = Validator::new(schema.clone()).validate(&self.set, ValidationMode::Strict);
        let errors = result
            .validation_errors()
            .map(|error| (error.policy_id(), start_of(error), error.to_string()));
        let warnings = result
            .validation_warnings()
            .map(|warning| (warning.policy_id(), start_of(warning), warning.to_string()));
        let mut found = Vec::new();
        for (id, start, message) in errors.chain(warnings) {
            match self.places.get(&id.to_string()) {
                Some((file, policy_start)) => {
                    found.push((*file, start.unwrap_or(*policy_start), message));
                }
                None => self.problems.push(Problem::new("", message)),
            }
        }
        found.sort_by(|left, right| (&left.0.name, left.1).cmp(&(&right.0.name, right.1)));
        for (file, start, message) in found {
            self.problem(file, start, message);
        }
    }

    fn problem(&mut self, file: &PolicyFile, start: usize, message: impl Display) {
        let line = line_of(&file.text, start);
        let message = message.to_string();
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let message = format!("policy file `{}` line {line}: {message}", file.name);
        self.problems.push(Problem::new("", message));
    }
}

fn is_usable_id(id: &str) -> bool {
    let is_printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    (1..=ID_CHARACTERS_MAX).contains(&id.len())
        && id.bytes().all(is_printable)
        && id != Denied::DEFAULT
}

fn start_of(error: &dyn Diagnostic) -> Option<usize> {
    let label = error.labels()?.next()?;
    Some(label.offset())
}

fn line_of(text: &str, start: usize) -> usize {
    let before = text.as_bytes().get(..start).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}
