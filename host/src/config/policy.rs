//! `[policy]`: the Cedar files that decide every call.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use auth::policy::{Policies, PolicyFile};
use document::{Node, Problems};

use super::{Mode, Surroundings};

const FILE_BYTES_MAX: u64 = 1024 * 1024;
const FILES_MAX: usize = 1000;

/// The policies in force.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// What the files say; nothing at all under `sluice serve` without files.
    pub(crate) policies: Arc<Policies>,
    /// Whether any file was named.
    pub(crate) is_configured: bool,
}

impl Policy {
    pub(super) fn read(
        section: Option<Node<'_>>,
        surroundings: &Surroundings<'_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut patterns = Vec::new();
        if let Some(section) = section {
            let mut fields = section.object(problems)?;
            if let Some(node) = fields.optional("files") {
                patterns = node.array(problems)?;
            }
            fields.finish(problems);
        }
        if patterns.is_empty() {
            let policies = match surroundings.mode {
                Mode::Serve => Policies::none(),
                Mode::Development => Policies::development(),
            };
            return Some(Self {
                policies: Arc::new(policies),
                is_configured: false,
            });
        }
        let files = load(&patterns, surroundings.base, problems)?;
        match Policies::parse(&files) {
            Ok(policies) => Some(Self {
                policies: Arc::new(policies),
                is_configured: true,
            }),
            Err(found) => {
                let found = found.into_iter();
                problems.extend(found.map(|problem| problem.under("/policy/files")));
                None
            }
        }
    }
}

/// Every file that the patterns name, in order, or problems.
fn load(patterns: &[Node<'_>], base: &Path, problems: &mut Problems) -> Option<Vec<PolicyFile>> {
    let mut files: Vec<PolicyFile> = Vec::new();
    let mut is_complete = true;
    for node in patterns {
        let loaded = match node.string(problems) {
            Some(pattern) => expand(base, pattern).and_then(|paths| read_all(&paths, base)),
            None => {
                is_complete = false;
                continue;
            }
        };
        match loaded {
            Ok(loaded) => {
                let is_new = |file: &PolicyFile| files.iter().all(|known| known.name != file.name);
                let new: Vec<_> = loaded.into_iter().filter(is_new).collect();
                files.extend(new);
            }
            Err(message) => {
                node.problem(message, problems);
                is_complete = false;
            }
        }
    }
    is_complete.then_some(files)
}

/// The files a pattern names, sorted; `*` may stand in the last part only.
fn expand(base: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let path = base.join(pattern);
    if !pattern.contains('*') {
        return Ok(vec![path]);
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str()))
    else {
        return Err(format!("`{}` names no files", pattern.escape_debug()));
    };
    if folder.to_string_lossy().contains('*') {
        return Err("`*` may stand in the file name only".to_owned());
    }
    let unreadable = |error| format!("the folder `{}` cannot be read: {error}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_match = path
            .file_name()
            .and_then(|n| n.to_str())
            .is_some_and(|n| matches(name, n));
        if is_match && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    match found.len() {
        0 => Err(format!("no file matches `{}`", pattern.escape_debug())),
        count if count > FILES_MAX => Err(format!("more than {FILES_MAX} files match")),
        _ => Ok(found),
    }
}

fn read_all(paths: &[PathBuf], base: &Path) -> Result<Vec<PolicyFile>, String> {
    let read = |path: &PathBuf| {
        let unreadable = |error: std::io::Error| {
            format!("the file `{}` cannot be read: {error}", path.display())
        };
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if metadata.len() > FILE_BYTES_MAX {
            return Err(format!(
                "the file `{}` is larger than {FILE_BYTES_MAX} bytes",
                path.display()
            ));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let name = path.strip_prefix(base).unwrap_or(path);
        Ok(PolicyFile {
            name: name.to_string_lossy().replace('\\', "/"),
            text,
        })
    };
    paths.iter().map(read).collect()
}

/// Whether `name` fits `pattern`, where `*` stands for any number of characters.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut remaining) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<_> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = remaining.find(part) else {
            return false;
        };
        remaining = remaining.get(at + part.len()..).unwrap_or_default();
    }
    remaining.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters_of_a_file_name() {
        assert!(matches("*.cedar", "a.cedar"));
        assert!(matches("a*b*c", "a-b-b-c"));
        assert!(matches("a", "a"));
        assert!(!matches("*.cedar", "a.cedar.bak"));
        assert!(!matches("a*b*c", "a-c-b"));
        assert!(!matches("ab*ba", "aba"));
    }

    #[test]
    fn a_pattern_that_names_nothing_is_a_problem() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            expand(folder.path(), "*.cedar")
                .unwrap_err()
                .contains("no file matches")
        );
        assert!(
            expand(folder.path(), "*/a.cedar")
                .unwrap_err()
                .contains("file name only")
        );
        std::fs::write(folder.path().join("b.cedar"), "").unwrap();
        std::fs::write(folder.path().join("a.cedar"), "").unwrap();
        let found = expand(folder.path(), "*.cedar").unwrap();
        let files = read_all(&found, folder.path()).unwrap();
        let names: Vec<_> = files.into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["a.cedar", "b.cedar"]);
    }
}
