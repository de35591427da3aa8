//! The Wait state.

use document::{Fields, Problems};

use super::{Next, Seconds};
use crate::Timestamp;
use crate::definition::fields::{self, SECONDS_MAX};
use crate::definition::parse::Reader;
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
    Seconds(Seconds),
    /// `Timestamp`.
    Timestamp(Timestamp),
    /// `TimestampPath`.
    TimestampAt(Path),
}

impl Wait {
    /// Reads what is particular to a Wait state.
    pub(in crate::definition) fn read(
        fields: &mut Fields<'_>,
        reader: &mut Reader,
    ) -> Option<Self> {
        let until = until(fields, &mut reader.problems);
        let next = reader.next(fields);
        Some(Self {
            until: until?,
            next: next?,
        })
    }
}

fn until(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<WaitUntil> {
    let members = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];
    let present: Vec<_> = members
        .into_iter()
        .filter_map(|name| fields.optional(name).map(|node| (name, node)))
        .collect();
    let [(name, node)] = present.as_slice() else {
        let members = members.join("`, `");
        let message = format!("expected exactly one of `{members}`");
        problems.push(fields.pointer(), message);
        return None;
    };
    match *name {
        "Seconds" => fields::whole(node, 0..=SECONDS_MAX, problems)
            .map(|seconds| WaitUntil::Seconds(Seconds::Fixed(seconds))),
        "SecondsPath" => {
            fields::reference(node, problems).map(|path| WaitUntil::Seconds(Seconds::At(path)))
        }
        "Timestamp" => fields::timestamp(node, problems).map(WaitUntil::Timestamp),
        _ => fields::reference(node, problems).map(WaitUntil::TimestampAt),
    }
}
