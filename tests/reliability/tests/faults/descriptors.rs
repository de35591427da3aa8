//! No file descriptors left: what is connected is served, the rest waits, and nothing is lost.

use std::process::Command;

use driver::host::{Folder, Host};
use reliability::checker::{Loss, check, expect_none};
use reliability::client::Client;
use reliability::effects::Effects;
use reliability::facts::Facts;
use serde_json::json;

use super::round::has_not_panicked;
use super::script::start;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_descriptors_nothing_is_lost_and_with_them_all_goes_on() {
    let folder = Folder::new();
    let facts = Facts::timeless();
    let effects = Effects::serve(&facts).await;
    let host = folder.host().await;
    let client = Client::new(&host, &facts);
    client.publish(effects.url()).await.unwrap();
    start(&client, "ask", "before").await;
    if !limit(&host, "0:4096") {
        eprintln!("skipped: `prlimit` cannot be run");
        return;
    }
    // The connections that are open serve on; effects would need new ones.
    for machine in ["echo", "ask", "rest", "stay"] {
        let name = format!("during-{machine}");
        let answer = client.start(machine, &name, json!({"of": name})).await;
        let answer = answer.unwrap();
        assert!(
            [201, 429, 500, 503].contains(&answer.status),
            "{}",
            answer.text
        );
    }
    assert!(limit(&host, "4096:4096"));
    host.nobody().get("/readyz").await.is(200);
    start(&client, "echo", "after").await;
    client.settle().await;
    // A request that could not be made fails its Task; nothing else may come to another end.
    let losses = check(&facts.all(), &client.find().await);
    let is_meant = |loss: &Loss| {
        loss.promise == "every execution comes to its end" && loss.how.contains("during-ask")
    };
    let losses: Vec<_> = losses.into_iter().filter(|loss| !is_meant(loss)).collect();
    expect_none(&losses, "without descriptors");
    host.kill_9().await;
    has_not_panicked(&folder);
}

fn limit(host: &Host, limits: &str) -> bool {
    let mut command = Command::new("prlimit");
    command.args([
        "--pid",
        &host.id().to_string(),
        &format!("--nofile={limits}"),
    ]);
    command.status().is_ok_and(|status| status.success())
}
