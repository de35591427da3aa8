//! How large and how deep a policy may be: Cedar's parser follows brackets by recursion.

const FILE_BYTES_MAX: usize = 1024 * 1024;
const POLICY_BYTES_MAX: usize = 16 * 1024;
const DEPTH_MAX: usize = 32;

/// Looks at a file's brackets, strings and comments only.
///
/// # Errors
/// The byte at which a bound is passed, and what to do about it.
pub(super) fn check(text: &str) -> Result<(), (usize, &'static str)> {
    if text.len() > FILE_BYTES_MAX {
        return Err((0, "the file is larger than 1 MiB, split it"));
    }
    let bytes = text.as_bytes();
    let (mut at, mut begin, mut depth) = (0, 0, 0usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at).ok_or((at, "the string is not closed"))?,
            b'/' if bytes.get(at + 1) == Some(&b'/') => at = line_end(bytes, at),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b';' => (begin, depth) = (at, 0),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err((at, "brackets are nested deeper than 32, split the policy"));
        }
        if at - begin > POLICY_BYTES_MAX {
            return Err((begin, "the policy is longer than 16 KiB, split it"));
        }
        at += 1;
    }
    Ok(())
}

fn string_end(bytes: &[u8], quote: usize) -> Option<usize> {
    let mut at = quote + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn line_end(bytes: &[u8], slashes: usize) -> usize {
    let rest = bytes.get(slashes..).unwrap_or_default();
    let length = rest.iter().position(|byte| *byte == b'\n');
    slashes + length.unwrap_or(rest.len())
}
