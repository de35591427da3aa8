//! SIGKILL under load, and again while the host recovers.

use std::time::Duration;

use driver::host::Folder;
use reliability::client::Client;
use reliability::effects::Effects;
use reliability::facts::Facts;
use reliability::random::Random;

use super::load::Load;
use super::round::{Reproduction, has_not_panicked, keeps_its_promises, seeds};

/// How often the number of facts is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_and_during_recovery_nothing_acknowledged_is_lost() {
    let folder = Folder::new();
    let facts = Facts::timeless();
    let effects = Effects::serve(&facts).await;
    let host = folder.host().await;
    let published = Client::new(&host, &facts).publish(effects.url()).await;
    published.unwrap();
    host.kill_9().await;
    for seed in seeds(4) {
        let _reproduction = Reproduction::of("killed_under_load", seed);
        let mut random = Random::new(seed);
        let host = folder.host().await;
        let client = Client::new(&host, &facts);
        let load = Load::begin(&client, &format!("k{seed}"), seed);
        let enough = facts.count() + 20 + random.below(400) as usize;
        while facts.count() < enough {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        host.kill_9().await;
        load.end().await;
        for _ in 0..random.below(3) {
            killed_while_it_starts(&folder).await;
        }
        let host = folder.host().await;
        keeps_its_promises(&host, &facts, &format!("seed {seed}")).await;
        host.kill_9().await;
    }
    has_not_panicked(&folder);
}

async fn killed_while_it_starts(folder: &Folder) {
    let known = folder.addresses().len();
    let (mut child, _) = folder.spawn("dev", "ready.json", "");
    folder.next_address(known).await;
    child.kill().await.unwrap();
}
