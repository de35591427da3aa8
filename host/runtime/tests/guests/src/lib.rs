//! How every guest here is told what to do: a JSON string on stdin, words between spaces.

use std::io::Read as _;

/// The words on stdin.
pub fn words() -> Vec<String> {
    let mut input = String::new();
    std::io::stdin()
        .read_to_string(&mut input)
        .expect("stdin is UTF-8");
    let input = input.trim().trim_matches('"');
    input.split(' ').map(str::to_owned).collect()
}

/// Writes `text` to stdout as a JSON string.
pub fn answer(text: &str) {
    print!("{text:?}");
}
