//! The command line does the main job, and its exit code says how that went.

use serde_json::Value;

use super::guest;
use super::host::{Folder, Host, Ran, cli};
use super::stage;

async fn done(host: &Host, person: &str, line: &str) -> Value {
    let ran = host.cli(person, line).await;
    assert_eq!(ran.code, 0, "{line}: {ran:?}");
    // One value, or one per line.
    let mut values = serde_json::Deserializer::from_str(&ran.stdout).into_iter::<Value>();
    values.next().map(Result::unwrap).unwrap_or_default()
}

async fn refused(host: &Host, person: &str, line: &str, code: i32, words: &str) {
    is_refused(&host.cli(person, line).await, code, words);
}

#[track_caller]
fn is_refused(ran: &Ran, code: i32, words: &str) {
    assert_eq!(ran.code, code, "{ran:?}");
    let is_told = ran.stderr.starts_with("error: ") && ran.stderr.contains(words);
    assert!(is_told, "{ran:?}");
}

#[tokio::test]
async fn the_main_job_by_command_line() {
    let folder = Folder::new();
    let host = folder.host().await;
    let write = |name: &str, content: &[u8]| std::fs::write(folder.path(name), content).unwrap();
    write("echo.wasm", &guest::echo());
    write("role.toml", b"[limits]\ntime = \"10s\"\n");
    write("work.json", stage::task("echo").to_string().as_bytes());
    write(
        "fails.yaml",
        b"StartAt: F\nStates:\n  F: {Type: Fail, Error: No}\n",
    );

    let whoami = done(&host, "agent", "whoami").await;
    assert_eq!(whoami["actors"][0]["subject"], "agent");
    let upload = "component upload echo@1.0.0 echo.wasm";
    refused(&host, "operator", upload, 1, "default-deny").await;
    let stored = done(&host, "author", upload).await;
    assert!(stored["digest"].as_str().unwrap().starts_with("sha256:"));
    let role = done(&host, "operator", "role put workers role.toml").await;
    assert_eq!(role["revision"], 1);
    let publish = "workflow publish work work.json --role workers";
    refused(&host, "operator", publish, 1, "no review covers").await;
    let approve = "review approve echo@1.0.0 --role workers --comment fine";
    assert_eq!(
        done(&host, "reviewer", approve).await["decision"],
        "approve"
    );
    assert_eq!(done(&host, "operator", publish).await["revision"], 1);
    done(&host, "operator", "workflow publish fails fails.yaml").await;

    let start = "execution start work --input {\"a\":1} --follow";
    let followed = host.cli("operator", start).await;
    assert_eq!(followed.code, 0, "{followed:?}");
    let values = serde_json::Deserializer::from_str(&followed.stdout).into_iter::<Value>();
    let values: Vec<_> = values.map(Result::unwrap).collect();
    let id = values[0]["id"].as_str().unwrap();
    assert_eq!(values.last().unwrap()["type"], "ExecutionSucceeded");
    let execution = done(&host, "operator", &format!("execution show {id}")).await;
    assert_eq!(execution["output"]["a"], 1);
    refused(
        &host,
        "operator",
        "execution start fails --follow",
        1,
        "failed",
    )
    .await;

    let verified = done(&host, "auditor", "audit verify").await;
    assert!(verified["records"].as_u64().unwrap() > 5);
    refused(&host, "operator", "audit verify", 1, "ReadAudit").await;
}

#[tokio::test]
async fn the_exit_code_says_whose_fault_it_is() {
    let folder = Folder::new();
    let host = folder.host().await;
    refused(&host, "operator", "role show absent", 1, "does not exist").await;
    refused(
        &host,
        "operator",
        "role put workers absent.toml",
        2,
        "absent.toml",
    )
    .await;
    refused(&host, "operator", "role put a.b absent.toml", 2, "a.b").await;
    refused(&host, "stranger", "whoami", 2, "stranger").await;
    let url = host.ready.url.clone();
    is_refused(&cli(&["whoami", "--url", &url]).await, 1, "token");
    host.kill_9().await;
    is_refused(&cli(&["whoami", "--url", &url]).await, 3, "no answer");
}

#[tokio::test]
async fn the_printed_configuration_is_the_one_that_is_read() {
    let printed = cli(&["config"]).await;
    assert_eq!(printed.code, 0, "{printed:?}");
    let folder = Folder::new();
    // Only what `dev` and this test must have otherwise.
    let config = printed.stdout.replace("path = \"/var/lib/sluice\"", "");
    let host = folder.host_with(&config).await;
    host.nobody().get("/readyz").await.is(200);
}
