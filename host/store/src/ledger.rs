//! Admitting commits: each is checked against the durable state and everything admitted before
//! it, sealed into the audit chain, and staged. Nothing here writes.

mod stored;

use std::sync::Arc;

use auth::authority::AuthorityVersion;
use ports::{Chain, CommitError, Fence, Head, Receipt, StoreError};

use crate::entries::{Entries, Order, complete, read};
use crate::envelope::{Entry, Kind, damaged};
use crate::key;
use crate::prepare::{Prepared, Step};
use crate::read::holder_of;
use crate::staged::{Overlay, Staged};
use crate::standings::{self, Mark, Standing, Standings};

pub(crate) use stored::stored_head;

/// The version of keys and contents.
const FORMAT_VERSION: [u8; 4] = 1_u32.to_be_bytes();

/// What the one who writes knows by heart.
pub(crate) struct Ledger {
    chain: Arc<dyn Chain>,
    authority: AuthorityVersion,
    head: Head,
    fence: Fence,
    standings: Standings,
}

impl Ledger {
    /// Reads the state of a store and takes the next fence, which holds once what is staged is
    /// written.
    ///
    /// # Errors
    /// The store is of another format, or its audit log does not end at its head.
    pub(crate) fn open(
        entries: &impl Entries,
        chain: Arc<dyn Chain>,
    ) -> Result<(Self, Staged), StoreError> {
        let mut staged = Staged::default();
        let (authority, head) = match read(entries, Kind::Meta, key::FORMAT)? {
            Some(version) if *version == FORMAT_VERSION => stored::state(entries)?,
            Some(_) => {
                return Err(damaged(
                    key::FORMAT,
                    "was written by a later version of this program",
                ));
            }
            None => {
                let is_empty = entries
                    .range(Vec::new()..vec![u8::MAX], Order::Forward, 1)?
                    .is_empty();
                if !is_empty {
                    return Err(damaged(
                        key::FORMAT,
                        "is missing from a store that is not empty",
                    ));
                }
                staged.put(Entry::new(
                    Kind::Meta,
                    key::FORMAT.to_vec(),
                    &FORMAT_VERSION,
                ));
                (AuthorityVersion(0), stored::empty_head())
            }
        };
        let opened =
            read(entries, Kind::Meta, key::HOST)?.map(|count| stored::number(key::HOST, &count));
        let fence = Fence(opened.transpose()?.unwrap_or(0).saturating_add(1));
        let host = Entry::new(Kind::Meta, key::HOST.to_vec(), &fence.0.to_be_bytes());
        staged.put(host);
        let standings = Standings::default();
        let ledger = Self {
            chain,
            authority,
            head,
            fence,
            standings,
        };
        ledger.stage_state(&mut staged);
        Ok((ledger, staged))
    }

    /// The fence of this opening.
    pub(crate) fn fence(&self) -> Fence {
        self.fence
    }

    /// How many links the audit log has.
    pub(crate) fn links(&self) -> u64 {
        self.head.length
    }

    /// Where the ledger stands, to come back to.
    pub(crate) fn mark(&self) -> (AuthorityVersion, Head) {
        (self.authority, self.head)
    }

    /// Forgets what was admitted since `mark` and not written.
    pub(crate) fn back_to(&mut self, mark: (AuthorityVersion, Head)) {
        (self.authority, self.head) = mark;
        self.standings = Standings::default();
    }

    /// Checks a commit and stages what it changes, or neither changes nor stages anything.
    ///
    /// # Errors
    /// Why it may not be written.
    pub(crate) fn admit(
        &mut self,
        entries: &impl Entries,
        staged: &mut Staged,
        commit: Prepared,
    ) -> Result<Receipt, CommitError> {
        if commit
            .decided_under
            .is_some_and(|version| version != self.authority)
        {
            return Err(CommitError::AuthorityMoved {
                now: self.authority,
            });
        }
        let view = Overlay { staged, entries };
        check_name(&view, &commit)?;
        check_documents(&view, &commit)?;
        let known_blobs = known_blobs(&view, &commit)?;
        let checked = match commit.execution {
            Some(step) => Some(self.check_step(&view, step)?),
            None => None,
        };
        if let Some(checked) = checked {
            self.stage_step(staged, checked);
        }
        commit
            .documents
            .into_iter()
            .for_each(|(_, document)| staged.put(document));
        let blobs = commit.blobs.into_iter().zip(known_blobs);
        blobs
            .filter(|(_, is_known)| !is_known)
            .for_each(|(blob, _)| staged.put(blob));
        if commit.moves_authority {
            self.authority.0 = self.authority.0.saturating_add(1);
        }
        commit
            .audit
            .into_iter()
            .for_each(|body| self.seal(staged, body));
        Ok(Receipt {
            authority: self.authority,
            audit: self.head,
        })
    }

