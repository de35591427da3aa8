//! Payload templates: `Parameters`, `ResultSelector`, `ItemSelector`.

/// A JSON value in which members named `*.$` are filled from paths.
#[derive(Clone, Debug, PartialEq)]
pub struct Template;
