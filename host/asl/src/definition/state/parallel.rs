//! The Parallel state.

use document::Fields;

use super::Next;
use crate::definition::parse::Reader;
use crate::definition::{BlockId, Catcher, Retrier, retry};

/// `"Type": "Parallel"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parallel {
    /// `Branches`, in order; at least one.
    pub branches: Vec<BlockId>,
    /// `Retry`, in order.
    pub retry: Vec<Retrier>,
    /// `Catch`, in order.
    pub catch: Vec<Catcher>,
    /// Where it leads.
    pub next: Next,
}

impl Parallel {
    /// Reads what is particular to a Parallel state.
    pub(in crate::definition) fn read(
        fields: &mut Fields<'_>,
        reader: &mut Reader,
    ) -> Option<Self> {
        let branches = fields.required("Branches", &mut reader.problems);
        let branches = branches.and_then(|node| {
            let nodes = node.array(&mut reader.problems)?;
            if nodes.is_empty() {
                node.problem("expected at least one branch", &mut reader.problems);
            }
            let blocks = nodes.iter().filter_map(|node| {
                let mut fields = node.object(&mut reader.problems)?;
                let block = reader.block(&mut fields);
                fields.finish(&mut reader.problems);
                Some(block)
            });
            Some(blocks.collect())
        });
        let retry = retry::retriers(fields, reader);
        let catch = retry::catchers(fields, reader);
        let next = reader.next(fields);
        Some(Self {
            branches: branches?,
            retry,
            catch,
            next: next?,
        })
    }
}
