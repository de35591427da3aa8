//! Admitting what a commit takes away.

use std::collections::BTreeSet;

use auth::names::Digest;
use ports::{Ended, Head, StoreError};
use sled::IVec;

use super::Ledger;
use crate::entries::Entries;
use crate::envelope::Entry;
use crate::key;
use crate::prepare::mark;
use crate::removal::{self, Removals};
use crate::staged::{Overlay, Staged};

/// What may be taken away, entry by entry.
#[derive(Default)]
pub(super) struct CheckedUpkeep {
    removed: Vec<IVec>,
    added: Vec<Entry>,
    /// Executions that nobody finds any more.
    expired: Vec<Ended>,
    anchor: Option<Head>,
}

impl Ledger {
    /// What of `removals` is still there.
    pub(super) fn check_upkeep(
        &self,
        view: &Overlay<'_, impl Entries>,
        removals: Removals,
    ) -> Result<CheckedUpkeep, StoreError> {
        let mut checked = CheckedUpkeep::default();
        let mut owners = BTreeSet::new();
        for removal in removals.executions {
            let leftover = mark(key::leftover(&removal.ended));
            let was_left = view.entry(&leftover.key)?.is_some();
            match removal.unlinked.first() {
                Some(ended) if view.entry(ended)?.is_some() => {
                    checked.expired.push(removal.ended.clone());
                    checked.removed.extend(removal.unlinked);
                    if removal.is_partial {
                        checked.added.push(leftover);
                    }
                }
                None if was_left && removal.is_partial => {}
                None if was_left => checked.removed.push(leftover.key),
                // Somebody else was faster.
                Some(_) | None => continue,
            }
            checked.removed.extend(removal.entries);
            for (digest, payload) in removal.shared {
                let owner = mark(key::owner(&digest, &removal.ended.id));
                if view.entry(&owner.key)?.is_some() {
                    owners.insert(owner.key.clone());
                    checked.removed.push(owner.key);
                    if is_last(view, &digest, &owners)? {
                        checked.removed.extend(match payload.is_empty() {
                            true => removal::payload(view, &digest)?,
                            false => payload,
                        });
                    }
                }
            }
        }
        for (from, to) in removals.postponed {
            if view.entry(&from.key)?.is_some() && from.key != to.key {
                checked.removed.push(from.key);
                checked.added.push(to);
            }
        }
        for document in removals.documents {
            if let Some(key) = document.first()
                && view.entry(key)?.is_some()
            {
                checked.removed.extend(document);
            }
        }
        if let Some(pruned) = removals.pruned
            && pruned.anchor.length > self.state.anchor.length
        {
            checked.removed.extend(pruned.blocks);
            checked.anchor = Some(pruned.anchor);
        }
        Ok(checked)
    }

    pub(super) fn stage_upkeep(&mut self, staged: &mut Staged, checked: CheckedUpkeep) {
        checked
            .removed
            .into_iter()
            .for_each(|key| staged.remove(key));
        checked
            .added
            .into_iter()
            .for_each(|entry| staged.put(entry));
        for ended in checked.expired {
            self.state.ended = self.state.ended.saturating_sub(1);
            self.standings.forget(&ended.id);
        }
        if let Some(anchor) = checked.anchor {
            self.state.anchor = anchor;
        }
    }
}

/// Whether nobody has the payload but `owners`.
fn is_last(
    view: &Overlay<'_, impl Entries>,
    digest: &Digest,
    owners: &BTreeSet<IVec>,
) -> Result<bool, StoreError> {
    let range = key::owners(digest);
    let known = owners.iter().filter(|key| key.starts_with(&range.start));
    let found = view.merged(range.clone(), known.count().saturating_add(1))?;
    Ok(found.iter().all(|key| owners.contains(key)))
}
