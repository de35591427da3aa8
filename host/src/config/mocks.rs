//! `--mock-config`: answers for Tasks, in the service's format, on a laptop only.

use std::path::Path;

use document::{Problem, parse_json};
use engine::Mocks;

/// A mock configuration larger than this is refused.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Reads the file; its problems name it.
pub(super) fn read(path: &Path) -> Result<Mocks, Vec<Problem>> {
    let shown = path.display();
    let problem = |error: &dyn std::fmt::Display| {
        let message = format!("the mock configuration `{shown}` cannot be read: {error}");
        vec![Problem::new("", message)]
    };
    let metadata = std::fs::metadata(path).map_err(|error| problem(&error))?;
    if metadata.len() > FILE_BYTES_MAX {
        let message = format!("it is larger than {FILE_BYTES_MAX} bytes");
        return Err(problem(&message));
    }
    let text = std::fs::read(path).map_err(|error| problem(&error))?;
    let named = |mut problem: Problem| {
        problem.message = format!("in `{shown}`: {}", problem.message);
        problem
    };
    let document = parse_json(&text).map_err(|problem| vec![named(problem)])?;
    Mocks::parse(&document).map_err(|problems| problems.into_iter().map(named).collect())
}
