//! Text to filters.

use serde_json::Value;

use super::{Filter, Operator, Term};
use crate::path::cursor::Cursor;
use crate::path::parse::{Place, steps};

/// How deep parentheses and filters may nest.
const DEPTH_MAX: usize = 16;

/// Parses `?(…)`.
pub(in crate::path) fn parse(cursor: &mut Cursor<'_>, place: Place) -> Result<Filter, String> {
    let depth_left = match place {
        Place::Whole => DEPTH_MAX,
        Place::InFilter { depth_left } => depth_left,
    };
    cursor.expect("?")?;
    cursor.expect("(")?;
    let filter = or(cursor, deeper(depth_left)?)?;
    cursor.expect(")")?;
    Ok(filter)
}

fn deeper(depth_left: usize) -> Result<usize, String> {
    let problem = || format!("a filter nests at most {DEPTH_MAX} levels deep");
    depth_left.checked_sub(1).ok_or_else(problem)
}

fn or(cursor: &mut Cursor<'_>, depth_left: usize) -> Result<Filter, String> {
    let mut filters = vec![and(cursor, depth_left)?];
    while comes(cursor, "||") {
        filters.push(and(cursor, depth_left)?);
    }
    Ok(single(filters, Filter::Or))
}

fn and(cursor: &mut Cursor<'_>, depth_left: usize) -> Result<Filter, String> {
    let mut filters = vec![not(cursor, depth_left)?];
    while comes(cursor, "&&") {
        filters.push(not(cursor, depth_left)?);
    }
    Ok(single(filters, Filter::And))
}

fn single(mut filters: Vec<Filter>, several: impl Fn(Vec<Filter>) -> Filter) -> Filter {
    match filters.pop() {
        Some(only) if filters.is_empty() => only,
        last => {
            filters.extend(last);
            several(filters)
        }
    }
}

fn not(cursor: &mut Cursor<'_>, depth_left: usize) -> Result<Filter, String> {
    cursor.skip_spaces();
    if cursor.eat("!") {
        let filter = not(cursor, deeper(depth_left)?)?;
        return Ok(Filter::Not(Box::new(filter)));
    }
    if cursor.eat("(") {
        let filter = or(cursor, deeper(depth_left)?)?;
        cursor.expect(")")?;
        return Ok(filter);
    }
    comparison(cursor, depth_left)
}

fn comparison(cursor: &mut Cursor<'_>, depth_left: usize) -> Result<Filter, String> {
    let left = term(cursor, depth_left)?;
    cursor.skip_spaces();
    if let Some(operator) = operator(cursor)? {
        return Ok(Filter::Compare(left, operator, term(cursor, depth_left)?));
    }
    match left {
        Term::Literal(_) => Err(cursor.problem("expected an operator")),
        Term::Element(_) | Term::Document(_) => Ok(Filter::Exists(left)),
    }
}

fn operator(cursor: &mut Cursor<'_>) -> Result<Option<Operator>, String> {
    const OPERATORS: [(&str, Operator); 6] = [
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    for (text, operator) in OPERATORS {
        if cursor.eat(text) {
            return Ok(Some(operator));
        }
    }
    let word = if cursor.rest().starts_with("=~") {
        "=~"
    } else {
        cursor.take_while(char::is_alphabetic)
    };
    if word.is_empty() {
        return Ok(None);
    }
    Err(format!(
        "filter operator `{word}` is not supported by this version yet"
    ))
}

fn term(cursor: &mut Cursor<'_>, depth_left: usize) -> Result<Term, String> {
    cursor.skip_spaces();
    let place = Place::InFilter { depth_left };
    if cursor.eat("@") {
        return steps(cursor, place).map(Term::Element);
    }
    if cursor.eat("$") {
        return steps(cursor, place).map(Term::Document);
    }
    match cursor.peek() {
        Some('\'' | '"') => Ok(Term::Literal(Value::String(cursor.quoted()?))),
        _ => literal(cursor),
    }
}

fn literal(cursor: &mut Cursor<'_>) -> Result<Term, String> {
    let is_literal = |next: char| next.is_ascii_alphanumeric() || matches!(next, '-' | '+' | '.');
    let text = cursor.take_while(is_literal);
    match serde_json::from_str::<Value>(text) {
        Ok(value) => Ok(Term::Literal(value)),
        Err(_) => {
            Err(cursor
                .problem("expected `@`, `$`, a quoted text, a number, `true`, `false` or `null`"))
        }
    }
}

fn comes(cursor: &mut Cursor<'_>, operator: &str) -> bool {
    cursor.skip_spaces();
    cursor.eat(operator)
}
