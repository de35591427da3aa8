//! What a listing of executions asks for, and where its next page begins.

use asl::Timestamp;
use auth::names::Name;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ports::{ExecutionFilter, ListCursor};

use super::request;
use crate::config::Aws;
use crate::http::parameters::{Parameters, parse_execution_id, parse_token, shown};
use crate::http::problem::Problem;
use crate::http::state::App;

/// The longest name of an execution, in characters.
const NAME_CHARACTERS_MAX: usize = 80;

/// A listing that was asked for.
pub(super) struct Listing {
    /// The state machine that policy is asked about, if it is of one.
    pub(super) machine: Option<Name>,
    pub(super) filter: ExecutionFilter,
    pub(super) cursor: Option<ListCursor>,
}

/// Reads a listing from the query.
///
/// # Errors
/// 400 that names the parameter.
pub(super) fn read(app: &App, parameters: &mut Parameters) -> Result<Listing, Problem> {
    let machine = parameters.optional("stateMachine");
    let machine = machine
        .map(|text| machine_of(app.aws(), &text))
        .transpose()?;
    let status = parameters.optional("status");
    let filter = ExecutionFilter {
        machine_arn: machine.as_ref().map(|machine| machine.arn.clone()),
        status: status.as_deref().map(request::status).transpose()?,
        started_from: time(parameters, "startedAfter")?,
        started_before: time(parameters, "startedBefore")?,
        name_prefix: parameters.optional("namePrefix"),
    };
    if let Some(prefix) = &filter.name_prefix {
        name_prefix(prefix, machine.as_ref())?;
    }
    let token = parameters.optional("nextToken");
    let is_by_name = filter.name_prefix.is_some();
    let cursor = token.map(|token| parse_token(&token, |text| cursor(text, is_by_name)));
    Ok(Listing {
        machine: machine.map(|machine| machine.name),
        filter,
        cursor: cursor.transpose()?,
    })
}

/// The token of the page that begins at `next`.
pub(super) fn token(next: &ListCursor) -> String {
    match next {
        ListCursor::Before(id) => id.to_string(),
        ListCursor::Behind(name) => URL_SAFE_NO_PAD.encode(name),
    }
}

fn cursor(token: &str, is_by_name: bool) -> Option<ListCursor> {
    if !is_by_name {
        return parse_execution_id(token).map(ListCursor::Before);
    }
    let name = URL_SAFE_NO_PAD.decode(token).ok()?;
    String::from_utf8(name).ok().map(ListCursor::Behind)
}

fn time(parameters: &mut Parameters, name: &'static str) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = parameters.optional(name) else {
        return Ok(None);
    };
    let at = Timestamp::parse(&text).ok_or_else(|| {
        let shown = shown(&text);
        Problem::malformed(format!(
            "parameter `{name}`: `{shown}` is not a time such as `2026-11-22T10:00:00Z`"
        ))
    })?;
    Ok(Some(at))
}

fn name_prefix(prefix: &str, machine: Option<&Machine>) -> Result<(), Problem> {
    let problem = |message: &str| {
        let message = format!("parameter `namePrefix`: {message}");
        Err(Problem::malformed(message))
    };
    if prefix.is_empty() || prefix.chars().count() > NAME_CHARACTERS_MAX {
        return problem("must have 1 to 80 characters");
    }
    match machine {
        None => problem("needs `stateMachine`, as names are those of one state machine"),
        Some(machine) if machine.is_qualified => {
            problem("cannot be given with a version or an alias in `stateMachine`")
        }
        Some(_) => Ok(()),
    }
}

/// A state machine, or a version or alias of it.
#[derive(Debug, PartialEq, Eq)]
struct Machine {
    name: Name,
    arn: String,
    is_qualified: bool,
}

/// `NAME`, `NAME:VERSION-OR-ALIAS`, or either as an ARN of this host.
fn machine_of(aws: &Aws, text: &str) -> Result<Machine, Problem> {
    let problem = |message: String| {
        let shown = shown(text);
        Problem::malformed(format!("parameter `stateMachine`: `{shown}` {message}"))
    };
    let (name, qualifier) = match text.split_once(":stateMachine:") {
        Some((_, rest)) => split(rest),
        None => split(text),
    };
    let name = Name::parse(name).map_err(|message| problem(format!("names none: {message}")))?;
    let mut arn = aws.state_machine_arn(&name);
    if let Some(qualifier) = qualifier {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if qualifier.is_empty() || qualifier.len() > 80 || !qualifier.bytes().all(is_plain) {
            let message = "has neither a version nor an alias behind its name";
            return Err(problem(message.to_owned()));
        }
        arn = format!("{arn}:{qualifier}");
    }
    if text.contains(":stateMachine:") && text != arn {
        return Err(problem("is no ARN of this host".to_owned()));
    }
    Ok(Machine {
        name,
        arn,
        is_qualified: qualifier.is_some(),
    })
}

fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use asl::ExecutionId;

    use super::*;

    #[test]
    fn a_token_reads_back_in_its_own_kind_of_listing_only() {
        let id = ExecutionId::parse("0192f3a4-5b6c-7000-8000-000000000000").unwrap();
        for (place, is_by_name) in [
            (ListCursor::Before(id), false),
            (ListCursor::Behind("nightly-1:x".to_owned()), true),
        ] {
            let token = token(&place);
            assert_eq!(cursor(&token, is_by_name), Some(place));
        }
        for (token, is_by_name) in [("", false), ("e-1", false), ("ä", true), ("_w", true)] {
            assert_eq!(cursor(token, is_by_name), None, "{token}");
        }
    }

    #[test]
    fn a_prefix_of_a_name_needs_its_state_machine() {
        let machine = |is_qualified| Machine {
            name: Name::parse("m").unwrap(),
            arn: "arn".to_owned(),
            is_qualified,
        };
        assert!(name_prefix("a", Some(&machine(false))).is_ok());
        assert!(name_prefix("a", Some(&machine(true))).is_err());
        assert!(name_prefix("a", None).is_err());
        assert!(name_prefix("", Some(&machine(false))).is_err());
        assert!(name_prefix(&"a".repeat(81), Some(&machine(false))).is_err());
    }
}