    /// Stages authority and audit head as they stand.
    pub(crate) fn stage_state(&self, staged: &mut Staged) {
        let content = stored::join(self.authority, &self.head);
        staged.put(Entry::new(Kind::Meta, key::STATE.to_vec(), &content));
    }

    fn check_step(&self, view: &impl Entries, step: Step) -> Result<CheckedStep, CommitError> {
        if step.fence != self.fence {
            return Err(CommitError::Fenced(step.id));
        }
        let known = match self.standings.find(&step.id) {
            Some(standing) => Some(standing.clone()),
            None => stored::standing(view, &step.id)?,
        };
        let next = known.as_ref().map_or(0, |standing| standing.next);
        if step.number != next {
            let problem = format!("cannot be written, the next record is number {next}");
            return Err(damaged(&step.record.key, problem).into());
        }
        let key = key::execution(&step.id);
        let start = match (&step.beginning, &known) {
            (Some(beginning), _) => Some(beginning.start.clone()),
            (None, Some(standing)) if standing.has_summary(&step.summary) => None,
            (None, _) => {
                let value = view
                    .entry(&key)?
                    .ok_or_else(|| damaged(&key, "is missing"))?;
                let body = complete(view, Kind::Execution, &key, &value)?;
                Some(standings::split(&key, &body)?.0.to_vec())
            }
        };
        let standing = start.map(|start| step.standing_entry(&start));
        let mark = known.map_or(Mark::None, |standing| standing.mark);
        Ok(CheckedStep {
            step,
            standing,
            mark,
        })
    }

    fn stage_step(&mut self, staged: &mut Staged, checked: CheckedStep) {
        let CheckedStep {
            step,
            standing,
            mark,
        } = checked;
        if let Some(entry) = standing {
            staged.put(entry);
        }
        if mark != step.mark {
            if let Some(before) = mark.entry(&step.id) {
                staged.remove(before.key);
            }
            if let Some(entry) = step.mark.entry(&step.id) {
                staged.put(entry);
            }
        }
        if let Some(beginning) = step.beginning {
            staged.put(beginning.name);
            beginning
                .listed
                .into_iter()
                .for_each(|mark| staged.put(mark));
        }
        staged.put(step.record);
        let next = step.number.saturating_add(1);
        let standing = Standing::new(next, step.mark, &step.summary);
        self.standings.remember(step.id, standing);
    }

    fn seal(&mut self, staged: &mut Staged, body: String) {
        let link = self.chain.seal(&self.head, body);
        self.head = Head {
            length: link.sequence,
            hash: link.hash,
        };
        staged.links.push(&link);
    }
}

/// A step that may be staged, with what else changes by it.
struct CheckedStep {
    step: Step,
    standing: Option<Entry>,
    /// Where the execution is listed before it.
    mark: Mark,
}

fn check_name(view: &impl Entries, commit: &Prepared) -> Result<(), CommitError> {
    let beginning = commit
        .execution
        .as_ref()
        .and_then(|step| step.beginning.as_ref());
    let Some(beginning) = beginning else {
        return Ok(());
    };
    let key = &beginning.name.key;
    match read(view, Kind::Name, key)? {
        None => Ok(()),
        Some(holder) => Err(CommitError::NameTaken(holder_of(key, &holder)?)),
    }
}

fn check_documents(view: &impl Entries, commit: &Prepared) -> Result<(), CommitError> {
    for (index, (key, entry)) in commit.documents.iter().enumerate() {
        let is_repeated = commit
            .documents
            .iter()
            .take(index)
            .any(|(earlier, _)| earlier == key);
        if is_repeated || view.entry(&entry.key)?.is_some() {
            return Err(CommitError::Conflict(key.clone()));
        }
    }
    Ok(())
}

fn known_blobs(view: &impl Entries, commit: &Prepared) -> Result<Vec<bool>, StoreError> {
    let is_known = |blob: &Entry| Ok(view.entry(&blob.key)?.is_some());
    commit.blobs.iter().map(is_known).collect()
}
