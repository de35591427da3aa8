//! What a binary imports against what its manifest needs.
//!
//! Owns the list of interfaces that this host can link. A capability that comes later adds its
//! interfaces here.

use document::{Problem, Problems};
use semver::Version;

use crate::capability::Capabilities;
use crate::manifest::Manifest;
use crate::names::quoted;

/// What a manifest must ask for before an interface is linked.
#[derive(Clone, Copy, Debug)]
enum Grant {
    /// Nothing: the interface gives no power by itself.
    Powerless,
    Http,
    Config,
}

/// Every import must be powerless or asked for; one problem for each that is neither, at its
/// place in `imports` (`/imports/0`).
pub fn imports_within(imports: &[String], manifest: &Manifest) -> Vec<Problem> {
    let mut problems = Problems::default();
    for (index, import) in imports.iter().enumerate() {
        if let Err(message) = check(import, manifest.needs()) {
            problems.push(format!("/imports/{index}"), message);
        }
    }
    problems.into_vec()
}

fn check(import: &str, needs: &Capabilities) -> Result<(), String> {
    let shown = quoted(import);
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    let Some(grant) = grant(name) else {
        return Err(format!(
            "no grant exists for {shown}, build the component without it"
        ));
    };
    if !is_version(name, version) {
        let wanted = if name.starts_with("sluice:") {
            "0.1.x"
        } else {
            "0.2.x"
        };
        return Err(format!(
            "{shown} has a version this host does not link, build against {wanted}"
        ));
    }
    let missing = match grant {
        Grant::Powerless => None,
        Grant::Http => needs
            .http
            .is_empty()
            .then_some("an `[[http]]` entry with origins, methods, paths and reason"),
        Grant::Config => needs
            .config
            .is_empty()
            .then_some("a `[config]` table with the keys it reads"),
    };
    match missing {
        None => Ok(()),
        Some(entry) => Err(format!(
            "{shown} is imported but the manifest does not ask for it, add {entry} or build the component without it"
        )),
    }
}

fn grant(name: &str) -> Option<Grant> {
    let (package, interface) = name.split_once('/')?;
    match (package, interface) {
        ("sluice:step", "types")
        | ("wasi:cli", "environment" | "exit" | "stdin" | "stdout" | "stderr")
        | (
            "wasi:cli",
            "terminal-input" | "terminal-output" | "terminal-stdin" | "terminal-stdout"
            | "terminal-stderr",
        )
        | ("wasi:io", "error" | "poll" | "streams")
        | ("wasi:clocks", "monotonic-clock" | "wall-clock")
        | ("wasi:random", "random" | "insecure" | "insecure-seed")
        | ("wasi:filesystem", "types" | "preopens") => Some(Grant::Powerless),
        ("wasi:http", "types" | "outgoing-handler") => Some(Grant::Http),
        ("wasi:config", "store") => Some(Grant::Config),
        _ => None,
    }
}

/// WASI is linked at 0.2, our own package at 0.1; `wasi:config` has no final 0.2 yet.
fn is_version(name: &str, version: &str) -> bool {
    let Ok(version) = Version::parse(version) else {
        return false;
    };
    let minor = if name.starts_with("sluice:") { 1 } else { 2 };
    let is_final = version.pre.is_empty() && version.build.is_empty();
    let is_draft = name == "wasi:config/store" && version.to_string() == "0.2.0-rc.1";
    version.major == 0 && version.minor == minor && (is_final || is_draft)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(imports: &[&str], manifest: &str) -> Vec<Problem> {
        let imports: Vec<_> = imports.iter().map(|import| (*import).to_owned()).collect();
        imports_within(&imports, &Manifest::parse(manifest).unwrap())
    }

    const HTTP: &str =
        "[[http]]\norigins = ['https://a']\nmethods = ['GET']\npaths = ['/']\nreason = 'x'\n";

    #[test]
    fn the_powerless_parts_need_no_manifest() {
        let imports = [
            "sluice:step/types@0.1.0",
            "wasi:cli/environment@0.2.0",
            "wasi:cli/terminal-stdout@0.2.6",
            "wasi:io/streams@0.2.12",
            "wasi:clocks/wall-clock@0.2.3",
            "wasi:random/insecure-seed@0.2.6",
            "wasi:filesystem/preopens@0.2.6",
        ];
        assert_eq!(problems(&imports, ""), []);
    }

    #[test]
    fn http_and_config_must_be_asked_for() {
        let imports = [
            "wasi:http/outgoing-handler@0.2.6",
            "wasi:config/store@0.2.0-rc.1",
        ];
        let found = problems(&imports, "");
        assert_eq!(found[0].pointer, "/imports/0");
        assert!(found[0].message.contains("[[http]]"), "{}", found[0]);
        assert!(found[1].message.contains("[config]"), "{}", found[1]);
        assert_eq!(
            problems(&imports, &format!("{HTTP}[config]\nregion = 'which'")),
            []
        );
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        let imports = [
            "wasi:sockets/tcp@0.2.6",
            "wasi:http/incoming-handler@0.2.6",
            "wasi:cli/run@0.2.6",
            "wasi:keyvalue/store@0.2.0",
            "sluice:step/other@0.1.0",
            "acme:thing/api",
            "env",
            "",
            "a\n`b",
        ];
        let found = problems(&imports, HTTP);
        assert_eq!(found.len(), imports.len());
        assert!(
            found
                .iter()
                .all(|problem| problem.message.starts_with("no grant exists for `"))
        );
        assert!(found.iter().all(|problem| !problem.message.contains('\n')));
    }

    #[test]
    fn other_versions_are_refused() {
        for import in [
            "wasi:io/streams@0.3.0",
            "wasi:io/streams@0.2.0-rc-2023-11-10",
            "wasi:io/streams@1.2.0",
            "wasi:io/streams",
            "wasi:io/streams@",
            "wasi:io/streams@0.2",
            "wasi:io/streams@0.2.0@0.2.0",
            "sluice:step/types@0.2.0",
        ] {
            assert_eq!(problems(&[import], "").len(), 1, "{import}");
        }
    }
}
