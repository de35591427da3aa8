//! What a seed lays down before anything runs: state machines, what clients ask and when, what
//! befalls the hosts.

use serde_json::{Value, json};
use store::Fault;

use crate::definitions::Taste;
use crate::dice::Dice;

/// The name of the express state machine, with which those of its executions begin.
pub(crate) const EXPRESS: &str = "express";

/// How much there may be of everything; less of it makes a failure easier to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) machines: usize,
    pub(crate) states: usize,
    pub(crate) starts: usize,
    pub(crate) errands: usize,
    pub(crate) storms: usize,
}

impl Size {
    pub(crate) const FULL: Self = Self {
        machines: 3,
        states: 8,
        starts: 4,
        errands: 8,
        storms: 4,
    };

    /// The sizes with one less of something.
    pub(crate) fn smaller(self) -> Vec<Self> {
        let less =
            |number: usize, least: usize| number.checked_sub(1).filter(|number| *number >= least);
        let machines = less(self.machines, 1).map(|machines| Self { machines, ..self });
        let states = less(self.states, 1).map(|states| Self { states, ..self });
        let starts = less(self.starts, 1).map(|starts| Self { starts, ..self });
        let errands = less(self.errands, 0).map(|errands| Self { errands, ..self });
        let storms = less(self.storms, 0).map(|storms| Self { storms, ..self });
        [storms, errands, starts, machines, states]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// Everything that is settled beforehand.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Whether what executions come to may not depend on when things happen: then it is compared
    /// with a run that nothing befell.
    pub(crate) is_calm: bool,
    /// State machines by name; each may start those before it.
    pub(crate) machines: Vec<(String, Value)>,
    /// The definition of the express state machine [`EXPRESS`], in some seeds.
    pub(crate) express: Option<Value>,
    /// What clients ask, in order of time.
    pub(crate) errands: Vec<(u64, Errand)>,
    /// What befalls the first hosts, one each.
    pub(crate) storms: Vec<Storm>,
    /// When the disk is full: from, and until, since the first host began.
    pub(crate) full: Vec<(u64, u64)>,
    /// How much there is room for.
    pub(crate) room: Room,
}

/// How much a host has room for; little where everybody waits for everybody.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    /// Attempts that may run at once, for all, and for one state machine.
    pub(crate) attempts: Option<(usize, usize)>,
    /// Executions that may come into memory at once.
    pub(crate) arriving: Option<usize>,
    /// How soon an execution must be due to stay in memory, in milliseconds.
    pub(crate) stay_ms: Option<u64>,
    /// Executions that may run at once.
    pub(crate) executions: Option<usize>,
    /// Commits that may be on their way, and attempts that may wait, before starts are refused.
    pub(crate) queues: Option<(usize, usize)>,
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub(crate) enum Errand {
    /// Start an execution, and follow it.
    Start {
        machine: String,
        name: String,
        input: Value,
    },
    /// Stop an execution.
    Stop { name: String },
    /// Write the role that components run under, with or without what one of them needs.
    WriteRole { is_wide: bool },
    /// Review a component anew.
    Review { component: String, approves: bool },
}

/// How a host ends.
#[derive(Clone, Debug)]
pub(crate) struct Storm {
    pub(crate) end: End,
    /// How long nothing runs afterwards.
    pub(crate) pause_ms: u64,
    /// The state machine that the next host's policy forbids to start.
    pub(crate) forbidden: Option<String>,
    /// How far somebody sets the clock meanwhile, in milliseconds.
    pub(crate) clock_set_ms: i64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// A fault befalls this commit after the host came up.
    AtCommit(u64, Fault),
    /// It is killed after so long.
    KilledAfter(u64),
    /// It is asked to end after so long.
    DrainedAfter(u64),
}

impl Plan {
    pub(crate) fn new(seed: u64, size: Size) -> Self {
        let mut dice = Dice::new(seed, "plan");
        let is_calm = dice.one_in(2);
        let machines = machines(seed, is_calm, size);
        let mut errands = starts(&mut dice, &machines, size.starts);
        let express = express(seed, is_calm, size);
        if express.is_some() {
            errands.extend(express_starts(seed, size.starts));
        }
        if !is_calm {
            let more = dice.within(0..=size.errands as u64);
            for _ in 0..more {
                let at = match dice.one_in(3) {
                    true => dice.within(0..=120_000),
                    // While most executions are under way.
                    false => dice.within(1_000..=25_000),
                };
                errands.push((at, errand(&mut dice, size.starts)));
            }
        }
        errands.sort_by_key(|(at, _)| *at);
        let storms = dice.within(1..=4).min(size.storms as u64);
        let mut dice = Dice::new(seed, "storms");
        let storms = (0..storms).map(|_| storm(&mut dice, is_calm, &machines));
        Self {
            seed,
            is_calm,
            errands,
            storms: storms.collect(),
            full: full(seed),
            room: room(seed, is_calm),
            express,
            machines,
        }
    }

    /// The plan in words, a line for each thing.
    pub(crate) fn told(&self) -> String {
        let machines = self.machines.iter();
        let machines = machines.map(|(name, definition)| format!("{name}: {definition}"));
        let express = self.express.iter();
        let machines = machines.chain(express.map(|definition| format!("{EXPRESS}: {definition}")));
        let errands = self.errands.iter();
        let errands = errands.map(|(at, errand)| format!("after {at} ms {errand:?}"));
        let storms = self.storms.iter().map(|storm| format!("{storm:?}"));
        let full = self.full.iter();
        let full = full.map(|(from, until)| format!("the disk is full from {from} to {until} ms"));
        let room = [format!("{:?}", self.room)];
        let lines = machines
            .chain(errands)
            .chain(storms)
            .chain(full)
            .chain(room);
        let lines: Vec<_> = lines.collect();
        lines.join("\n")
    }

