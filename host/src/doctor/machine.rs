//! What the machine gives the host: descriptors, volumes, a sandbox.

use std::path::Path;

use super::{Finding, disk};
use crate::assemble;
use crate::config::Config;
use crate::machine;

const DESCRIPTORS: &str = "file descriptors";
const VOLUMES: &str = "volumes";
const SANDBOX: &str = "sandbox";
/// What a host needs besides its connections and attempts.
const DESCRIPTORS_OWN: usize = 256;

pub(super) fn descriptors(config: &Config) -> Finding {
    match machine::descriptors_max() {
        Some(most) => judge(most, wanted(config)),
        None => Finding::ok(DESCRIPTORS, "this system sets no limit, or does not tell"),
    }
}

/// A connection has one; an attempt may have one to a server and some to files.
fn wanted(config: &Config) -> u64 {
    let attempts = config.limits.attempts_running_max.saturating_mul(4);
    let wanted = config.server.connections_max.saturating_add(attempts);
    u64::try_from(wanted.saturating_add(DESCRIPTORS_OWN)).unwrap_or(u64::MAX)
}

fn judge(most: u64, wanted: u64) -> Finding {
    let found = format!("{most} may be open, {wanted} are wanted");
    match most < wanted {
        true => Finding::warn(
            DESCRIPTORS,
            found,
            "raise the limit (`ulimit -n`, `LimitNOFILE=`), or lower `server.connections_max`",
        ),
        false => Finding::ok(DESCRIPTORS, found),
    }
}

pub(super) fn volumes(config: &Config) -> Vec<Finding> {
    let volumes = config.volumes.iter();
    volumes
        .map(|(name, path)| volume(name.as_str(), path))
        .collect()
}

fn volume(name: &str, path: &Path) -> Finding {
    if let Err(error) = std::fs::read_dir(path) {
        let found = format!("`{name}` cannot be read: {error}");
        return Finding::fail(VOLUMES, found, "let the host's account read the folder");
    }
    let scratch = disk::scratch(path);
    let written = std::fs::File::create_new(&scratch);
    let removed = written.and_then(|_| std::fs::remove_file(&scratch));
    Finding::ok(
        VOLUMES,
        match removed {
            Ok(()) => format!("`{name}` can be read and written"),
            Err(_) => format!("`{name}` can be read, not written: `read-write` will fail"),
        },
    )
}

pub(super) async fn sandbox(config: &Config) -> Finding {
    let attempts = config.limits.attempts_running_max;
    match assemble::try_sandbox(config).await {
        Ok(took) => Finding::ok(
            SANDBOX,
            format!("room for {attempts} attempts is reserved, a component answered in {took:.1?}"),
        ),
        Err(error) => Finding::fail(
            SANDBOX,
            error.to_string(),
            "lower `limits.attempts_running_max`, or raise the limit on virtual memory \
             (`ulimit -v`, `vm.max_map_count`)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn too_few_descriptors_are_told() {
        assert_eq!(judge(1024, 1536).verdict, Verdict::Warn);
        assert_eq!(judge(65_536, 1536).verdict, Verdict::Ok);
    }

    #[test]
    fn a_volume_that_is_gone_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(volume("invoices", folder.path()).verdict, Verdict::Ok);
        let absent = folder.path().join("absent");
        assert_eq!(volume("invoices", &absent).verdict, Verdict::Fail);
    }
}
