//! The Map state, mode `INLINE`.

use document::{Fields, Node, Problems};

use super::Next;
use crate::definition::fields;
use crate::definition::parse::Reader;
use crate::definition::{BlockId, Catcher, Retrier, flow, retry};
use crate::path::{Path, ReferencePath};
use crate::template::Template;

/// The most iterations at once that a definition may ask for.
const CONCURRENCY_MAX: u64 = 10_000;

/// `"Type": "Map"`, mode `INLINE`.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// `ItemProcessor`, or `Iterator` in older definitions.
    pub processor: BlockId,
    /// `ItemsPath`.
    pub items_path: Path,
    /// `ItemSelector`, or `Parameters` in older definitions.
    pub item_selector: Option<Template>,
    /// `MaxConcurrency` or `MaxConcurrencyPath`.
    pub max_concurrency: Concurrency,
    /// `Retry`, in order.
    pub retry: Vec<Retrier>,
    /// `Catch`, in order.
    pub catch: Vec<Catcher>,
    /// Where it leads.
    pub next: Next,
}

/// How many iterations of a Map may run at once; 0 is no limit of the definition's.
#[derive(Clone, Debug, PartialEq)]
pub enum Concurrency {
    /// `MaxConcurrency`.
    Fixed(u64),
    /// `MaxConcurrencyPath`.
    At(ReferencePath),
}

impl Map {
    /// Reads what is particular to a Map state.
    pub(in crate::definition) fn read(
        fields: &mut Fields<'_>,
        reader: &mut Reader,
    ) -> Option<Self> {
        let processor = processor(fields, reader);
        let items_path = match fields.optional("ItemsPath") {
            None => Some(Path::root()),
            Some(node) => fields::path(&node, &mut reader.problems),
        };
        let item_selector = either(fields, ["ItemSelector", "Parameters"], reader)
            .and_then(|node| flow::template(&node, reader));
        let max_concurrency = concurrency(fields, &mut reader.problems);
        let retry = retry::retriers(fields, reader);
        let catch = retry::catchers(fields, reader);
        let next = reader.next(fields);
        Some(Self {
            processor: processor?,
            items_path: items_path?,
            item_selector,
            max_concurrency: max_concurrency?,
            retry,
            catch,
            next: next?,
        })
    }
}

fn processor(fields: &mut Fields<'_>, reader: &mut Reader) -> Option<BlockId> {
    let Some(node) = either(fields, ["ItemProcessor", "Iterator"], reader) else {
        let message = "member `ItemProcessor` is missing";
        reader.problems.push(fields.pointer(), message);
        return None;
    };
    let mut fields = node.object(&mut reader.problems)?;
    if let Some(node) = fields.optional("ProcessorConfig") {
        config(&node, &mut reader.problems);
    }
    let block = reader.block(&mut fields);
    fields.finish(&mut reader.problems);
    Some(block)
}

fn config(node: &Node<'_>, problems: &mut Problems) {
    let Some(mut fields) = node.object(problems) else {
        return;
    };
    let mode = fields.optional("Mode");
    if let Some(node) = &mode {
        match node.string(problems) {
            None | Some("INLINE") => {}
            Some("DISTRIBUTED") => {
                let message = "map mode `DISTRIBUTED` is not supported by this version yet";
                node.problem(message, problems);
                return;
            }
            Some(other) => {
                let other = fields::bounded(other);
                node.problem(
                    format!("unknown mode `{other}`, expected `INLINE`"),
                    problems,
                );
            }
        }
    }
    fields.finish(problems);
}

/// The member under its present name, else under the older one, which is worth a warning.
fn either<'a>(
    fields: &mut Fields<'a>,
    [name, older]: [&'static str; 2],
    reader: &mut Reader,
) -> Option<Node<'a>> {
    match (fields.optional(name), fields.optional(older)) {
        (Some(_), Some(node)) => {
            let message = format!("`{older}` is the older name of `{name}`, give only one");
            node.problem(message, &mut reader.problems);
            None
        }
        (None, Some(node)) => {
            let message = format!("`{older}` is the older name of `{name}`");
            node.problem(message, &mut reader.warnings);
            Some(node)
        }
        (node, None) => node,
    }
}

fn concurrency(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Concurrency> {
    match (
        fields.optional("MaxConcurrency"),
        fields.optional("MaxConcurrencyPath"),
    ) {
        (None, None) => Some(Concurrency::Fixed(0)),
        (Some(node), None) => {
            fields::whole(&node, 0..=CONCURRENCY_MAX, problems).map(Concurrency::Fixed)
        }
        (None, Some(node)) => fields::reference_path(&node, problems).map(Concurrency::At),
        (Some(_), Some(node)) => {
            node.problem(
                "`MaxConcurrency` and `MaxConcurrencyPath` exclude each other",
                problems,
            );
            None
        }
    }
}
