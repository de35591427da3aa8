//! What is refused: a greedy component, callers without permission, callers nobody knows.

use std::collections::BTreeMap;

use anyhow::Result;
use reqwest::Method;
use serde_json::json;

use crate::client::{Body, Client, text};
use crate::host::Ready;
use crate::report::{self, expect};
use crate::setup::{self, PIPELINE};
use crate::stage::Stage;

pub(crate) async fn play(stage: &Stage) -> Result<()> {
    greedy(stage).await?;
    callers(stage).await
}

async fn greedy(stage: &Stage) -> Result<()> {
    report::section("A component that asks for more than its role grants");
    setup::upload(stage, &stage.client("author")?, "greedy").await?;
    let definition = setup::definition("greedy/definition.asl.json")?;
    let operator = stage.client("operator")?;
    let refused = operator
        .call(
            Method::PUT,
            "/v1/state-machines/greedy",
            Body::Json(definition),
        )
        .await?;
    refused.print();
    let names = |what: &str| {
        refused
            .problems()
            .iter()
            .any(|problem| text(problem, "detail").contains(what))
    };
    expect("publishing is refused", refused.status == 422)?;
    expect(
        "the origin it may not call is named",
        names("https://collector.example.com"),
    )?;
    expect("the access it may not have is named", names("read-write"))
}

async fn callers(stage: &Stage) -> Result<()> {
    report::section("Callers without permission");
    let input = json!({"stateMachine": PIPELINE, "input": {}});
    let refused = stage
        .client("auditor")?
        .call(Method::POST, "/v1/executions", Body::Json(input))
        .await?;
    refused.print();
    let rule = text(&refused.body, "rule");
    expect(
        &format!("an auditor may not start, says rule `{rule}`"),
        refused.status == 403 && !rule.is_empty(),
    )?;

    let review = json!({
        "component": "greedy", "version": guests::VERSION, "role": "release-inspector",
        "decision": "approve", "comment": "trust me",
    });
    let refused = stage
        .client("author")?
        .call(Method::POST, "/v1/reviews", Body::Json(review))
        .await?;
    refused.print();
    let rule = text(&refused.body, "rule");
    expect(
        &format!("an author may not review, says rule `{rule}`"),
        refused.status == 403 && !rule.is_empty(),
    )?;

    let url = stage.url()?;
    let tokens = BTreeMap::from([("stranger".to_owned(), "eyJhbGciOiJub25lIn0.e30.".to_owned())]);
    let stranger = Client::new(&Ready { url, tokens }, "stranger")?;
    let refused = stranger.call(Method::GET, "/v1/whoami", Body::None).await?;
    refused.print();
    expect(
        "a token that nobody signed is refused",
        refused.status == 401,
    )
}
