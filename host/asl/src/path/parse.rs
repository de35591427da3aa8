//! Text to steps.

use super::cursor::Cursor;
use super::filter;
use super::step::{Slice, Step};
use super::{Path, ReferencePath, Root};
use crate::variables;

/// The longest text of a path, in bytes.
const TEXT_BYTES_MAX: usize = 8 << 10;
/// The most steps of a path.
const STEPS_MAX: usize = 64;

pub(super) fn path(text: &str) -> Result<Path, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("a path is at most {TEXT_BYTES_MAX} bytes long"));
    }
    let mut cursor = Cursor::new(text);
    if !cursor.eat("$") {
        return Err("a path starts with `$`".to_owned());
    }
    let root = root(&mut cursor)?;
    if !matches!(cursor.peek(), None | Some('.' | '[')) {
        return Err(cursor.problem("expected `.` or `[`"));
    }
    let steps = steps(&mut cursor, Place::Whole)?;
    Ok(Path {
        text: text.to_owned(),
        root,
        steps,
    })
}

fn root(cursor: &mut Cursor<'_>) -> Result<Root, String> {
    if cursor.eat("$") {
        return Ok(Root::Context);
    }
    let name = cursor.take_while(variables::is_in_name);
    match name {
        "" => Ok(Root::Data),
        name if variables::is_name(name) => Ok(Root::Variable(name.to_owned())),
        name => Err(format!("`{name}` is no name of a variable")),
    }
}

pub(super) fn reference(text: &str) -> Result<ReferencePath, String> {
    let path = path(text)?;
    if !path.is_reference() {
        return Err(format!(
            "`{text}` may name several places, use only names and indices here"
        ));
    }
    Ok(ReferencePath(path))
}

/// Where a sequence of steps stands, which decides what ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The steps go to the end of the text.
    Whole,
    /// The steps end before an operator; filters may nest so much deeper.
    InFilter { depth_left: usize },
}

pub(super) fn steps(cursor: &mut Cursor<'_>, place: Place) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    loop {
        match (cursor.peek(), place) {
            (Some('['), _) => steps.push(bracket(cursor, place)?),
            (Some('.'), _) => dot(cursor, place, &mut steps)?,
            (Some(_), Place::Whole) => return Err(cursor.problem("expected `.` or `[`")),
            (None, _) | (Some(_), Place::InFilter { .. }) => return Ok(steps),
        }
        if steps.len() > STEPS_MAX {
            return Err(format!("a path has at most {STEPS_MAX} steps"));
        }
    }
}

fn dot(cursor: &mut Cursor<'_>, place: Place, steps: &mut Vec<Step>) -> Result<(), String> {
    if cursor.eat("..") {
        steps.push(Step::Descend);
    } else {
        cursor.eat(".");
    }
    let step = match cursor.peek() {
        Some('[') => bracket(cursor, place)?,
        Some('*') => {
            cursor.next();
            Step::Wildcard
        }
        _ => Step::Members(vec![name(cursor, place)?]),
    };
    steps.push(step);
    Ok(())
}

fn name(cursor: &mut Cursor<'_>, place: Place) -> Result<String, String> {
    let name = match place {
        Place::Whole => cursor.take_while(is_name),
        Place::InFilter { .. } => cursor.take_while(|next| is_name(next) && !is_operator(next)),
    };
    if name.is_empty() {
        return Err(cursor.problem("expected a name"));
    }
    if cursor.peek() == Some('(') {
        return Err(format!(
            "path functions such as `{name}()` are not supported"
        ));
    }
    Ok(name.to_owned())
}

fn is_name(next: char) -> bool {
    !next.is_whitespace()
        && !next.is_control()
        && !matches!(next, '.' | '[' | ']' | '(' | ')' | '*' | '\'' | '"' | '\\')
}

fn is_operator(next: char) -> bool {
    matches!(next, '=' | '!' | '<' | '>' | '&' | '|' | '~' | ',')
}

fn bracket(cursor: &mut Cursor<'_>, place: Place) -> Result<Step, String> {
    cursor.expect("[")?;
    cursor.skip_spaces();
    let step = match cursor.peek() {
        Some('\'' | '"') => Step::Members(list(cursor, Cursor::quoted)?),
        Some('*') => {
            cursor.next();
            Step::Wildcard
        }
        Some('?') => filter::parse(cursor, place).map(Step::Filter)?,
        Some('-' | ':' | '0'..='9') => positions(cursor)?,
        _ => return Err(cursor.problem("expected a quoted name, an index, `*` or `?(`")),
    };
    cursor.expect("]")?;
    Ok(step)
}

fn list<'a, T>(
    cursor: &mut Cursor<'a>,
    item: impl Fn(&mut Cursor<'a>) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let mut items = vec![item(cursor)?];
    loop {
        cursor.skip_spaces();
        if !cursor.eat(",") {
            return Ok(items);
        }
        cursor.skip_spaces();
        items.push(item(cursor)?);
    }
}

fn positions(cursor: &mut Cursor<'_>) -> Result<Step, String> {
    let from = end(cursor)?;
    if !cursor.eat(":") {
        let Some(first) = from else {
            return Err(cursor.problem("expected an index"));
        };
        cursor.skip_spaces();
        let mut indices = vec![first];
        if cursor.eat(",") {
            cursor.skip_spaces();
            indices.extend(list(cursor, index)?);
        }
        return Ok(Step::Indices(indices));
    }
    let to = end(cursor)?;
    let by = if cursor.eat(":") { end(cursor)? } else { None };
    let by = match usize::try_from(by.unwrap_or(1)) {
        Ok(0) | Err(_) => return Err("a slice's step is at least 1".to_owned()),
        Ok(by) => by,
    };
    Ok(Step::Slice(Slice { from, to, by }))
}

/// An end of a slice, with the spaces around it.
fn end(cursor: &mut Cursor<'_>) -> Result<Option<i64>, String> {
    cursor.skip_spaces();
    let end = match cursor.peek() {
        Some('-' | '0'..='9') => Some(index(cursor)?),
        _ => None,
    };
    cursor.skip_spaces();
    Ok(end)
}

fn index(cursor: &mut Cursor<'_>) -> Result<i64, String> {
    let text = cursor.take_while(|next| next == '-' || next.is_ascii_digit());
    text.parse()
        .map_err(|_| cursor.problem("expected a whole number"))
}
