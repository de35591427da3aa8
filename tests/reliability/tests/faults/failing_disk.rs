//! A sync that fails: nothing is acknowledged from then on, and nothing acknowledged is lost.

use std::time::Duration;

use driver::host::{Folder, Host, SOON};
use reliability::client::Client;
use reliability::disk::{Disk, Syncs};
use reliability::facts::Facts;
use reliability::image::{NamesDurable, Unsynced};
use serde_json::json;
use tokio::time::timeout;

use super::load::Load;
use super::round::{Prepared, disk, folder_on, has_not_panicked, keeps_its_promises};
use super::script::start;

const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What befalls a disk after the host that saw it fail is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The power is cut.
    Cut,
    /// Another host goes on with what the system shows, before the power is cut.
    GoOn,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_sync_a_host_acknowledges_nothing_and_says_so() {
    let Some(disk) = disk(NamesDurable::InOrderByAnySync) else {
        return;
    };
    let prepared = Prepared::on(disk).await;
    for (syncs, unsynced, then) in [
        (Syncs::FailOnce, Unsynced::Lost, Then::Cut),
        (Syncs::FailOnce, Unsynced::Lost, Then::GoOn),
        (Syncs::Fail, Unsynced::Torn(1), Then::Cut),
        (Syncs::Fail, Unsynced::Lost, Then::GoOn),
    ] {
        let mut disk = Disk::holding(prepared.image.clone()).unwrap();
        let (facts, folder) = (prepared.facts(), folder_on(&disk));
        let host = folder.host().await;
        let load = Load::begin(&Client::new(&host, &facts), "f", 1);
        let enough = facts.count() + 100;
        while facts.count() < enough {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        disk.let_syncs(syncs);
        timeout(SOON, says_that_it_failed(&host)).await.unwrap();
        // A disk that works again does not make good what was lost.
        disk.let_syncs(Syncs::Work);
        acknowledges_nothing(&host, &folder, &facts).await;
        host.kill_9().await;
        load.end().await;
        if then == Then::GoOn {
            goes_on(&folder, &facts).await;
        }
        disk.cut(unsynced);
        let host = folder.host().await;
        keeps_its_promises(&host, &facts, &format!("{syncs:?}, {then:?}")).await;
        has_not_panicked(&folder);
    }
}

async fn goes_on(folder: &Folder, facts: &Facts) {
    let host = folder.host().await;
    let client = Client::new(&host, facts);
    for count in 0..3 {
        start(&client, "echo", &format!("behind-{count}")).await;
    }
    host.kill_9().await;
}

async fn says_that_it_failed(host: &Host) {
    loop {
        let ready = host.nobody().get("/readyz").await;
        if ready.status == 503 {
            assert_eq!(ready.body["status"], "failed", "{}", ready.text);
            return;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn acknowledges_nothing(host: &Host, folder: &Folder, facts: &Facts) {
    host.nobody().get("/healthz").await.is(200);
    let client = Client::new(host, facts);
    for count in 0..5 {
        let name = format!("late-{count}");
        let answer = client.start("stay", &name, json!({})).await.unwrap();
        assert!(answer.status >= 500, "{}", answer.text);
        answer.is_problem(answer.status);
        let role = client.operator().put("/v1/roles/late", json!({})).await;
        assert!(role.status >= 500, "{}", role.text);
    }
    let log = folder.log();
    let mut errors = log.lines().filter(|line| line.contains("\"ERROR\""));
    assert!(errors.any(|line| line.contains("sync")), "{log}");
}
