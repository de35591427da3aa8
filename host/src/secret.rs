//! Text that must not be seen.

/// A token or another secret: has no `Debug`, `Display` or `Serialize`.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    /// Takes a text out of sight.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that has to send or store it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}
