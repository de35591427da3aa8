//! What the demo prints: sections and short lines.

use std::io::Write as _;

use anyhow::{Result, bail};

/// How many characters of an event are shown.
const WIDTH_MAX: usize = 160;

/// Begins a section.
pub(crate) fn section(title: &str) {
    write(&format!("\n== {title}\n"));
}

/// Prints text, each of its lines indented.
pub(crate) fn line(text: &str) {
    for line in text.lines() {
        write(&format!("   {line}\n"));
    }
}

/// Prints that something is as expected, or ends the demo.
///
/// # Errors
/// It is not.
pub(crate) fn expect(what: &str, holds: bool) -> Result<()> {
    if !holds {
        bail!("expected: {what}");
    }
    write(&format!(" ✓ {what}\n"));
    Ok(())
}

/// A text that fits into a line, cut off if need be.
pub(crate) fn shortened(text: &str) -> String {
    if text.chars().count() <= WIDTH_MAX {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(WIDTH_MAX - 1).collect();
    short.push('…');
    short
}

/// A reader that closed the pipe is no reason to stop.
fn write(text: &str) {
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(text.as_bytes());
    let _ = output.flush();
}
