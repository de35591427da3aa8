//! What the tests share: disks, rounds by seed, and a host held against what it promised.

use driver::host::{Folder, Host};
use reliability::checker::{check, expect_none};
use reliability::client::Client;
use reliability::disk::Disk;
use reliability::effects::Effects;
use reliability::facts::{Fact, Facts};
use reliability::image::{Image, NamesDurable, Unsynced};

/// How many times as many rounds are made as by default.
const ROUNDS: &str = "SLUICE_RELIABILITY_ROUNDS";
/// The one seed to run with.
const SEED: &str = "SLUICE_RELIABILITY_SEED";

/// The seeds of a test's rounds.
pub(super) fn seeds(default: u64) -> std::ops::Range<u64> {
    if let Some(seed) = number(SEED) {
        return seed..seed + 1;
    }
    0..default * number(ROUNDS).unwrap_or(1)
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap())
}

/// Says on a failure how to see it again.
pub(super) struct Reproduction(pub(super) String);

impl Reproduction {
    pub(super) fn of(test: &str, seed: u64) -> Self {
        let line = format!("{SEED}={seed} cargo test -p reliability --test faults {test}");
        Self(line)
    }
}

impl Drop for Reproduction {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("reproduce with: {}", self.0);
        }
    }
}

/// A disk, or nothing and the reason on standard error.
pub(super) fn disk(names: NamesDurable) -> Option<Disk> {
    let disk = Disk::empty(names);
    disk.map_err(|reason| eprintln!("skipped: {reason}")).ok()
}

/// A folder whose data is on a disk.
pub(super) fn folder_on(disk: &Disk) -> Folder {
    Folder::with_data_at(disk.data())
}

/// A host on which everything is published, as a disk and as what was told of it.
pub(super) struct Prepared {
    pub(super) image: Image,
    pub(super) facts: Vec<Fact>,
    pub(super) effects: Effects,
}

impl Prepared {
    pub(super) async fn on(mut disk: Disk) -> Self {
        let facts = Facts::timeless();
        let effects = Effects::serve(&facts).await;
        let folder = folder_on(&disk);
        let host = folder.host().await;
        let published = Client::new(&host, &facts).publish(effects.url()).await;
        published.unwrap();
        host.kill_9().await;
        disk.cut(Unsynced::Lost);
        Self {
            image: disk.image(),
            facts: facts.all(),
            effects,
        }
    }

    /// What was told so far, to be continued.
    pub(super) fn facts(&self) -> Facts {
        let facts = Facts::timeless();
        self.facts.iter().for_each(|fact| facts.note(fact.clone()));
        self.effects.note_in(&facts);
        facts
    }
}

/// Brings everything on a host to its end, and holds it against what was told.
pub(super) async fn keeps_its_promises(host: &Host, facts: &Facts, when: &str) {
    let client = Client::new(host, facts);
    client.settle().await;
    let found = client.find().await;
    expect_none(&check(&facts.all(), &found), when);
}

/// Nothing in a host's log is a panic.
#[track_caller]
pub(super) fn has_not_panicked(folder: &Folder) {
    let log = folder.log();
    assert!(!log.contains("panicked"), "{log}");
}
