//! The Map state.

mod distributed;

use document::{Fields, Finding, Node, Problem};
use serde_json::Value;

use super::Next;
use crate::definition::fields;
use crate::definition::language::Language;
use crate::definition::parse::Reader as Document;
use crate::definition::quantity::{Quantity, expression};
use crate::definition::{BlockId, Catcher, Retrier, flow, retry};
use crate::diagnostic::{self, code};
use crate::expression::Expression;
use crate::path::Path;
use crate::template::Template;
pub use distributed::{Batcher, Processor, Reader, Tolerance, Writer};

/// The most iterations at once that a definition may ask for.
const CONCURRENCY_MAX: u64 = 10_000;

/// `"Type": "Map"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// `ItemProcessor`, or `Iterator` in older definitions.
    pub processor: BlockId,
    /// `ProcessorConfig.Mode`, with what only one of the modes has.
    pub mode: Mode,
    /// `ItemsPath` or `Items`.
    pub items: Items,
    /// `ItemSelector`, or `Parameters` in older definitions.
    pub item_selector: Option<Template>,
    /// `MaxConcurrency` or `MaxConcurrencyPath`; 0 is no limit of the definition's.
    pub max_concurrency: Quantity,
    /// `Retry`, in order.
    pub retry: Vec<Retrier>,
    /// `Catch`, in order.
    pub catch: Vec<Catcher>,
    /// Where it leads.
    pub next: Next,
}

/// How a Map runs its iterations.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// `INLINE`: as strands of the execution itself.
    Inline,
    /// `DISTRIBUTED`: as child executions of a map run.
    Distributed(Box<Processor>),
}

/// Where the items come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Items {
    /// `ItemsPath`.
    At(Path),
    /// `Items` as an expression.
    Expression(Expression),
    /// `Items` as an array, with expressions inside.
    Template(Template),
    /// JSONata without `Items`: the state's input.
    Input,
}

impl Map {
    /// Reads what is particular to a Map state.
    pub(in crate::definition) fn read(
        fields: &mut Fields<'_>,
        reader: &mut Document,
    ) -> Option<Self> {
        let (processor, mode) = processor(fields, reader)?;
        let items = items(fields, reader);
        let item_selector = match reader.language {
            Language::JsonPath => either(fields, ["ItemSelector", "Parameters"], reader)
                .and_then(|node| flow::template(&node, reader)),
            Language::Jsonata => fields
                .optional("ItemSelector")
                .and_then(|node| flow::jsonata(&node, "ItemSelector", reader)),
        };
        let names = ["MaxConcurrency", "MaxConcurrencyPath"];
        let max_concurrency = Quantity::read(fields, names, 0..=CONCURRENCY_MAX, reader);
        let retry = retry::retriers(fields, reader);
        let catch = retry::catchers(fields, reader);
        let next = reader.next(fields);
        Some(Self {
            processor,
            mode,
            items: items?,
            item_selector,
            max_concurrency: max_concurrency.unwrap_or(Quantity::Fixed(0)),
            retry,
            catch,
            next: next?,
        })
    }
}

fn processor(fields: &mut Fields<'_>, reader: &mut Document) -> Option<(BlockId, Mode)> {
    let names = ["ItemProcessor", "Iterator"];
    let node = match reader.language {
        Language::JsonPath => either(fields, names, reader),
        Language::Jsonata => fields.optional("ItemProcessor"),
    };
    let Some(node) = node else {
        let problem = Problem::new(fields.pointer(), "member `ItemProcessor` is missing");
        let finding = Finding::Missing("ItemProcessor");
        reader.problems.extend([problem.found(finding)]);
        return None;
    };
    let mut inner = node.object(&mut reader.problems)?;
    let config = inner.optional("ProcessorConfig");
    let mode = match config {
        Some(node) => config_of(&node, reader)?,
        None => Config::Inline,
    };
    let block = reader.block(&mut inner);
    inner.finish(&mut reader.problems);
    // Members of distributed mode are read in either mode; inline Maps ignore them, as the service does.
    let processor = Processor::read(fields, reader);
    let mode = match mode {
        Config::Inline => Mode::Inline,
        Config::Distributed { execution_type } => Mode::Distributed(Box::new(Processor {
            execution_type,
            ..processor
        })),
    };
    Some((block, mode))
}

/// `ProcessorConfig`.
enum Config {
    Inline,
    Distributed { execution_type: String },
}

fn config_of(node: &Node<'_>, reader: &mut Document) -> Option<Config> {
    let mut fields = node.object(&mut reader.problems)?;
    let mode = fields.optional("Mode");
    let mode = match &mode {
        Some(node) => node.string(&mut reader.problems)?,
        None => "INLINE",
    };
    let execution_type = fields.optional("ExecutionType");
    let config = match mode {
        "INLINE" => Config::Inline,
        "DISTRIBUTED" => Config::Distributed {
            execution_type: execution_type_of(execution_type, reader)?,
        },
        other => {
            let other = fields::bounded(other);
            let message = format!("unknown mode `{other}`, expected `INLINE` or `DISTRIBUTED`");
            node.problem(message, &mut reader.problems);
            return None;
        }
    };
    fields.finish(&mut reader.problems);
    Some(config)
}

fn execution_type_of(node: Option<Node<'_>>, reader: &mut Document) -> Option<String> {
    let Some(node) = node else {
        return Some("STANDARD".to_owned());
    };
    match node.string(&mut reader.problems)? {
        known @ ("STANDARD" | "EXPRESS") => Some(known.to_owned()),
        other => {
            let other = fields::bounded(other);
            let message = format!("unknown type `{other}`, expected `STANDARD` or `EXPRESS`");
            node.problem(message, &mut reader.problems);
            None
        }
    }
}

fn items(fields: &mut Fields<'_>, reader: &mut Document) -> Option<Items> {
    match reader.language {
        Language::JsonPath => match fields.optional("ItemsPath") {
            None => Some(Items::At(Path::root())),
            Some(node) => fields::path(&node, &mut reader.problems).map(Items::At),
        },
        Language::Jsonata => {
            let Some(node) = fields.optional("Items") else {
                return Some(Items::Input);
            };
            if let Some(expression) = expression(&node, "Items", reader) {
                return Some(Items::Expression(expression));
            }
            if !matches!(node.value, Value::Array(_) | Value::Object(_)) {
                let message =
                    "expected an array, or an expression such as `{% $states.input.items %}`";
                node.problem(message, &mut reader.problems);
            }
            flow::jsonata(&node, "Items", reader).map(Items::Template)
        }
    }
}

/// The member under its present name, else under the older one, which is worth a warning.
fn either<'a>(
    fields: &mut Fields<'a>,
    [name, older]: [&'static str; 2],
    reader: &mut Document,
) -> Option<Node<'a>> {
    match (fields.optional(name), fields.optional(older)) {
        (Some(_), Some(node)) => {
            let message = format!("`{older}` is the older name of `{name}`, give only one");
            let place = Some(fields.pointer());
            let theirs = diagnostic::one_of(&[name, older]);
            let pointer = &node.pointer;
            let problem = diagnostic::placed(pointer, message, place, code::SCHEMA, theirs);
            reader.problems.extend([problem]);
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
