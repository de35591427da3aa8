//! The audit log: read over HTTP, then verified offline on the command line.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::Value;
use tokio::process::Command;

use crate::client::{Body, text};
use crate::process;
use crate::report::{self, expect};
use crate::stage::Stage;

pub(crate) async fn play(stage: &mut Stage) -> Result<()> {
    report::section("The audit log");
    let records = read_all(stage).await?;
    let mut actions = BTreeMap::<&str, usize>::new();
    for record in &records {
        *actions.entry(text(record, "action")).or_default() += 1;
    }
    for (action, count) in &actions {
        report::line(&format!("{count:>5}  {action}"));
    }
    let is_denied =
        |record: &&Value| text(&record["decision"], "effect").eq_ignore_ascii_case("denied");
    let denied = records.iter().filter(is_denied).count();
    expect(
        &format!("of {} records, {denied} are refusals", records.len()),
        denied >= 3,
    )?;

    report::section("The audit log, verified offline");
    stage.kill_host().await?;
    let mut verify = Command::new(&stage.files.executable);
    verify
        .args(["audit", "verify", "--output", "json", "--data"])
        .arg(&stage.files.data);
    let verdict = process::output_of(&mut verify)
        .await
        .context("the audit log does not verify")?;
    let verdict: Value = serde_json::from_str(&verdict).context("the verdict is not JSON")?;
    report::line(&format!(
        "sluice audit verify: {} records, head {}",
        verdict["records"],
        text(&verdict, "head")
    ));
    // Reading the log is on the log too, so that it has grown since.
    let verified = verdict["records"]
        .as_u64()
        .and_then(|count| usize::try_from(count).ok());
    expect(
        "every record follows from the one before",
        verified >= Some(records.len()),
    )
}

async fn read_all(stage: &Stage) -> Result<Vec<Value>> {
    let auditor = stage.client("auditor")?;
    let mut records = Vec::new();
    let mut path = "/v1/audit?maxResults=1000".to_owned();
    loop {
        let page = auditor.done(Method::GET, &path, Body::None).await?;
        let links = page["records"].as_array().map_or(&[][..], Vec::as_slice);
        records.extend(links.iter().map(|link| link["record"].clone()));
        match page["nextToken"].as_str() {
            Some(token) => path = format!("/v1/audit?maxResults=1000&nextToken={token}"),
            None => return Ok(records),
        }
    }
}
