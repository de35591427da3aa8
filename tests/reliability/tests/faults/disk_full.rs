//! A full disk: writes are refused and said to be, reads go on, and with space all goes on.

use driver::host::SOON;
use driver::http::answer;
use reliability::client::Client;
use reliability::disk::Disk;
use reliability::image::{NamesDurable, Unsynced};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::round::{Prepared, disk, folder_on, has_not_panicked, keeps_its_promises};
use super::script::start;

/// What is left of the disk: more than the host keeps free for itself, less, and nothing.
const ROOM_BYTES: [u64; 3] = [65 * 1024 * 1024, 512 * 1024, 0];
/// More starts than could ever fit.
const STARTS_MAX: u32 = 2000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_and_loses_nothing_and_space_is_all_it_needs() {
    let Some(disk) = disk(NamesDurable::InOrderByAnySync) else {
        return;
    };
    let prepared = Prepared::on(disk).await;
    for room in ROOM_BYTES {
        runs_full(&prepared, room).await;
    }
}

async fn runs_full(prepared: &Prepared, room: u64) {
    let mut disk = Disk::holding(prepared.image.clone()).unwrap();
    let (facts, folder) = (prepared.facts(), folder_on(&disk));
    let host = folder.host().await;
    let client = Client::new(&host, &facts);
    let first = start(&client, "echo", "first").await;

    disk.leave_room(Some(room));
    let refused = filled(&client).await;
    let title = refused.is_problem(507).body["title"].as_str().unwrap();
    assert_eq!(title, "The disk is full", "{}", refused.text);
    assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    is_told_on_the_wire(&client).await;
    host.nobody().get("/healthz").await.is(200);
    client.look(&first).await.unwrap().is(200);

    disk.leave_room(None);
    timeout(SOON, room_is_noticed(&client)).await.unwrap();
    keeps_its_promises(&host, &facts, &format!("room of {room} bytes")).await;
    host.kill_9().await;
    disk.cut(Unsynced::Lost);
    let host = folder.host().await;
    keeps_its_promises(&host, &facts, "after a power cut").await;
    has_not_panicked(&folder);
}

/// The AWS wire says it in words that clients come back on.
async fn is_told_on_the_wire(client: &Client) {
    let request = client.operator().request(Method::POST, "/");
    let request = request
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "AWSStepFunctions.StartExecution");
    let start = json!({
        "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:stay",
        "name": "on-the-wire",
        "input": large(0).to_string(),
    });
    let refused = answer(request.body(start.to_string())).await;
    assert_eq!(refused.is(503).body["__type"], "ServiceUnavailable");
    assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
}

/// Input that takes as much room on the disk as it has letters.
fn large(seed: u64) -> Value {
    let mut random = fastrand::Rng::with_seed(seed);
    let letters: String = (0..30_000).map(|_| random.alphanumeric()).collect();
    json!({"filling": letters})
}

/// Fills the disk with executions; the answer to the first that does not fit.
async fn filled(client: &Client) -> driver::http::Answer {
    for count in 0..STARTS_MAX {
        let name = format!("filling-{count}");
        let answer = client
            .start("stay", &name, large(u64::from(count) + 1))
            .await
            .unwrap();
        if answer.status != 201 {
            return answer;
        }
    }
    panic!("the disk does not fill up");
}

async fn room_is_noticed(client: &Client) {
    for count in 0_u32.. {
        let name = format!("again-{count}");
        let answer = client.start("echo", &name, json!({"of": name})).await;
        if answer.unwrap().status == 201 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
