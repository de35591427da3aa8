//! What `sluice doctor` says of good and of broken installations.

use std::fs;

use serde_json::Value;

use super::host::{Folder, Ran, cli};
use super::stage;

/// What the doctor found.
struct Report {
    code: i32,
    checks: Vec<Value>,
}

async fn doctor(folder: &Folder, config: &str, more: &[&str]) -> Report {
    let file = folder.path("doctor.toml");
    fs::write(&file, config).unwrap();
    let (file, data) = (file.to_str().unwrap(), folder.data());
    let mut arguments = vec!["doctor", "--output", "json", "--config", file, "--data"];
    arguments.push(data.to_str().unwrap());
    arguments.extend(more);
    if !more.contains(&"--listen") {
        arguments.extend(["--listen", "127.0.0.1:0"]);
    }
    let Ran { code, stdout, .. } = cli(&arguments).await;
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let worst = ["OK", "WARN", "FAIL"]
        .iter()
        .position(|word| report["verdict"] == **word);
    assert_eq!(worst.and_then(|code| i32::try_from(code).ok()), Some(code));
    Report {
        code,
        checks: report["checks"].as_array().unwrap().clone(),
    }
}

impl Report {
    /// The verdicts of one check.
    fn verdicts(&self, check: &str) -> Vec<&str> {
        let found = self.checks.iter().filter(|found| found["check"] == check);
        found
            .map(|found| found["verdict"].as_str().unwrap())
            .collect()
    }

    fn says(&self, check: &str, verdict: &str, words: &str) {
        let is_it = |found: &&Value| {
            found["check"] == check
                && found["verdict"] == verdict
                && found["found"].as_str().unwrap().contains(words)
        };
        assert!(
            self.checks.iter().any(|found| is_it(&found)),
            "no {check} {verdict} with {words:?} in {:#?}",
            self.checks
        );
        for found in &self.checks {
            assert_eq!(
                found["verdict"] == "OK",
                found["advice"].is_null(),
                "{found}"
            );
        }
    }
}

#[tokio::test]
async fn a_good_installation_passes_before_while_and_after_a_host_runs() {
    let folder = Folder::new();
    let before = doctor(&folder, "", &["--dev", "--offline"]).await;
    before.says("store", "OK", "none yet");
    before.says("sandbox", "OK", "a component answered");
    before.says("policies", "OK", "sluice dev");
    assert!(!folder.data().exists());

    let host = folder.host().await;
    stage::is_well(&host).await;
    let address = host.url().trim_start_matches("http://").to_owned();
    let arguments = ["--dev", "--offline", "--listen", &address];
    let during = doctor(&folder, "", &arguments).await;
    during.says("store", "OK", "a process holds it");
    during.says("running host", "OK", "ready");

    host.kill_9().await;
    let after = doctor(&folder, "", &["--dev", "--offline"]).await;
    after.says("store", "OK", "it opens");
    after.says("audit log", "OK", "follow from each other");
    for check in ["data folder", "file descriptors", "address", "clock"] {
        let verdicts = after.verdicts(check);
        assert!(!verdicts.contains(&"FAIL"), "{check}: {verdicts:?}");
    }
    // The doctor leaves everything as it was.
    let host = folder.host().await;
    stage::audit_verifies(&host).await;
}

#[tokio::test]
async fn every_problem_of_a_configuration_is_told() {
    let folder = Folder::new();
    let config = "[server]\nconnections_max = 0\n[volumes]\ninvoices = \"absent\"\n\
                  [databases]\nledger = \"postgres://x\"\n[policy]\nfiles = [\"absent.cedar\"]\n";
    let report = doctor(&folder, config, &["--offline"]).await;
    assert_eq!(report.code, 2);
    assert_eq!(report.verdicts("configuration"), ["FAIL"; 4]);
    report.says("configuration", "FAIL", "is not a folder");
    report.says("configuration", "FAIL", "databases are not supported");
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_is_told() {
    let folder = Folder::new();
    let report = doctor(&folder, "", &["--offline"]).await;
    report.says("policies", "WARN", "every call is refused");
    report.says("identity", "WARN", "nobody gets in");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_a_failure_unless_nobody_may_ask() {
    let folder = Folder::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let config =
        format!("[[identity.oidc]]\nissuer = \"http://{address}\"\naudience = \"api://sluice\"\n");
    let asked = doctor(&folder, &config, &[]).await;
    assert_eq!(asked.code, 2);
    asked.says("identity", "FAIL", "no answer from");
    let offline = doctor(&folder, &config, &["--offline"]).await;
    offline.says("identity", "OK", "not asked");
}

#[tokio::test]
async fn a_provider_that_answers_passes() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    let host = elsewhere.host().await;
    let issuer = &host.ready.issuer;
    let config = format!("[[identity.oidc]]\nissuer = \"{issuer}\"\naudience = \"api://sluice\"\n");
    let report = doctor(&folder, &config, &[]).await;
    report.says("identity", "OK", "answers");
}

#[tokio::test]
async fn an_address_that_somebody_else_has_is_a_failure() {
    let folder = Folder::new();
    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = stranger.local_addr().unwrap().to_string();
    let report = doctor(&folder, "", &["--dev", "--offline", "--listen", &address]).await;
    assert_eq!(report.code, 2);
    report.says("address", "FAIL", "cannot be listened on");
}

#[tokio::test]
async fn a_data_folder_that_is_a_file_is_a_failure() {
    let folder = Folder::new();
    fs::write(folder.data(), "no folder").unwrap();
    let report = doctor(&folder, "", &["--dev", "--offline"]).await;
    assert_eq!(report.code, 2);
    report.says("data folder", "FAIL", "is not a folder");
}

#[tokio::test]
async fn people_get_one_line_for_each_finding() {
    let folder = Folder::new();
    let data = folder.data();
    let arguments = [
        "doctor",
        "--dev",
        "--offline",
        "--listen",
        "127.0.0.1:0",
        "--data",
    ];
    let ran = cli(&[&arguments[..], &[data.to_str().unwrap()]].concat()).await;
    assert!(ran.code < 2, "{ran:?}");
    for line in ran.stdout.lines() {
        let word = line.split(' ').next().unwrap();
        assert!(["OK", "WARN"].contains(&word), "{line}");
        assert_eq!(word == "WARN", line.contains(" -> "), "{line}");
    }
}
