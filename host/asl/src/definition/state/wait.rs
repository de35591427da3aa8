//! The Wait state.

use document::{Fields, Node};

use super::Next;
use crate::Timestamp;
use crate::definition::fields::{self, SECONDS_MAX};
use crate::definition::language::Language;
use crate::definition::parse::Reader;
use crate::definition::quantity::{Quantity, expression};
use crate::diagnostic::{self, code};
use crate::expression::Expression;
use crate::path::Path;

/// `"Type": "Wait"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// How long, or until when.
    pub until: WaitUntil,
    /// Where it leads.
    pub next: Next,
}

/// How long a Wait state waits.
#[derive(Clone, Debug, PartialEq)]
pub enum WaitUntil {
    /// `Seconds` or `SecondsPath`.
    Seconds(Quantity),
    /// `Timestamp`.
    Timestamp(Timestamp),
    /// `TimestampPath`.
    TimestampAt(Path),
    /// `"Timestamp": "{% … %}"`.
    TimestampOf(Expression),
}

impl Wait {
    /// Reads what is particular to a Wait state.
    pub(in crate::definition) fn read(
        fields: &mut Fields<'_>,
        reader: &mut Reader,
    ) -> Option<Self> {
        let until = until(fields, reader);
        let next = reader.next(fields);
        Some(Self {
            until: until?,
            next: next?,
        })
    }
}

fn until(fields: &mut Fields<'_>, reader: &mut Reader) -> Option<WaitUntil> {
    let members: &[&'static str] = match reader.language {
        Language::JsonPath => &["Seconds", "SecondsPath", "Timestamp", "TimestampPath"],
        Language::Jsonata => &["Seconds", "Timestamp"],
    };
    let present: Vec<_> = members
        .iter()
        .filter_map(|name| fields.optional(name).map(|node| (*name, node)))
        .collect();
    let [(name, node)] = present.as_slice() else {
        let names: Vec<_> = present.iter().map(|(name, _)| *name).collect();
        let theirs = match names.as_slice() {
            [] => String::new(),
            several => diagnostic::one_of(several),
        };
        let members = members.join("`, `");
        let message = format!("expected exactly one of `{members}`");
        let pointer = fields.pointer();
        let problem = diagnostic::problem(pointer, message, code::SCHEMA, theirs);
        reader.problems.extend([problem]);
        return None;
    };
    match *name {
        "Timestamp" => timestamp(node, reader),
        "TimestampPath" => {
            fields::reference(node, &mut reader.problems).map(WaitUntil::TimestampAt)
        }
        _ => {
            let range = 0..=SECONDS_MAX;
            let quantity = Quantity::read(fields, ["Seconds", "SecondsPath"], range, reader);
            quantity.map(WaitUntil::Seconds)
        }
    }
}

fn timestamp(node: &Node<'_>, reader: &mut Reader) -> Option<WaitUntil> {
    match expression(node, "Timestamp", reader) {
        Some(expression) => Some(WaitUntil::TimestampOf(expression)),
        None => fields::timestamp(node, &mut reader.problems).map(WaitUntil::Timestamp),
    }
}
