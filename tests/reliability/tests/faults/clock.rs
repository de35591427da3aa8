//! A clock that jumps: timers are neither lost nor fire twice, and no time of history matters.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use driver::host::{Folder, Host};
use reliability::client::Client;
use reliability::effects::Effects;
use reliability::facts::Facts;
use serde_json::{Value, json};

use super::round::{has_not_panicked, keeps_its_promises};
use super::script::start;

const HOUR_S: i64 = 3600;

/// A folder whose hosts go by a clock that can be set.
struct Moved {
    folder: Folder,
    offset: PathBuf,
}

impl Moved {
    /// Nothing if there is no C compiler.
    fn new() -> Option<Self> {
        let mut folder = Folder::new();
        let library = folder.path("clock.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/clock.c");
        let mut compiler = Command::new("cc");
        compiler
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .args([source, "-ldl"]);
        if !compiler.status().is_ok_and(|status| status.success()) {
            eprintln!("skipped: `cc` cannot compile a clock");
            return None;
        }
        let offset = folder.path("offset");
        folder.set("LD_PRELOAD", library);
        folder.set("MOVED_CLOCK", &offset);
        let moved = Self { folder, offset };
        moved.set(0);
        Some(moved)
    }

    /// Sets the clock, in seconds from the true one.
    fn set(&self, seconds: i64) {
        let part = self.offset.with_extension("part");
        fs::write(&part, seconds.to_string()).unwrap();
        fs::rename(part, &self.offset).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_survive_a_clock_that_jumps_and_fire_once() {
    let Some(moved) = Moved::new() else {
        return;
    };
    let facts = Facts::timeless();
    let effects = Effects::serve(&facts).await;
    let host = moved.folder.host().await;
    let client = Client::new(&host, &facts);
    client.publish(effects.url()).await.unwrap();
    let operator = client.operator();
    let hour = driver::stage::wait(HOUR_S as u64);
    operator.put("/v1/state-machines/hour", hour).await.is(201);

    // Ahead by two hours while a timer of one hour and one of a second run.
    let long = start(&client, "hour", "ahead").await;
    start(&client, "rest", "ahead").await;
    moved.set(2 * HOUR_S);
    let host = restarted(&moved, host).await;
    let client = Client::new(&host, &facts);
    assert_eq!(client.operator().ended(&long).await["status"], "SUCCEEDED");
    keeps_its_promises(&host, &facts, "ahead").await;

    // Back by four hours: what was due is due again only when its time has come.
    let waits = start(&client, "hour", "back").await;
    start(&client, "echo", "back").await;
    moved.set(-2 * HOUR_S);
    let host = restarted(&moved, host).await;
    let client = Client::new(&host, &facts);
    start(&client, "rest", "after").await;
    start(&client, "ask", "after").await;
    let shown = client.look(&waits).await.unwrap();
    assert_eq!(shown.body["status"], "RUNNING", "{}", shown.text);

    // True again, and an hour on.
    moved.set(4 * HOUR_S);
    let host = restarted(&moved, host).await;
    let client = Client::new(&host, &facts);
    assert_eq!(client.operator().ended(&waits).await["status"], "SUCCEEDED");
    keeps_its_promises(&host, &facts, "true again").await;
    for id in [long, waits] {
        let history = client.operator().history(&id).await;
        let exits = history
            .iter()
            .filter(|event| event["type"] == "WaitStateExited");
        assert_eq!(exits.count(), 1, "{}", Value::from(history.clone()));
    }
    host.kill_9().await;
    has_not_panicked(&moved.folder);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_under_load_loses_nothing() {
    let Some(moved) = Moved::new() else {
        return;
    };
    let facts = Facts::timeless();
    let effects = Effects::serve(&facts).await;
    let host = moved.folder.host().await;
    let client = Client::new(&host, &facts);
    client.publish(effects.url()).await.unwrap();
    for round in 0..6 {
        // Within what clocks of other machines may be apart by.
        moved.set(if round % 2 == 0 { 40 } else { -40 });
        for machine in ["echo", "ask", "desk"] {
            let name = format!("{machine}-{round}");
            let answer = client.start(machine, &name, json!({"of": name})).await;
            answer.unwrap().is(201);
        }
    }
    moved.set(0);
    keeps_its_promises(&host, &facts, "after the jumps").await;
    host.kill_9().await;
    has_not_panicked(&moved.folder);
}

async fn restarted(moved: &Moved, host: Host) -> Host {
    host.kill_9().await;
    moved.folder.host().await
}
