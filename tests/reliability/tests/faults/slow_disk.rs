//! A disk that takes its time: nothing is given up, and who comes too early is told so.

use std::time::Duration;

use reliability::client::Client;
use reliability::disk::Disk;
use reliability::image::{NamesDurable, Unsynced};
use serde_json::json;
use tokio::task::JoinSet;

use super::round::{Prepared, disk, folder_on, has_not_panicked, keeps_its_promises};

const SYNC_TAKES: Duration = Duration::from_millis(250);
const STARTS: usize = 60;
const RUNNING_MAX: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_slow_disk_starts_wait_or_are_sent_away_and_none_is_lost() {
    let Some(disk) = disk(NamesDurable::InOrderByAnySync) else {
        return;
    };
    let prepared = Prepared::on(disk).await;
    let mut disk = Disk::holding(prepared.image.clone()).unwrap();
    let (facts, folder) = (prepared.facts(), folder_on(&disk));
    let config = format!("[limits]\nexecutions_running_max = {RUNNING_MAX}\n");
    let host = folder.host_with(&config).await;
    disk.let_syncs_take(SYNC_TAKES);
    let mut starts = JoinSet::new();
    for count in 0..STARTS {
        let client = Client::new(&host, &facts);
        starts.spawn(async move {
            let name = format!("slow-{count}");
            client.start("echo", &name, json!({"of": name})).await
        });
    }
    let answers = starts.join_all().await;
    let answers: Vec<_> = answers.into_iter().map(Option::unwrap).collect();
    let (started, sent_away): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 201);
    assert!(!started.is_empty() && !sent_away.is_empty());
    for answer in sent_away {
        assert!([429, 503].contains(&answer.status), "{}", answer.text);
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    }
    keeps_its_promises(&host, &facts, "on a slow disk").await;
    host.kill_9().await;
    disk.cut(Unsynced::Lost);
    let host = folder.host().await;
    keeps_its_promises(&host, &facts, "after a power cut").await;
    has_not_panicked(&folder);
}
