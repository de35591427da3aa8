//! One JSONata expression of a definition.
//!
//! Owns what `{% … %}` means in a field, the shortcut for plain paths and literals, and the
//! service's words for an expression without a value. Everything else is the evaluator's.

mod plain;

use serde_json::{Map, Value};

use crate::Failure;
use crate::jsonata::{Evaluated, Evaluation, EvaluationError, EvaluationErrorKind, References};
use crate::scope::Scope;
use plain::Plain;

/// The error of an expression that has no value.
const QUERY_EVALUATION_ERROR: &str = "States.QueryEvaluationError";

/// A JSONata expression and the field it stands in.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// The text between `{%` and `%}`, without the spaces around it.
    pub text: String,
    /// Where it stands in its state, such as `Arguments/id`.
    pub field: String,
    /// Where it stands in the definition, as a JSON pointer.
    pub pointer: String,
    plain: Option<Plain>,
}

/// The kinds of values that a field can ask for, as the service names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Array,
    Boolean,
    Number,
    String,
}

impl Expression {
    /// What `text` holds between `{%` and `%}`; nothing if it is just text.
    pub(crate) fn inner(text: &str) -> Option<&str> {
        let inner = text.strip_prefix("{%")?.strip_suffix("%}")?;
        Some(inner.trim())
    }

    pub(crate) fn new(text: &str, field: String, pointer: String) -> Self {
        Self {
            text: text.to_owned(),
            plain: Plain::parse(text),
            field,
            pointer,
        }
    }

    /// What the expression reads, if it is so plain that no evaluator is needed to tell.
    pub(crate) fn plain_references(&self) -> Option<References> {
        self.plain.as_ref().map(Plain::references)
    }

    /// The expression's value.
    ///
    /// # Errors
    /// `States.QueryEvaluationError` with the service's cause text.
    pub(crate) fn value(&self, scope: &mut Scope<'_>) -> Result<Value, Failure> {
        let mut values = values(&[self], scope)?;
        values.pop().ok_or_else(|| self.undefined())
    }

    /// The expression's value, which must be of a kind.
    ///
    /// # Errors
    /// `States.QueryEvaluationError` with the service's cause text.
    pub(crate) fn value_of(
        &self,
        expected: Expected,
        scope: &mut Scope<'_>,
    ) -> Result<Value, Failure> {
        let value = self.value(scope)?;
        if expected.admits(&value) {
            return Ok(value);
        }
        let (wanted, found) = (expected.name(), kind(&value));
        Err(self.failure(&format!(
            "returned an unexpected result type. Expected '{wanted}', but was '{found}' for value: {value}"
        )))
    }

    /// The failure of a value that is of the right kind but cannot be used.
    pub(crate) fn unfit(&self, problem: &str, value: &Value) -> Failure {
        self.failure(&format!("returned {problem}: {value}"))
    }

    fn undefined(&self) -> Failure {
        self.failure("returned nothing (undefined).")
    }

    fn failure(&self, what: &str) -> Failure {
        let (text, field) = (&self.text, &self.field);
        Failure {
            error: QUERY_EVALUATION_ERROR.to_owned(),
            cause: format!(
                "The JSONata expression '{text}' specified for the field '{field}' {what}"
            ),
            location: Some(field.clone()),
        }
    }

    fn failed(&self, kind: EvaluationErrorKind) -> Failure {
        match kind {
            EvaluationErrorKind::Raised { code, message } => {
                let told = [code, message].join(": ");
                let told = told.trim_start_matches(": ");
                self.failure(&format!("threw an error during evaluation. {told}"))
            }
            EvaluationErrorKind::Unsupported => {
                self.failure("returned an unsupported result type.")
            }
            EvaluationErrorKind::Limit(limit) => {
                self.failure(&format!("threw an error during evaluation. {limit}"))
            }
            EvaluationErrorKind::Unavailable(problem) => {
                self.failure(&format!("could not be evaluated by this host. {problem}"))
            }
        }
    }
}

