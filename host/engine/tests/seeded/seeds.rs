//! Many seeds at once, and what is said of one that fails.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::plan::{Plan, Size};
use crate::simulation::{Report, run};

/// How many seeds are run where nobody says otherwise.
const SEEDS: u64 = 2_000;
/// The last lines of a trace that are shown.
const TRACE_LINES: usize = 60;

#[test]
fn no_seed_breaks_an_invariant() {
    if let Some(seed) = number("SLUICE_SEED") {
        let report = run(&Plan::new(seed, Size::FULL));
        report.trace.iter().for_each(|line| eprintln!("{line}"));
        assert!(report.violation.is_none(), "{}", failure(seed));
        return;
    }
    let first = number("SLUICE_FIRST_SEED").unwrap_or(0);
    let last = first + number("SLUICE_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(first);
    let coverage = Mutex::new(Coverage::default());
    let failed = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= last || !failed.lock().unwrap().is_empty() {
                return;
            }
            let report = run(&Plan::new(seed, Size::FULL));
            coverage.lock().unwrap().add(&report);
            if report.violation.is_some() {
                failed.lock().unwrap().push(seed);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap();
    let failures: Vec<_> = failed.into_iter().map(failure).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let coverage = coverage.into_inner().unwrap();
    println!("{coverage:#?}");
    if last - first >= SEEDS {
        coverage.is_wide();
    }
}

#[test]
fn a_seed_is_the_same_every_time() {
    for seed in 0..40 {
        let [one, other] = [(); 2].map(|()| run(&Plan::new(seed, Size::FULL)));
        let differ = one
            .trace
            .iter()
            .zip(&other.trace)
            .find(|(one, other)| one != other);
        assert_eq!(one.digest, other.digest, "seed {seed}: {differ:?}");
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// What a run of seeds came across.
#[derive(Debug, Default)]
struct Coverage {
    seeds: u64,
    calm: u64,
    /// Seeds with an express execution that ended, and such that began anew.
    express: u64,
    express_again: u64,
    /// Seeds of which a commit met a full disk.
    full: u64,
    /// Seeds whose clock was set back, or forward, between hosts that ran.
    clock_set: u64,
    /// Seeds in which somebody was refused for lack of room.
    refused: u64,
    hosts: usize,
    commits: u64,
    events: BTreeMap<&'static str, usize>,
}

impl Coverage {
    fn add(&mut self, report: &Report) {
        self.seeds += 1;
        self.calm += u64::from(report.is_calm);
        let has = |what: &str| report.trace.iter().any(|line| line.contains(what));
        self.express += u64::from(has("EndExecution"));
        self.express_again += u64::from(has("RerunExecution"));
        self.full += u64::from(has("the disk is full"));
        self.clock_set += u64::from(has("the clock was set"));
        self.refused += u64::from(has("no room"));
        self.hosts += report.lives;
        self.commits += report.commits;
        for (event, count) in &report.events {
            *self.events.entry(event).or_default() += count;
        }
    }

    /// Seeds that never come across something say nothing about it.
    fn is_wide(&self) {
        for event in EVENTS {
            assert!(self.events.contains_key(event), "no seed led to {event}");
        }
        let rare = [
            self.express,
            self.express_again,
            self.full,
            self.clock_set,
            self.refused,
        ];
        assert!(!rare.contains(&0), "{rare:?}");
    }
}

const EVENTS: [&str; 24] = [
    "ActivityFailed",
    "ActivityStarted",
    "ActivitySucceeded",
    "ActivityTimedOut",
    "ExecutionAborted",
    "ExecutionFailed",
    "ExecutionSucceeded",
    "ExecutionTimedOut",
    "LambdaFunctionSucceeded",
    "MapIterationAborted",
    "MapIterationSucceeded",
    "MapRunAborted",
    "MapRunFailed",
    "MapRunSucceeded",
    "MapStateFailed",
    "ParallelStateFailed",
    "ParallelStateSucceeded",
    "SucceedStateExited",
    "ChoiceStateExited",
    "TaskFailed",
    "TaskSubmitted",
    "TaskSucceeded",
    "TaskTimedOut",
    "WaitStateExited",
];

/// What is said of a seed that fails: what broke, how to see it again, what happened before, and
/// the smallest plan that breaks too.
fn failure(seed: u64) -> String {
    let (size, report) = smallest(seed);
    let violation = report
        .violation
        .clone()
        .map_or_else(String::new, |violation| {
            format!("{}: {}", violation.invariant, violation.what)
        });
    let plan = Plan::new(seed, size).told();
    let trace = report.trace.len().saturating_sub(TRACE_LINES);
    format!(
        "{}\n{plan}\nseed {seed} failed: {violation}\n{size:?}\nreproduce with: SLUICE_SEED={seed} cargo test -p engine --test seeded",
        report.trace[trace..].join("\n")
    )
}

/// The smallest size at which the seed still fails.
fn smallest(seed: u64) -> (Size, Report) {
    let mut best = (Size::FULL, run(&Plan::new(seed, Size::FULL)));
    while let Some(smaller) = best.0.smaller().into_iter().find_map(|size| {
        let report = run(&Plan::new(seed, size));
        report.violation.is_some().then_some((size, report))
    }) {
        best = smaller;
    }
    best
}
