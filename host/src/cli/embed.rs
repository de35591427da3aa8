//! Manifests inside components: the custom section `sluice:manifest`.
//!
//! Owns just enough of the binary format to find and append a custom section of a component.

use auth::authority::imports_within;
use auth::manifest::Manifest;
use document::Problem;
use ports::Inspection;
use serde_json::Value;

use super::CliError;

const SECTION: &str = "sluice:manifest";
/// `\0asm`, version 13, layer 1: a component, not a core module.
const COMPONENT_PREAMBLE: [u8; 8] = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];
const CUSTOM_SECTION: u8 = 0;

/// The component with the manifest appended.
///
/// # Errors
/// The manifest has problems, the bytes are not a component, or it has a manifest already.
pub(super) fn embed(wasm: &[u8], manifest: &str) -> Result<Vec<u8>, CliError> {
    Manifest::parse(manifest).map_err(|problems| {
        CliError::Usage(format!(
            "the manifest is not valid:\n  {}",
            lines(&problems).join("\n  ")
        ))
    })?;
    let Some(sections) = wasm.strip_prefix(&COMPONENT_PREAMBLE) else {
        let message = "the file is not a WebAssembly component, make one of a core module with `wasm-tools component new`";
        return Err(CliError::Usage(message.to_owned()));
    };
    match has_manifest(sections) {
        Some(false) => {}
        Some(true) => {
            let message =
                "the component has a manifest already, embed into the one your compiler wrote";
            return Err(CliError::Usage(message.to_owned()));
        }
        None => {
            return Err(CliError::Usage(
                "the component is cut off or damaged".to_owned(),
            ));
        }
    }
    let name = SECTION.as_bytes();
    let mut content = length(name.len());
    content.extend_from_slice(name);
    content.extend_from_slice(manifest.as_bytes());
    let mut embedded = wasm.to_vec();
    embedded.push(CUSTOM_SECTION);
    embedded.extend(length(content.len()));
    embedded.extend(content);
    Ok(embedded)
}

/// What an inspected component needs, and everything for which a host would refuse it.
pub(super) fn needs(inspection: &Inspection) -> (Value, Vec<String>) {
    let manifest = match &inspection.manifest {
        Some(text) => Manifest::parse(text),
        None => Ok(Manifest::none()),
    };
    match manifest {
        Ok(manifest) => {
            let problems = imports_within(&inspection.imports, &manifest);
            (manifest.to_json(), lines(&problems))
        }
        Err(problems) => (Value::Null, lines(&problems)),
    }
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Whether one of the outermost sections is a manifest; `None` if they cannot be walked.
fn has_manifest(mut sections: &[u8]) -> Option<bool> {
    while let Some((id, rest)) = sections.split_first() {
        let (size, rest) = read_length(rest)?;
        let (content, rest) = rest.split_at_checked(size)?;
        if *id == CUSTOM_SECTION {
            let (size, content) = read_length(content)?;
            if content.get(..size)? == SECTION.as_bytes() {
                return Some(true);
            }
        }
        sections = rest;
    }
    Some(false)
}

/// An unsigned LEB128 of 32 bits.
fn length(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits fit a byte");
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn read_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value: u64 = 0;
    for index in 0..5 {
        let byte = *bytes.get(index)?;
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).ok()?;
            return Some((usize::try_from(value).ok()?, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "name = \"hello\"\n";

    fn refused(wasm: &[u8], manifest: &str, expected: &str) {
        let error = embed(wasm, manifest).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_manifest_is_embedded_once() {
        let embedded = embed(&COMPONENT_PREAMBLE, MANIFEST).unwrap();
        assert!(embedded.ends_with(MANIFEST.as_bytes()));
        assert_eq!(has_manifest(&embedded[8..]), Some(true));
        refused(&embedded, MANIFEST, "a manifest already");
    }

    #[test]
    fn what_is_not_a_component_is_refused() {
        refused(b"", MANIFEST, "not a WebAssembly component");
        refused(b"\0asm\x01\0\0\0", MANIFEST, "not a WebAssembly component");
        let mut cut = COMPONENT_PREAMBLE.to_vec();
        cut.extend([0, 200, 1]);
        refused(&cut, MANIFEST, "cut off or damaged");
        refused(&COMPONENT_PREAMBLE, "nonsense = 1", "not valid");
    }

    #[test]
    fn lengths_read_back_as_written() {
        for value in [0, 1, 127, 128, 300, 16_384, 4_000_000_000] {
            assert_eq!(read_length(&length(value)), Some((value, &[][..])));
        }
        assert_eq!(read_length(&[0xff; 9]), None);
    }
}