/// The values of several expressions, evaluated in order with the same bindings.
///
/// # Errors
/// The failure of the first one without a value.
pub(crate) fn values(
    expressions: &[&Expression],
    scope: &mut Scope<'_>,
) -> Result<Vec<Value>, Failure> {
    let plain: Vec<_> = expressions
        .iter()
        .map(|expression| expression.plain.as_ref()?.value(scope))
        .collect();
    let others: Vec<&Expression> = expressions
        .iter()
        .zip(&plain)
        .filter(|(_, plain)| plain.is_none())
        .map(|(expression, _)| *expression)
        .collect();
    let (evaluated, error) = evaluate(&others, scope);
    let mut evaluated = evaluated.into_iter();
    let mut values = Vec::with_capacity(expressions.len());
    for (expression, plain) in expressions.iter().zip(plain) {
        let value = match plain {
            Some(value) => value,
            None => match evaluated.next() {
                Some(value) => value,
                None => return Err(failure_of(&others, expression, error)),
            },
        };
        values.push(value.ok_or_else(|| expression.undefined())?);
    }
    Ok(values)
}

/// What the evaluator makes of the expressions up to the first that fails, and why that one does.
fn evaluate(
    expressions: &[&Expression],
    scope: &mut Scope<'_>,
) -> (Vec<Option<Value>>, Option<EvaluationError>) {
    if expressions.is_empty() {
        return (Vec::new(), None);
    }
    let texts: Vec<&str> = expressions
        .iter()
        .map(|expression| expression.text.as_str())
        .collect();
    let bindings = bindings(&texts, scope);
    let seed = scope.random.next_u64();
    match ask(&texts, &bindings, seed, scope) {
        Ok(evaluated) => (evaluated.values, None),
        Err(error) => {
            // The ones before it have values; whose turn it is to fail depends on them.
            let before = texts.get(..error.index).unwrap_or_default();
            let values = match before {
                [] => Vec::new(),
                before => ask(before, &bindings, seed, scope)
                    .map(|evaluated| evaluated.values)
                    .unwrap_or_default(),
            };
            (values, Some(error))
        }
    }
}

/// Asks the evaluator, within what is left to the state.
fn ask(
    texts: &[&str],
    bindings: &Map<String, Value>,
    seed: u64,
    scope: &mut Scope<'_>,
) -> Result<Evaluated, EvaluationError> {
    if !scope.budget.has_instructions() {
        let limit = "the expressions of the state took as much as one state may process";
        return Err(EvaluationError {
            index: 0,
            kind: EvaluationErrorKind::Limit(limit.to_owned()),
            instructions: 0,
        });
    }
    let answer = scope.evaluator.evaluate(&Evaluation {
        expressions: texts,
        bindings,
        at: scope.at,
        seed,
    });
    scope.budget.instruct(match &answer {
        Ok(evaluated) => evaluated.instructions,
        Err(error) => error.instructions,
    });
    answer
}

fn failure_of(
    others: &[&Expression],
    reached: &Expression,
    error: Option<EvaluationError>,
) -> Failure {
    let Some(error) = error else {
        return reached.failed(EvaluationErrorKind::Unavailable(
            "the evaluator gave no answer".to_owned(),
        ));
    };
    let failed = others.get(error.index).copied().unwrap_or(reached);
    failed.failed(error.kind)
}

/// `$states` and the variables, as far as the expressions name them.
fn bindings(texts: &[&str], scope: &Scope<'_>) -> Map<String, Value> {
    let is_named = |name: &str| texts.iter().any(|text| text.contains(name));
    let is_whole = texts.iter().any(|text| {
        let mut uses = text.match_indices("$states");
        uses.any(|(at, found)| {
            let rest = text.get(at + found.len()..).unwrap_or_default();
            !rest.trim_start().starts_with('.')
        })
    });
    let mut states = Map::new();
    let mut add = |name: &str, value: Option<&Value>| {
        if let Some(value) = value.filter(|_| is_whole || is_named(name)) {
            states.insert(name.to_owned(), value.clone());
        }
    };
    add("input", Some(scope.input));
    add("result", scope.result);
    add("errorOutput", scope.error_output);
    add("context", Some(scope.context));
    let mut bindings = Map::new();
    bindings.insert("states".to_owned(), Value::Object(states));
    for (name, value) in scope.variables.iter() {
        if is_named(name) {
            bindings.insert(name.to_owned(), value.clone());
        }
    }
    bindings
}

impl Expected {
    fn admits(self, value: &Value) -> bool {
        match self {
            Self::Array => value.is_array(),
            Self::Boolean => value.is_boolean(),
            Self::Number => value.is_number(),
            Self::String => value.is_string(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
        }
    }
}

/// What the service calls the kind of a value.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests;
