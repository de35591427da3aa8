//! JSONPath: where in a document.

/// A JSONPath expression over the state's data or the context object (`$$`).
#[derive(Clone, Debug, PartialEq)]
pub struct Path;

/// A path that names exactly one place and can be written to.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferencePath;
