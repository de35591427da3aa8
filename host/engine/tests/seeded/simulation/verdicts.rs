//! The invariants that are judged between hosts and at the end, on what is durable.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use asl::{ExecutionId, HistoryEvent, Status, Timestamp};
use ports::{Archive, AuditPage, HistoryCursor, HistoryPayloads};
use store::MemoryStore;

use crate::book::{Book, Volume};
use crate::invariants::rest::AtRest;
use crate::invariants::same::{Outcome, Strands, step};
use crate::invariants::told::{End, Known, is_still_so};
use crate::invariants::{Verdict, audit, history, holds};
use crate::outside::{Outside, State};

/// What is durable is what was told, and agrees with itself.
pub(crate) fn after_a_life(outside: &Outside, book: &Mutex<Book>, store: &MemoryStore) {
    let book = book.lock().unwrap();
    let known = known(&book, store);
    let verdict = agrees(&book, store, &known);
    let state = outside.state();
    let told = is_still_so(&state.facts, &known);
    let seen = state.seen.iter().try_for_each(|(id, seen)| {
        let now = known.get(id).map_or(&[][..], |known| &known.events);
        history::begins_with(now, seen)
    });
    drop(state);
    outside.check(verdict.and(told).and(seen));
}

/// A store without weather answers at once.
fn at_once<T>(answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    match answer
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a store without weather answers at once"),
    }
}

fn known(book: &Book, store: &MemoryStore) -> BTreeMap<ExecutionId, Known> {
    let known = book.volumes.keys().filter_map(|id| {
        let description = at_once(store.execution(id)).unwrap()?;
        let page = at_once(store.history(
            id,
            HistoryCursor::default(),
            HistoryPayloads::Shown,
            100_000,
        ))
        .unwrap()?;
        let known = Known {
            name: description.start.header.name.clone(),
            end: End::of(&description),
            events: page.events,
        };
        Some((id.clone(), known))
    });
    known.collect()
}

/// Book, store and audit log have the same.
fn agrees(book: &Book, store: &MemoryStore, known: &BTreeMap<ExecutionId, Known>) -> Verdict {
    for (id, volume) in &book.volumes {
        let stored = known.get(id).map(|known| known.events.len());
        holds(
            stored == Some(volume.events.len()),
            "what became durable is found again",
            || format!("`{id}` has {stored:?} events of {}", volume.events.len()),
        )?;
    }
    let AuditPage { links, head, .. } = at_once(store.audit(0, 1_000_000)).unwrap();
    audit::verifies(&links, head)?;
    audit::agrees(&links, &book.stored())
}

/// Nothing more happens: what still runs waits for nobody, what is bound has ended.
pub(crate) fn at_rest(outside: &Outside, book: &Mutex<Book>, now: Timestamp) {
    let book = book.lock().unwrap();
    let volumes = book.volumes.iter();
    let executions =
        volumes.map(|(id, volume)| (id.clone(), (volume.execution(), volume.parent())));
    let executions = executions.collect();
    let answered = outside.state().answered.clone();
    let rest = AtRest {
        now,
        executions: &executions,
        answered: &answered,
    };
    let waits = rest.waits_for_nobody().and(rest.bound_ones_ended());
    outside.check(waits.and(rest.express_ones_ended()));
}

/// What became of each execution that clients started.
pub(crate) fn outcomes(book: &Book, state: &State) -> BTreeMap<String, Outcome> {
    let started = state.started.iter();
    let outcomes = started.filter_map(|(name, id)| {
        let volume = book.volumes.get(id)?;
        let outcome = outcome(book, volume);
        // How long one had depends on what befell its host.
        let is_late = volume.is_express() && outcome.status == Status::TimedOut;
        (!is_late).then(|| (name.clone(), outcome))
    });
    outcomes.collect()
}

fn outcome(book: &Book, volume: &Volume) -> Outcome {
    let execution = volume.execution();
    let steps = volume
        .events
        .iter()
        .filter(|event| event.detail.event_type() != "TaskSubmitted");
    Outcome {
        status: execution.status(),
        error: execution.error().map(ToOwned::to_owned),
        output: execution.output().map(|output| output.value().clone()),
        steps: steps.map(step).collect(),
        was_interrupted: was_interrupted(book, volume),
        strands: Strands::of(&volume.events),
    }
}

/// Whether an attempt of it, or of what it started, was cut off by the end of a host.
fn was_interrupted(book: &Book, volume: &Volume) -> bool {
    let mut family = BTreeSet::from([volume.start.header.id.clone()]);
    loop {
        let more: Vec<_> = book
            .volumes
            .iter()
            .filter(|(id, volume)| {
                let parent = volume.parent();
                !family.contains(*id)
                    && parent.is_some_and(|parent| family.contains(&parent.execution))
            })
            .map(|(id, _)| id.clone())
            .collect();
        if more.is_empty() {
            break;
        }
        family.extend(more);
    }
    let events = family
        .iter()
        .filter_map(|id| book.volumes.get(id))
        .flat_map(|volume| &volume.events);
    let mut events =
        events.filter_map(|event: &HistoryEvent| serde_json::to_string(&event.detail).ok());
    events.any(|event| event.contains("Sluice.Interrupted"))
}
