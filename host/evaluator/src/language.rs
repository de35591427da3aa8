//! The names of the functions that come with the language.

/// The functions of JSONata 2.0.6 that the service offers as they are, sorted.
const STANDARD: &[&str] = &[
    "abs",
    "append",
    "assert",
    "average",
    "base64decode",
    "base64encode",
    "boolean",
    "ceil",
    "clone",
    "contains",
    "count",
    "decodeUrl",
    "decodeUrlComponent",
    "distinct",
    "each",
    "encodeUrl",
    "encodeUrlComponent",
    "error",
    "exists",
    "filter",
    "floor",
    "formatBase",
    "formatInteger",
    "formatNumber",
    "fromMillis",
    "join",
    "keys",
    "length",
    "lookup",
    "lowercase",
    "map",
    "match",
    "max",
    "merge",
    "millis",
    "min",
    "not",
    "now",
    "number",
    "pad",
    "parseInteger",
    "power",
    "random",
    "reduce",
    "replace",
    "reverse",
    "round",
    "shuffle",
    "sift",
    "single",
    "sort",
    "split",
    "spread",
    "sqrt",
    "string",
    "substring",
    "substringAfter",
    "substringBefore",
    "sum",
    "toMillis",
    "trim",
    "type",
    "uppercase",
    "zip",
];

/// The one function of the language that the service does not offer.
pub(crate) const REFUSED: &str = "eval";

/// A function that this evaluator implements itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Own {
    Distinct,
    EncodeUrl,
    EncodeUrlComponent,
    Hash,
    Now,
    Parse,
    Partition,
    Random,
    Range,
    Shuffle,
    Uuid,
}

impl Own {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "distinct" => Self::Distinct,
            "encodeUrl" => Self::EncodeUrl,
            "encodeUrlComponent" => Self::EncodeUrlComponent,
            "hash" => Self::Hash,
            "now" => Self::Now,
            "parse" => Self::Parse,
            "partition" => Self::Partition,
            "random" => Self::Random,
            "range" => Self::Range,
            "shuffle" => Self::Shuffle,
            "uuid" => Self::Uuid,
            _ => return None,
        })
    }
}

/// Whether an unbound name is a function that every expression may call.
pub(crate) fn has_function(name: &str) -> bool {
    STANDARD.binary_search(&name).is_ok() || Own::named(name).is_some()
}