    /// The same without anything that befalls a host.
    pub(crate) fn undisturbed(&self) -> Self {
        Self {
            storms: Vec::new(),
            full: Vec::new(),
            room: Room::default(),
            ..self.clone()
        }
    }
}

/// A disk that is full now and then, in one of four seeds.
fn full(seed: u64) -> Vec<(u64, u64)> {
    let mut dice = Dice::new(seed, "full");
    if !dice.one_in(4) {
        return Vec::new();
    }
    let windows = (0..dice.within(1..=3)).map(|_| {
        let from = dice.within(0..=90_000);
        (from, from + dice.within(1..=30_000))
    });
    windows.collect()
}

/// Little room, in one of three seeds. What an execution asks for may be refused where it matters
/// when: only what makes everybody wait is little then.
fn room(seed: u64, is_calm: bool) -> Room {
    let mut dice = Dice::new(seed, "room");
    if !dice.one_in(3) {
        return Room::default();
    }
    let mut some = |range: std::ops::RangeInclusive<u64>| {
        let some = dice.within(range);
        dice.one_in(2).then(|| usize::try_from(some).unwrap())
    };
    let mut room = Room {
        attempts: some(1..=3).zip(some(1..=3)),
        arriving: some(1..=3),
        stay_ms: some(0..=30_000).map(|stay| stay as u64),
        ..Room::default()
    };
    if !is_calm {
        room.executions = some(1..=6);
        room.queues = some(1..=6).zip(some(1..=4));
    }
    room
}

fn machines(seed: u64, is_calm: bool, size: Size) -> Vec<(String, Value)> {
    let mut machines: Vec<(String, Value)> = Vec::new();
    let mut below = Vec::new();
    for number in 0..size.machines {
        let mut dice = Dice::new(seed, &format!("machine {number}"));
        let name = format!("m{number}");
        let definition = Taste::new(&mut dice, is_calm, &below, size.states).machine();
        below.push(name.clone());
        machines.push((name, definition));
    }
    machines
}

fn express(seed: u64, is_calm: bool, size: Size) -> Option<Value> {
    let mut dice = Dice::new(seed, "express");
    let has_one = dice.one_in(2);
    has_one.then(|| Taste::express(&mut dice, is_calm, size.states).machine())
}

fn express_starts(seed: u64, most: usize) -> Vec<(u64, Errand)> {
    let mut dice = Dice::new(seed, "express starts");
    let machines = [(EXPRESS.to_owned(), Value::Null)];
    let mut errands = starts(&mut dice, &machines, most);
    for (_, errand) in &mut errands {
        if let Errand::Start { name, .. } = errand {
            *name = format!("{EXPRESS}-{name}");
        }
    }
    errands
}

fn starts(dice: &mut Dice, machines: &[(String, Value)], most: usize) -> Vec<(u64, Errand)> {
    let many = dice.within(1..=most as u64);
    let start = |number: u64| {
        let (machine, _) = dice.pick(machines);
        let machine = machine.clone();
        let at = dice.within(0..=20_000);
        let item =
            |n: u64| json!({"n": n, "items": [], "seconds": n, "at": "2023-11-14T22:14:00Z"});
        let items: Vec<Value> = (0..dice.within(0..=3)).map(item).collect();
        let input = json!({"n": dice.within(0..=2), "items": items, "seconds": dice.within(0..=20),
            "at": "2023-11-14T22:13:45Z"});
        let name = format!("e{number}");
        (
            at,
            Errand::Start {
                machine,
                name,
                input,
            },
        )
    };
    (0..many).map(start).collect()
}

fn errand(dice: &mut Dice, starts: usize) -> Errand {
    match dice.within(0..=5) {
        0..=1 => Errand::Stop {
            name: format!("e{}", dice.within(0..=starts.saturating_sub(1) as u64)),
        },
        2..=3 => Errand::WriteRole {
            is_wide: dice.one_in(2),
        },
        _ => Errand::Review {
            component: (*dice.pick(&crate::definitions::COMPONENTS)).to_owned(),
            approves: dice.one_in(2),
        },
    }
}

fn storm(dice: &mut Dice, is_calm: bool, machines: &[(String, Value)]) -> Storm {
    let faults = [
        Fault::CrashBefore,
        Fault::CrashAfter,
        Fault::Fail,
        Fault::FailLate,
    ];
    let end = match dice.within(0..=9) {
        0..=2 => End::AtCommit(dice.within(1..=4), *dice.pick(&faults)),
        3..=6 => End::AtCommit(dice.within(1..=60), *dice.pick(&faults)),
        7..=8 => End::KilledAfter(dice.within(0..=60_000)),
        _ => End::DrainedAfter(dice.within(0..=60_000)),
    };
    let forbidden = (!is_calm && dice.one_in(4)).then(|| dice.pick(machines).0.clone());
    Storm {
        end,
        pause_ms: match dice.one_in(2) {
            true => 0,
            false => dice.within(0..=90_000),
        },
        forbidden,
        clock_set_ms: match dice.within(0..=5) {
            0 => -i64::try_from(dice.within(1..=3_600_000)).unwrap(),
            1 => i64::try_from(dice.within(1..=3_600_000)).unwrap(),
            _ => 0,
        },
    }
}
