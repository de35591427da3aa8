//! Files named on the command line.

use std::path::Path;

use serde_json::Value;

use super::CliError;

const DOCUMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A whole file.
pub(super) fn bytes(path: &Path, bytes_max: u64) -> Result<Vec<u8>, CliError> {
    let shown = path.display();
    let unreadable = |error| CliError::Usage(format!("`{shown}` cannot be read: {error}"));
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.len() > bytes_max {
        return Err(CliError::Usage(format!(
            "`{shown}` is larger than {bytes_max} bytes"
        )));
    }
    std::fs::read(path).map_err(unreadable)
}

/// A whole text file.
pub(super) fn text(path: &Path, bytes_max: u64) -> Result<String, CliError> {
    let not_text = |_| CliError::Usage(format!("`{}` is not UTF-8 text", path.display()));
    String::from_utf8(bytes(path, bytes_max)?).map_err(not_text)
}

/// A document of TOML (`*.toml`) or JSON.
pub(super) fn toml_or_json(path: &Path) -> Result<Value, CliError> {
    let text = text(path, DOCUMENT_BYTES_MAX)?;
    let parsed = match has_extension(path, &["toml"]) {
        true => document::parse_toml(&text),
        false => document::parse_json(text.as_bytes()),
    };
    parsed.map_err(|problem| CliError::Usage(format!("`{}`: {problem}", path.display())))
}

/// A state machine's bytes, and the content type that its name promises.
pub(super) fn definition(path: &Path) -> Result<(Vec<u8>, &'static str), CliError> {
    let content_type = match has_extension(path, &["yaml", "yml"]) {
        true => "application/yaml",
        false => "application/json",
    };
    Ok((bytes(path, DOCUMENT_BYTES_MAX)?, content_type))
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|found| {
        extensions
            .iter()
            .any(|known| found.eq_ignore_ascii_case(known))
    })
}
