//! One seed from its first host to its last.

mod life;
mod verdicts;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Once, OnceLock};

use audit::Sha256Chain;
use auth::policy::{Policies, PolicyFile};
use store::MemoryStore;

use crate::book::Book;
use crate::dice::Dice;
use crate::invariants::same::Outcome;
use crate::invariants::{Violation, same};
use crate::outside::Outside;
use crate::plan::Plan;
use life::{Host, Last};

/// What a simulation came to.
#[derive(Default)]
pub(crate) struct Report {
    /// Whether it was compared with an undisturbed run.
    pub(crate) is_calm: bool,
    pub(crate) violation: Option<Violation>,
    /// The same for the same seed.
    pub(crate) digest: u64,
    /// What happened last, in words.
    pub(crate) trace: Vec<String>,
    /// How many hosts there were.
    pub(crate) lives: usize,
    pub(crate) commits: u64,
    /// The history event types that occurred.
    pub(crate) events: BTreeMap<&'static str, usize>,
    /// What became of each execution that clients started.
    outcomes: BTreeMap<String, Outcome>,
}

/// Runs a plan; whatever panics that was not meant to is a violation too.
pub(crate) fn run(plan: &Plan) -> Report {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_kept = PANICS.with_borrow_mut(|panics| {
                let panics = panics.as_mut();
                panics.map(|panics| panics.push(panic.to_string()))
            });
            if is_kept.is_none() {
                usual(panic);
            }
        }));
    });
    PANICS.set(Some(Vec::new()));
    let report = std::panic::catch_unwind(|| compared(plan));
    let panics = PANICS.take().unwrap_or_default();
    let panicked = panics.into_iter().next().map(|what| Violation {
        invariant: "nothing panics",
        what,
    });
    let mut report = report.unwrap_or_default();
    report.violation = report.violation.or(panicked);
    report
}

thread_local! {
    /// Panics under a simulation on this thread that the script did not ask for.
    static PANICS: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Runs a plan, and again without what befell its hosts where both must come to the same.
fn compared(plan: &Plan) -> Report {
    let mut report = disturbed(plan);
    if report.violation.is_none() && plan.is_calm {
        let undisturbed = disturbed(&plan.undisturbed());
        report.violation = undisturbed.violation.clone();
        for (name, outcome) in &report.outcomes {
            let other = undisturbed.outcomes.get(name);
            let verdict = other.map_or(Ok(()), |other| same::as_undisturbed(name, outcome, other));
            report.violation = report.violation.or(verdict.err());
        }
    }
    report
}

fn disturbed(plan: &Plan) -> Report {
    let outside = Outside::new(plan.clone());
    let book = Arc::new(Mutex::new(Book::default()));
    let mut store = MemoryStore::new(Arc::new(Sha256Chain));
    let mut lives = 0;
    loop {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let (host, ended) = runtime.block_on(Host::live(&outside, &book, store, lives));
        lives += 1;
        // What the dead do while they are buried is lost.
        host.store.crash();
        drop(runtime);
        let mut dice = Dice::new(plan.seed, &format!("pause {lives}"));
        let storm = plan.storms.get(lives - 1);
        let pause = storm.map_or(0, |storm| storm.pause_ms);
        outside.grow_older(host.elapsed_ms() + pause + dice.within(0..=3));
        match host.store.reopen() {
            Ok(reopened) => store = reopened,
            Err(error) => {
                outside.check(Err(Violation {
                    invariant: "what is durable can be opened again",
                    what: error.to_string(),
                }));
                break;
            }
        }
        outside.note(&format!("host {lives} ended"));
        verdicts::after_a_life(&outside, &book, &store);
        if ended == Last::Yes || outside.is_broken() {
            break;
        }
    }
    report(&outside, &book, lives)
}

fn report(outside: &Outside, book: &Mutex<Book>, lives: usize) -> Report {
    let book = book.lock().unwrap();
    let state = outside.state();
    let mut events = BTreeMap::new();
    for event in book.volumes.values().flat_map(|volume| &volume.events) {
        *events.entry(event.detail.event_type()).or_default() += 1;
    }
    Report {
        is_calm: outside.plan.is_calm,
        violation: state.violation.clone(),
        digest: state.digest,
        trace: state.trace.clone(),
        lives,
        commits: book.commits,
        events,
        outcomes: verdicts::outcomes(&book, &state),
    }
}

/// Everybody may do everything, but for what is forbidden.
fn policies(forbidden: Option<&str>) -> Arc<Policies> {
    static PARSED: OnceLock<Mutex<BTreeMap<Option<String>, Arc<Policies>>>> = OnceLock::new();
    let parsed = PARSED.get_or_init(Mutex::default);
    let mut parsed = parsed.lock().unwrap();
    let policies = parsed.entry(forbidden.map(ToOwned::to_owned));
    Arc::clone(policies.or_insert_with(|| {
        let mut text = r#"@id("all") permit (principal, action, resource);"#.to_owned();
        if let Some(machine) = forbidden {
            text.push_str(&format!(
                r#"@id("not-this") forbid (principal, action == Action::"StartExecution", resource == StateMachine::"{machine}");"#
            ));
        }
        let name = "seeded.cedar".to_owned();
        Arc::new(Policies::parse(&[PolicyFile { name, text }]).unwrap())
    }))
}
