//! Revisions of state machines that nothing refers to any more.
//!
//! Owns when one may go: it is not the last of its name, no version is of it, no stored execution
//! runs or ran it, and nobody on this host holds it, so that nobody can start an execution of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use auth::authority::AuthorityVersion;
use ports::{Commit, CommitError, Key, Upkeep};
use serde_json::json;
use tokio::time::Instant;

use super::BATCH;
use crate::Error;
use crate::authority::Authority;
use crate::shared::Shared;

/// How often revisions are looked at, in milliseconds.
pub(super) const REVISIONS_EVERY_MS: i64 = 86_400_000;
/// What the audit log calls it.
const PRUNE_REVISIONS: &str = "PruneRevisions";
/// Executions that are looked at per call.
const PAGE: usize = 256;

impl Authority {
    /// Revisions that no new execution can be of, and that nobody holds but this authority.
    fn superseded(&self) -> BTreeSet<Key> {
        let mut superseded = BTreeSet::new();
        for (name, revisions) in &self.machines {
            let registration = self.registrations.get(name);
            let is_gone = registration.is_some_and(|registration| {
                let deletion = registration.deletion.as_ref();
                deletion.is_some_and(|deletion| deletion.is_done)
            });
            let earlier = revisions
                .split_last()
                .map_or(&[][..], |(_, earlier)| earlier);
            // What is not registered is as old as its first revision.
            let skipped = usize::from(registration.is_none());
            for machine in earlier.iter().skip(skipped) {
                let version = registration.and_then(|known| known.version_of(machine.revision));
                let is_named = version.is_some() && !is_gone;
                // INVARIANT: whoever decided to start one while it was the last holds it, or the
                // authority of then, which holds it too. Later only a version leads to it, or an
                // execution that is stored.
                let is_held = Arc::strong_count(machine) > 1;
                if !is_named && !is_held {
                    superseded.insert(machine.key());
                }
            }
        }
        superseded
    }

    /// The same without these revisions; nothing else is decided by it, so its version stays.
    fn without(&self, revisions: &[Key]) -> Self {
        let mut authority = self.clone();
        for known in authority.machines.values_mut() {
            known.retain(|machine| !revisions.contains(&machine.key()));
        }
        authority
    }
}

impl Shared {
    /// Takes away the revisions that no execution refers to.
    pub(super) async fn prune_revisions(&self) -> Result<(), Error> {
        // Those started before were stored before, as nobody holds these revisions any more.
        let mut unused = self.authority().superseded();
        let mut after = None;
        while !unused.is_empty() {
            let begun = Instant::now();
            let retention = &self.ports.retention;
            let page = retention.revisions_used(after, PAGE).await?;
            let Some((last, _)) = page.last() else {
                break;
            };
            after = Some(last.clone());
            for (_, used) in &page {
                unused.remove(used);
            }
            self.rest(begun).await;
        }
        let unused: Vec<_> = unused.into_iter().collect();
        for revisions in unused.chunks(BATCH) {
            let begun = Instant::now();
            self.take_away(revisions).await?;
            self.rest(begun).await;
        }
        Ok(())
    }

    async fn take_away(&self, revisions: &[Key]) -> Result<(), Error> {
        let _lane = self.change().await;
        let authority = self.authority();
        let superseded = authority.superseded();
        let gone = revisions.iter().filter(|key| superseded.contains(*key));
        let gone: Vec<_> = gone.cloned().collect();
        if gone.is_empty() {
            return Ok(());
        }
        self.commit_revisions(authority.version, &gone).await?;
        self.put_in_force(authority.without(&gone));
        tracing::info!(
            revisions = gone.len(),
            "revisions of state machines are pruned"
        );
        Ok(())
    }

    async fn commit_revisions(
        &self,
        version: AuthorityVersion,
        revisions: &[Key],
    ) -> Result<(), Error> {
        let told = revisions
            .iter()
            .map(|key| json!({"stateMachine": key.name, "revision": key.revision}));
        let outcome = json!({"revisions": told.collect::<Vec<_>>()});
        let now = self.ports.clock.now();
        let request = json!({"rule": "unreferenced"});
        let commit = Commit {
            decided_under: Some(version),
            upkeep: Upkeep {
                revisions: revisions.to_vec(),
                ..Upkeep::default()
            },
            audit: vec![self.retention_record(PRUNE_REVISIONS, now, request, outcome)],
            ..Commit::default()
        };
        match self.commit(commit).await {
            Ok(_) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(error) => Err(Error::host(error)),
        }
    }
}
