//! Judges the expressions of a definition, and finds which variables its states read.
//!
//! It asks whoever evaluates JSONata, once, and only about expressions that are not plain.

use std::collections::{BTreeMap, BTreeSet};

use document::Problem;

use super::StateMachine;
use super::reads::{Offer, Reads};
use crate::diagnostic::{self, code};
use crate::expression::Expression;
use crate::jsonata::{Evaluator, References, SyntaxError, Unavailable};

/// What `$states` may offer.
const STATES: [&str; 4] = ["context", "errorOutput", "input", "result"];

/// The most different expressions of one definition that an evaluator is asked about.
const EXPRESSIONS_MAX: usize = 2_000;

/// The most bytes of expressions that an evaluator is asked about in one call; a longer
/// expression stands alone.
const CHECK_BYTES_MAX: usize = 256 << 10;

/// What is known of a definition once its expressions were judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Every expression that cannot be evaluated where it stands.
    pub problems: Vec<Problem>,
    /// The variables that each state reads, sorted, by the state's name; states that read none
    /// are left out.
    pub variables: BTreeMap<String, Vec<String>>,
}

/// Judges every expression of `machine` and finds which variables its states read.
///
/// # Errors
/// The evaluator cannot be asked; says nothing about the expressions.
pub fn check_expressions(
    machine: &StateMachine,
    evaluator: &dyn Evaluator,
) -> Result<Judged, Unavailable> {
    let expressions = machine.expressions();
    let others = expressions
        .iter()
        .filter(|expression| expression.plain_references().is_none());
    let texts: BTreeSet<&str> = others.map(|expression| expression.text.as_str()).collect();
    let mut judged = Judged::default();
    if texts.len() > EXPRESSIONS_MAX {
        let found = texts.len();
        let message = format!(
            "the definition has {found} different JSONata expressions, at most {EXPRESSIONS_MAX} are allowed"
        );
        let problem = diagnostic::problem("", &message, code::UNSUPPORTED_JSONATA, &message);
        judged.problems.push(problem);
        return Ok(judged);
    }
    let answers = ask(texts, evaluator)?;
    for (_, state) in machine.states() {
        let reads = Reads::of(state);
        let named = reads.variables().into_iter().map(str::to_owned);
        let mut variables: BTreeSet<String> = named.collect();
        for (expression, offer) in reads.expressions() {
            let answer = expression.plain_references().map(Ok);
            let answer = answer.or_else(|| answers.get(expression.text.as_str()).cloned());
            match answer {
                Some(Ok(references)) => {
                    let unoffered = unoffered(expression, &references, offer);
                    judged.problems.extend(unoffered);
                    variables.extend(references.variables);
                }
                Some(Err(error)) => judged.problems.push(malformed(expression, error)),
                None => {}
            }
        }
        variables.remove("states");
        if !variables.is_empty() {
            let variables = variables.into_iter().collect();
            judged.variables.insert(state.name.clone(), variables);
        }
    }
    Ok(judged)
}

type Answers<'a> = BTreeMap<&'a str, Result<References, SyntaxError>>;

/// What the evaluator says of each expression that is not plain, asked in calls of bounded length.
fn ask<'a>(
    texts: BTreeSet<&'a str>,
    evaluator: &dyn Evaluator,
) -> Result<Answers<'a>, Unavailable> {
    let mut answers = Answers::new();
    let mut texts = texts.into_iter().peekable();
    while let Some(first) = texts.next() {
        let mut bytes = first.len();
        let mut asked = vec![first];
        let mut fits = |text: &&str| {
            bytes = bytes.saturating_add(text.len());
            bytes <= CHECK_BYTES_MAX
        };
        while let Some(text) = texts.next_if(&mut fits) {
            asked.push(text);
        }
        let told = evaluator.check(&asked)?;
        if told.len() != asked.len() {
            let (asked, given) = (asked.len(), told.len());
            return Err(Unavailable(format!("{given} answers to {asked} questions")));
        }
        answers.extend(asked.into_iter().zip(told));
    }
    Ok(answers)
}

fn malformed(expression: &Expression, error: SyntaxError) -> Problem {
    let (pointer, theirs) = (&expression.pointer, error.message);
    let message = format!("malformed JSONata: {theirs}");
    diagnostic::problem(pointer, message, code::INVALID_JSONATA, theirs)
}

/// The members of `$states` that an expression reads where there are none.
fn unoffered(expression: &Expression, references: &References, offer: Offer) -> Vec<Problem> {
    let read = references.states.iter();
    let messages = read.filter_map(|member| match (member.as_str(), offer) {
        ("input" | "context", _)
        | ("result", Offer::Result)
        | ("errorOutput", Offer::ErrorOutput) => None,
        ("result", Offer::Nothing | Offer::ErrorOutput) => Some(
            "`$states.result` is known only to `Output` and `Assign` of Task, Parallel and Map states"
                .to_owned(),
        ),
        ("errorOutput", Offer::Nothing | Offer::Result) => {
            Some("`$states.errorOutput` is known only to `Output` and `Assign` of a catcher".to_owned())
        }
        (other, _) => {
            let other = super::fields::bounded(other);
            let known = STATES.join("`, `");
            Some(format!("`$states` has no member `{other}`, expected one of `{known}`"))
        }
    });
    let pointer = &expression.pointer;
    let problems = messages
        .map(|message| diagnostic::problem(pointer, message, code::UNSUPPORTED_JSONATA, ""));
    problems.collect()
}

impl StateMachine {
    /// Whether some expression of the machine is more than a plain path or literal.
    pub fn needs_evaluator(&self) -> bool {
        let mut expressions = self.expressions().into_iter();
        expressions.any(|expression| expression.plain_references().is_none())
    }

    /// Every JSONata expression of every state.
    pub fn expressions(&self) -> Vec<&Expression> {
        let states = self.states();
        let expressions = states.flat_map(|(_, state)| {
            let reads = Reads::of(state);
            let found: Vec<_> = reads
                .expressions()
                .map(|(expression, _)| expression)
                .collect();
            found
        });
        expressions.collect()
    }
}

#[cfg(test)]
mod tests;
