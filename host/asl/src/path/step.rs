//! The steps of a parsed path.

use std::fmt;

use super::filter::Filter;

/// One step from a set of places to the next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// `.name`, `['name']`, `['a', 'b']`.
    Members(Vec<String>),
    /// `[0]`, `[-1]`, `[0, 2]`.
    Indices(Vec<i64>),
    /// `[from:to]`, `[from:to:by]`.
    Slice(Slice),
    /// `.*`, `[*]`.
    Wildcard,
    /// `[?(…)]`.
    Filter(Filter),
    /// `..`: this place and every place below it.
    Descend,
}

/// A range of an array; negative ends count from the array's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) from: Option<i64>,
    pub(super) to: Option<i64>,
    pub(super) by: usize,
}

impl Step {
    /// Whether the step leads to at most one place.
    pub(super) fn is_single(&self) -> bool {
        match self {
            Self::Members(names) => names.len() == 1,
            Self::Indices(indices) => indices.len() == 1,
            Self::Slice(_) | Self::Wildcard | Self::Filter(_) | Self::Descend => false,
        }
    }

    /// Whether the step, as a path's last, merges several members into one object.
    pub(super) fn is_merge(&self) -> bool {
        matches!(self, Self::Members(names) if names.len() > 1)
    }
}

/// The step in the bracket notation that causes quote.
impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Members(names) => write!(formatter, "['{}']", names.join("','")),
            Self::Indices(indices) => {
                let indices: Vec<_> = indices.iter().map(i64::to_string).collect();
                write!(formatter, "[{}]", indices.join(","))
            }
            Self::Slice(_) => formatter.write_str("[:]"),
            Self::Wildcard => formatter.write_str("[*]"),
            Self::Filter(_) => formatter.write_str("[?]"),
            Self::Descend => formatter.write_str(".."),
        }
    }
}
