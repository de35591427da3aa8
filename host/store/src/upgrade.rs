//! Bringing a store of an earlier format to today's when it is opened, in small writes that
//! survive a crash after any of them: what is done is noted with it, and the rest is done by the
//! next opening. Until the last write the store still says that it is of the earlier format.
//!
//! Format 2 differs from format 1 in how executions are listed, and in what its state counts.
//! Records of format 1 are read as they are.

use asl::ExecutionId;
use ports::{Start, StoreError, Summary};

use crate::entries::{Entries, Order, complete, parse, read};
use crate::envelope::{Entry, Kind, damaged};
use crate::key;
use crate::ledger::{FORMAT_VERSION, format, stored_state};
use crate::prepare::{arns, ended, listed_keys, mark};
use crate::staged::Staged;
use crate::standings;

/// Executions of one write.
const STEP_EXECUTIONS: usize = if cfg!(test) { 4 } else { 256 };

/// Upgrades a store of format 1; any other is left as it is. `write` makes a write durable.
///
/// # Errors
/// The store is damaged, or cannot be written.
pub(crate) fn upgrade(
    entries: &impl Entries,
    mut write: impl FnMut(Staged) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    if format(entries)? != Some(1) {
        return Ok(());
    }
    tracing::info!(
        from = 1,
        to = FORMAT_VERSION,
        "upgrading the store to the format of this program"
    );
    let mut progress = Progress::load(entries)?;
    loop {
        let mut staged = Staged::default();
        let found = step(entries, &mut progress, &mut staged)?;
        if found == 0 {
            break;
        }
        staged.put(progress.entry());
        write(staged)?;
        tracing::debug!(executions = progress.executions, "upgrading the store");
    }
    let mut staged = Staged::default();
    let mut state = stored_state(entries)?;
    state.ended = progress.ended;
    let state = Entry::new(Kind::Meta, key::STATE.to_vec(), &state.to_bytes());
    staged.put(state);
    let version = FORMAT_VERSION.to_be_bytes();
    let version = Entry::new(Kind::Meta, key::FORMAT.to_vec(), &version);
    staged.put(version);
    staged.remove(key::UPGRADE.into());
    write(staged)?;
    tracing::info!(
        executions = progress.executions,
        format = FORMAT_VERSION,
        "the store is upgraded"
    );
    Ok(())
}

/// How far an upgrade has come.
#[derive(Default)]
struct Progress {
    executions: u64,
    ended: u64,
    last: Option<ExecutionId>,
}

impl Progress {
    fn load(entries: &impl Entries) -> Result<Self, StoreError> {
        let Some(body) = read(entries, Kind::Meta, key::UPGRADE)? else {
            return Ok(Self::default());
        };
        let (executions, ended, last): (u64, u64, Option<ExecutionId>) =
            parse(key::UPGRADE, &body)?;
        Ok(Self {
            executions,
            ended,
            last,
        })
    }

    fn entry(&self) -> Entry {
        let Self {
            executions,
            ended,
            last,
        } = self;
        let last = last.as_ref().map(ExecutionId::as_str);
        let content = serde_json::json!([executions, ended, last]).to_string();
        Entry::new(Kind::Meta, key::UPGRADE.to_vec(), content.as_bytes())
    }
}

/// Lists the next few executions as format 2 does; how many.
fn step(
    entries: &impl Entries,
    progress: &mut Progress,
    staged: &mut Staged,
) -> Result<usize, StoreError> {
    let mut range = key::executions();
    if let Some(last) = &progress.last {
        range.start = key::after(key::execution(last));
    }
    let found = entries.range(range, Order::Forward, STEP_EXECUTIONS)?;
    for (key, value) in &found {
        let id = key::marked(key).ok_or_else(|| damaged(key, "does not name an execution"))?;
        let body = complete(entries, Kind::Execution, key, value)?;
        let (start, summary) = standings::split(key, &body)?;
        let (start, summary): (Start, Summary) = (parse(key, start)?, parse(key, summary)?);
        for arn in arns(&start) {
            staged.remove(key::listed_in_format_1(&arn, &id).into());
        }
        for key in listed_keys(&start, summary.status) {
            staged.put(mark(key));
        }
        if let Some(ended) = ended(&id, &summary) {
            progress.ended = progress.ended.saturating_add(1);
            let key = key::ended(&ended);
            staged.put(mark(key));
        }
        progress.executions = progress.executions.saturating_add(1);
        progress.last = Some(id);
    }
    Ok(found.len())
}
