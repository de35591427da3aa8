//! Two processes on one store: the second waits, answers health checks, and takes over.

use driver::host::{Folder, Host};
use driver::http::Person;
use reliability::client::Client;
use reliability::effects::Effects;
use reliability::facts::Facts;

use super::load::Load;
use super::round::{has_not_panicked, keeps_its_promises};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_host_takes_over_what_the_first_had_acknowledged() {
    let folder = Folder::new();
    let facts = Facts::timeless();
    let effects = Effects::serve(&facts).await;
    let first = folder.host().await;
    let client = Client::new(&first, &facts);
    client.publish(effects.url()).await.unwrap();

    let (child, ready_file) = folder.spawn("dev", "second.json", "");
    let waiting = Person::new(&folder.next_address(1).await, None);
    let load = Load::begin(&client, "s", 1);
    let enough = facts.count() + 200;
    while facts.count() < enough {
        waiting.get("/healthz").await.is(200);
        waiting.get("/readyz").await.is(503);
    }
    assert!(!ready_file.exists());
    first.kill_9().await;
    let second = Host::when_ready(&folder, child, ready_file).await;
    load.end().await;
    keeps_its_promises(&second, &facts, "after the first host was killed").await;
    has_not_panicked(&folder);
}
