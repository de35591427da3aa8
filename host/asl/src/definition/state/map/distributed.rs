//! What only Maps of mode `DISTRIBUTED` have.

use document::Fields;

use crate::definition::fields;
use crate::definition::flow;
use crate::definition::language::Language;
use crate::definition::parse::Reader as Document;
use crate::definition::quantity::Quantity;
use crate::diagnostic::{self, code};
use crate::template::Template;

/// The longest `Label`, in characters.
const LABEL_CHARACTERS_MAX: usize = 40;
/// Characters that a `Label` must not have, as the service has it.
const LABEL_REFUSED: &[char] = &[
    ' ', '\t', '<', '>', '{', '}', '[', ']', '?', '*', '"', '#', '%', '\\', '^', '|', '~', '`',
    '$', '&', ',', ';', ':', '/',
];
/// The most items that one `ItemReader` or batch may be limited to.
const ITEMS_MAX: u64 = 100_000_000;
/// The largest `MaxInputBytesPerBatch`.
const BATCH_BYTES_MAX: u64 = 256 * 1024;

/// How child executions are made and judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Processor {
    /// `ProcessorConfig.ExecutionType`: `STANDARD` or `EXPRESS`.
    pub execution_type: String,
    /// `Label`: names the map run.
    pub label: Option<String>,
    /// How many iterations may fail.
    pub tolerance: Tolerance,
    /// `ItemReader`.
    pub reader: Option<Reader>,
    /// `ItemBatcher`.
    pub batcher: Option<Batcher>,
    /// `ResultWriter`.
    pub writer: Option<Writer>,
}

/// `ToleratedFailureCount`, `ToleratedFailurePercentage` and their `Path`s.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tolerance {
    /// So many items.
    pub count: Option<Quantity>,
    /// So many of a hundred.
    pub percentage: Option<Quantity<f64>>,
}

/// `ItemReader`: items from outside the state's input.
#[derive(Clone, Debug, PartialEq)]
pub struct Reader {
    /// `Resource`.
    pub resource: String,
    /// `Parameters` or `Arguments`.
    pub arguments: Option<Template>,
    /// `ReaderConfig`, without its limit.
    pub config: Option<Template>,
    /// `ReaderConfig.MaxItems` or `MaxItemsPath`.
    pub max_items: Option<Quantity>,
}

/// `ItemBatcher`: several items for each child execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Batcher {
    /// `MaxItemsPerBatch` or its `Path`.
    pub items_max: Option<Quantity>,
    /// `MaxInputBytesPerBatch` or its `Path`.
    pub bytes_max: Option<Quantity>,
    /// `BatchInput`: goes with every batch.
    pub input: Option<Template>,
}

/// `ResultWriter`: results outside the state's output.
#[derive(Clone, Debug, PartialEq)]
pub struct Writer {
    /// `Resource`.
    pub resource: Option<String>,
    /// `Parameters` or `Arguments`.
    pub arguments: Option<Template>,
    /// `WriterConfig`.
    pub config: Option<Template>,
}

impl Processor {
    /// Reads the members of the Map state itself.
    pub(super) fn read(fields: &mut Fields<'_>, document: &mut Document) -> Self {
        let count = ["ToleratedFailureCount", "ToleratedFailureCountPath"];
        let percentage = [
            "ToleratedFailurePercentage",
            "ToleratedFailurePercentagePath",
        ];
        Self {
            execution_type: String::new(),
            label: label(fields, document),
            tolerance: Tolerance {
                count: Quantity::read(fields, count, 0..=ITEMS_MAX, document),
                percentage: Quantity::read_percents(fields, percentage, document),
            },
            reader: reader(fields, document),
            batcher: batcher(fields, document),
            writer: writer(fields, document),
        }
    }
}

