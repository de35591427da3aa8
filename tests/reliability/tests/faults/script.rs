//! A bounded run in which everything happens that is acknowledged.

use reliability::client::Client;
use reliability::machines::{ENDING, STAYING};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Runs it on an empty host.
pub(super) async fn run(client: &Client, effects: &str) {
    client.publish(effects).await.unwrap();
    let mut followers = JoinSet::new();
    let mut worker = JoinSet::new();
    let working = client.clone();
    worker.spawn(async move { working.work().await });
    for round in 0..2 {
        for machine in ENDING {
            let id = start(client, machine, &format!("{machine}-{round}")).await;
            client.look(&id).await.unwrap();
            let following = client.clone();
            followers.spawn(async move { following.follow(&id).await });
        }
        let id = start(client, STAYING, &format!("stay-{round}")).await;
        if round == 0 {
            let stopped = client.stop(&id).await.unwrap();
            assert_eq!(stopped.status, 200, "{}", stopped.text);
        }
        client.look(&id).await.unwrap();
        let grants = json!({"limits": {"time": format!("{}s", round + 1)}});
        client.write_role("spare", grants).await.unwrap();
        client.read_audit(0).await.unwrap();
    }
    client.publish_machine("rest", effects).await.unwrap();
    followers.join_all().await;
    client.read_audit(0).await.unwrap();
}

/// Starts an execution that must be acknowledged.
pub(super) async fn start(client: &Client, machine: &str, name: &str) -> String {
    let input: Value = json!({"of": name});
    let answer = client.start(machine, name, input).await.unwrap();
    answer.is(201).body["id"].as_str().unwrap().to_owned()
}
