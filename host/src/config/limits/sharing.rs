//! How what the host has is shared out between principals and state machines.

use std::collections::BTreeMap;

use auth::names::Name;
use document::{Fields, Node, Problems};

use super::super::number;
use super::ATTEMPTS_MOST;

const PRINCIPAL_SHARE_PERCENT: u64 = 50;
const ATTEMPTS_WAITING_MAX: u64 = 100_000;
const COMMITS_WAITING_MAX: u64 = 4_096;
const WORKERS_WAITING_MAX: u64 = 1_000;

/// How what the host has is shared out.
#[derive(Clone, Debug)]
pub(crate) struct Sharing {
    /// How many of a hundred of what the host has one principal may have at once.
    pub(crate) principal_share_percent: usize,
    /// Attempts that may wait for room before starts are refused.
    pub(crate) attempts_waiting_max: usize,
    /// Commits that may wait for the disk before starts are refused.
    pub(crate) commits_waiting_max: usize,
    /// Workers that may wait for tasks.
    pub(crate) workers_waiting_max: usize,
    /// Attempts of any one state machine running at once.
    pub(crate) state_machine_attempts_max: Option<usize>,
    /// The same of single state machines.
    pub(crate) state_machine_attempts: BTreeMap<Name, usize>,
}

impl Sharing {
    pub(super) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Self> {
        let mut limit = |name, default, most| {
            let limit = number(fields.optional(name), default, 1..=most, problems)?;
            usize::try_from(limit).ok()
        };
        let percent = limit("principal_share_percent", PRINCIPAL_SHARE_PERCENT, 100);
        let attempts = limit("attempts_waiting_max", ATTEMPTS_WAITING_MAX, 100_000_000);
        let commits = limit("commits_waiting_max", COMMITS_WAITING_MAX, 1_000_000);
        let workers = limit("workers_waiting_max", WORKERS_WAITING_MAX, 1_000_000);
        let each = fields.optional("state_machine_attempts_max");
        let each = each.map(|node| attempts_of(node, problems));
        let named = named_attempts(fields.optional("state_machine_attempts"), problems);
        Some(Self {
            principal_share_percent: percent?,
            attempts_waiting_max: attempts?,
            commits_waiting_max: commits?,
            workers_waiting_max: workers?,
            state_machine_attempts_max: match each {
                Some(attempts) => Some(attempts?),
                None => None,
            },
            state_machine_attempts: named?,
        })
    }
}

fn attempts_of(node: Node<'_>, problems: &mut Problems) -> Option<usize> {
    let attempts = number(Some(node), 0, 1..=ATTEMPTS_MOST, problems)?;
    usize::try_from(attempts).ok()
}

/// Attempts by the names of state machines, which need not exist.
fn named_attempts(
    section: Option<Node<'_>>,
    problems: &mut Problems,
) -> Option<BTreeMap<Name, usize>> {
    let Some(section) = section else {
        return Some(BTreeMap::new());
    };
    let mut machines = BTreeMap::new();
    for (name, node) in section.object(problems)?.entries() {
        let name = Name::parse(name).map_err(|message| node.problem(message, problems));
        if let (Ok(name), Some(attempts)) = (name, attempts_of(node, problems)) {
            machines.insert(name, attempts);
        }
    }
    Some(machines)
}
