//! The command line does the main job, and its exit code says how that went.

use serde_json::Value;

use super::guest;
use super::host::{Folder, Host, Ran, cli};
use super::stage;

async fn done(host: &Host, person: &str, arguments: &[&str]) -> Value {
    let ran = host.cli(person, arguments).await;
    assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
    // One value, or one per line.
    let first = serde_json::Deserializer::from_str(&ran.stdout).into_iter::<Value>().next();
    first.map(Result::unwrap).unwrap_or_default()
}

#[track_caller]
fn refused(ran: &Ran, code: i32, words: &str) {
    assert_eq!(ran.code, code, "{ran:?}");
    assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(words), "{ran:?}");
}

#[tokio::test]
async fn the_main_job_by_command_line() {
    let folder = Folder::new();
    let host = folder.host().await;
    let write = |name: &str, content: &[u8]| {
        let path = folder.path(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let wasm = write("echo.wasm", &guest::echo());
    let role = write("role.toml", b"[limits]\ntime = \"10s\"\n");
    let definition = write("work.asl.json", stage::task("echo").to_string().as_bytes());
    let fails = write("fails.yaml", b"StartAt: F\nStates:\n  F: {Type: Fail, Error: No}\n");

    let whoami = done(&host, "agent", &["whoami"]).await;
    assert_eq!(whoami["actors"][0]["subject"], "agent");
    refused(&host.cli("operator", &["component", "upload", "echo@1.0.0", &wasm]).await, 1, "rule");
    let stored = done(&host, "author", &["component", "upload", "echo@1.0.0", &wasm]).await;
    assert!(stored["digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(done(&host, "operator", &["role", "put", "workers", &role]).await["revision"], 1);
    let publish = ["workflow", "publish", "work", &definition, "--role", "workers"];
    refused(&host.cli("operator", &publish).await, 1, "no review covers");
    let approved = done(&host, "reviewer", &["review", "approve", "echo@1.0.0", "--role", "workers", "--comment", "fine"]).await;
    assert_eq!(approved["decision"], "approve");
    assert_eq!(done(&host, "operator", &publish).await["revision"], 1);
    done(&host, "operator", &["workflow", "publish", "fails", &fails]).await;

    let followed = host.cli("operator", &["execution", "start", "work", "--input", "{\"a\": 1}", "--follow"]).await;
    assert_eq!(followed.code, 0, "{followed:?}");
    let values = serde_json::Deserializer::from_str(&followed.stdout).into_iter::<Value>();
    let values: Vec<_> = values.map(Result::unwrap).collect();
    let id = values[0]["id"].as_str().unwrap();
    assert_eq!(values.last().unwrap()["type"], "ExecutionSucceeded");
    assert_eq!(done(&host, "operator", &["execution", "show", id]).await["output"]["a"], 1);
    refused(&host.cli("operator", &["execution", "start", "fails", "--follow"]).await, 1, "failed");

    assert!(done(&host, "auditor", &["audit", "verify"]).await["records"].as_u64().unwrap() > 5);
    refused(&host.cli("operator", &["audit", "verify"]).await, 1, "ReadAudit");
}

#[tokio::test]
async fn the_exit_code_says_whose_fault_it_is() {
    let folder = Folder::new();
    let host = folder.host().await;
    refused(&host.cli("operator", &["role", "show", "absent"]).await, 1, "does not exist");
    refused(&host.cli("operator", &["role", "put", "workers", "/no/such/file"]).await, 2, "/no/such/file");
    refused(&host.cli("nobody", &["whoami"]).await, 2, "nobody");
    assert_eq!(host.cli("operator", &["role", "put", "a b", "x"]).await.code, 2);
    let url = host.ready.url.clone();
    refused(&cli(&["whoami", "--url", &url]).await, 1, "token");
    host.kill_9().await;
    refused(&cli(&["whoami", "--url", &url]).await, 3, "no answer");
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
