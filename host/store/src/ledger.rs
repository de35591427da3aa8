//! Admitting commits: each is checked against the durable state and everything admitted before
//! it, sealed into the audit chain, and staged. Nothing here writes.

mod parked;
mod stored;
mod upkeep;

use std::sync::Arc;

use asl::Status;
use ports::{Chain, CommitError, Fence, Head, Receipt, StoreError};

use crate::entries::{Entries, parse, read};
use crate::envelope::{Entry, Kind, damaged};
use crate::key;
use crate::prepare::{self, Prepared, Step};
use crate::read::holder_of;
use crate::staged::{Overlay, Staged};
use crate::standings::{self, Mark, Standing, Standings};

pub(crate) use parked::Parked;
pub(crate) use stored::{State, format, links, stored_state};

/// The version of keys and contents.
pub(crate) const FORMAT_VERSION: u32 = 2;

/// What the one who writes knows by heart.
pub(crate) struct Ledger {
    chain: Arc<dyn Chain>,
    state: State,
    fence: Fence,
    standings: Standings,
    parked: Parked,
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
        let state = match stored::format(entries)? {
            Some(_) => stored::state(entries)?,
            None => {
                staged.put(Entry::new(
                    Kind::Meta,
                    key::FORMAT.to_vec(),
                    &FORMAT_VERSION.to_be_bytes(),
                ));
                State::default()
            }
        };
        let opened =
            read(entries, Kind::Meta, key::HOST)?.map(|count| stored::number(key::HOST, &count));
        let last = Fence(opened.transpose()?.unwrap_or(0));
        let fence = Fence(last.0.saturating_add(1));
        let host = Entry::new(Kind::Meta, key::HOST.to_vec(), &fence.0.to_be_bytes());
        staged.put(host);
        let parked = Parked::open(entries, last)?;
        staged.put(parked.entry(fence));
        let standings = Standings::default();
        let ledger = Self {
            chain,
            state,
            fence,
            standings,
            parked,
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
        self.state.head.length
    }

    /// How many executions are parked.
    pub(crate) fn parked(&self) -> Parked {
        self.parked
    }

    /// Where the ledger stands, to come back to.
    pub(crate) fn mark(&self) -> (State, Parked) {
        (self.state.clone(), self.parked)
    }

    /// Forgets what was admitted since `mark` and not written.
    pub(crate) fn back_to(&mut self, mark: (State, Parked)) {
        (self.state, self.parked) = mark;
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
            .is_some_and(|version| version != self.state.authority)
        {
            return Err(CommitError::AuthorityMoved {
                now: self.state.authority,
            });
        }
        let view = Overlay { staged, entries };
        check_name(&view, &commit)?;
        check_documents(&view, &commit)?;
        let known_blobs = known_blobs(&view, &commit)?;
        let upkeep = self.check_upkeep(&view, commit.removals)?;
        let checked = match commit.execution {
            Some(step) => Some(self.check_step(&view, step)?),
            None => None,
        };
        self.stage_upkeep(staged, upkeep);
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
            self.state.authority.0 = self.state.authority.0.saturating_add(1);
        }
        commit
            .audit
            .into_iter()
            .for_each(|body| self.seal(staged, body));
        Ok(Receipt {
            authority: self.state.authority,
            audit: self.state.head,
        })
    }

    /// Stages authority and audit head as they stand.
    pub(crate) fn stage_state(&self, staged: &mut Staged) {
        let content = self.state.to_bytes();
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
            return Err(damaged(&step.laid_out.record.key, problem).into());
        }
        let key = key::execution(&step.id);
        let is_same = known
            .as_ref()
            .is_some_and(|standing| standing.has_summary(&step.summary));
        let mut arns = known.as_ref().and_then(|standing| standing.arns.clone());
        let start = match &step.beginning {
            Some(beginning) => {
                arns = Some(Arc::clone(&beginning.arns));
                Some(beginning.start.clone())
            }
            None if is_same => None,
            None => {
                let body = read(view, Kind::Execution, &key)?;
                let body = body.ok_or_else(|| damaged(&key, "is missing"))?;
                let start = standings::split(&key, &body)?.0.to_vec();
                if arns.is_none() {
                    arns = Some(prepare::arns(&parse(&key, &start)?).into());
                }
                Some(start)
            }
        };
        let standing = start.map(|start| step.standing_entry(&start));
        let mut news = Vec::with_capacity(step.laid_out.shared.len());
        for shared in &step.laid_out.shared {
            let is_new = |entry: &Entry| Ok::<_, StoreError>(view.entry(&entry.key)?.is_none());
            news.push((is_new(&shared.payload)?, is_new(&shared.owner)?));
        }
        Ok(CheckedStep {
            step,
            standing,
            was: known.as_ref().map(|standing| standing.status),
            mark: known.map_or(Mark::None, |standing| standing.mark),
            arns,
            news,
        })
    }

    fn stage_step(&mut self, staged: &mut Staged, checked: CheckedStep) {
        let CheckedStep {
            step,
            standing,
            was,
            mark,
            arns,
            news,
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
        if was != Some(step.status) {
            let arns = arns.as_deref().unwrap_or_default();
            for list in arns.iter().map(|arn| Some(arn.as_str())).chain([None]) {
                if let Some(was) = was {
                    let mark = prepare::mark(key::listed(list, was, &step.id));
                    staged.remove(mark.key);
                }
                staged.put(prepare::mark(key::listed(list, step.status, &step.id)));
            }
        }
        if let Some(ended) = step.ended
            && !was.is_some_and(Status::is_terminal)
        {
            self.state.ended = self.state.ended.saturating_add(1);
            staged.put(ended);
        }
        if let Some(beginning) = step.beginning {
            staged.put(beginning.name);
        }
        staged.put(step.laid_out.record);
        step.laid_out
            .pieces
            .into_iter()
            .for_each(|piece| staged.put(piece));
        for (shared, (is_new, is_new_owner)) in step.laid_out.shared.into_iter().zip(news) {
            if is_new {
                staged.put(shared.payload);
            }
            if is_new_owner {
                staged.put(shared.owner);
            }
        }
        let stands = (step.status, step.mark);
        let before = self.parked;
        self.parked.step(was.map(|was| (was, mark)), stands);
        if self.parked != before {
            staged.put(self.parked.entry(self.fence));
        }
        let next = step.number.saturating_add(1);
        let standing = Standing::new(next, stands, &step.summary, arns);
        self.standings.remember(step.id, standing);
    }

    fn seal(&mut self, staged: &mut Staged, body: String) {
        let link = self.chain.seal(&self.state.head, body);
        self.state.head = Head {
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
    /// How it stood, if it has begun.
    was: Option<Status>,
    /// Where it is listed before it.
    mark: Mark,
    /// The ARNs it is listed under, where that is known; it is where the status changes.
    arns: Option<Arc<[String]>>,
    /// Of each shared payload whether it is new, and whether its owner is.
    news: Vec<(bool, bool)>,
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