fn label(fields: &mut Fields<'_>, document: &mut Document) -> Option<String> {
    let node = fields.optional("Label")?;
    let label = node.string(&mut document.problems)?;
    let count = label.chars().count();
    let is_refused = |next: char| LABEL_REFUSED.contains(&next) || next.is_control();
    if !(1..=LABEL_CHARACTERS_MAX).contains(&count) || label.contains(is_refused) {
        let label = fields::bounded(label);
        let message = format!(
            "`{label}` cannot be a label, use 1 to {LABEL_CHARACTERS_MAX} characters without spaces and punctuation"
        );
        let problem = diagnostic::problem(&node.pointer, message, code::INVALID_LABEL_NAME, "");
        document.problems.extend([problem]);
    } else if let Some(first) = document.labels.get(label) {
        let message = format!("label `{label}` is already used at `{first}`");
        let code = code::DUPLICATE_LABEL_NAME;
        document
            .problems
            .extend([diagnostic::problem(&node.pointer, message, code, "")]);
    } else {
        document
            .labels
            .insert(label.to_owned(), node.pointer.clone());
    }
    Some(label.to_owned())
}

fn reader(fields: &mut Fields<'_>, document: &mut Document) -> Option<Reader> {
    let node = fields.optional("ItemReader")?;
    let mut fields = node.object(&mut document.problems)?;
    let resource = fields.required("Resource", &mut document.problems);
    let resource = resource.and_then(|node| node.string(&mut document.problems));
    let arguments = arguments(&mut fields, "ItemReader", document);
    let (mut config, mut max_items) = (None, None);
    if let Some(node) = fields.optional("ReaderConfig")
        && let Some(mut inner) = node.object(&mut document.problems)
    {
        let names = ["MaxItems", "MaxItemsPath"];
        max_items = Quantity::read(&mut inner, names, 0..=ITEMS_MAX, document);
        config = template(&node, "ItemReader/ReaderConfig", document);
    }
    fields.finish(&mut document.problems);
    Some(Reader {
        resource: resource?.to_owned(),
        arguments,
        config,
        max_items,
    })
}

fn batcher(fields: &mut Fields<'_>, document: &mut Document) -> Option<Batcher> {
    let node = fields.optional("ItemBatcher")?;
    let mut fields = node.object(&mut document.problems)?;
    let items = ["MaxItemsPerBatch", "MaxItemsPerBatchPath"];
    let bytes = ["MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"];
    let items_max = Quantity::read(&mut fields, items, 1..=ITEMS_MAX, document);
    let bytes_max = Quantity::read(&mut fields, bytes, 1..=BATCH_BYTES_MAX, document);
    let input = fields.optional("BatchInput");
    let input = input.and_then(|node| template(&node, "ItemBatcher/BatchInput", document));
    if items_max.is_none() && bytes_max.is_none() {
        let message = "expected `MaxItemsPerBatch`, `MaxInputBytesPerBatch` or both";
        node.problem(message, &mut document.problems);
    }
    fields.finish(&mut document.problems);
    Some(Batcher {
        items_max,
        bytes_max,
        input,
    })
}

fn writer(fields: &mut Fields<'_>, document: &mut Document) -> Option<Writer> {
    let node = fields.optional("ResultWriter")?;
    let mut fields = node.object(&mut document.problems)?;
    let resource = fields.optional("Resource");
    let resource = resource.and_then(|node| node.string(&mut document.problems));
    let arguments = arguments(&mut fields, "ResultWriter", document);
    let config = fields.optional("WriterConfig");
    let config = config.and_then(|node| template(&node, "ResultWriter/WriterConfig", document));
    fields.finish(&mut document.problems);
    Some(Writer {
        resource: resource.map(str::to_owned),
        arguments,
        config,
    })
}

fn arguments(fields: &mut Fields<'_>, around: &str, document: &mut Document) -> Option<Template> {
    let name = match document.language {
        Language::JsonPath => "Parameters",
        Language::Jsonata => "Arguments",
    };
    let node = fields.optional(name)?;
    template(&node, &format!("{around}/{name}"), document)
}

fn template(node: &document::Node<'_>, field: &str, document: &mut Document) -> Option<Template> {
    match document.language {
        Language::JsonPath => flow::template(node, document),
        Language::Jsonata => flow::jsonata(node, field, document),
    }
}
