//! From files to a published pipeline: who uploads, grants, signs off and publishes.

use std::fs;

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Body, Client, text};
use crate::report::{self, expect};
use crate::stage::Stage;

/// The state machine's name.
pub(crate) const PIPELINE: &str = "release-pipeline";

/// Which component runs under which role.
const PAIRS: [(&str, &str); 6] = [
    ("fetch-manifest", "release-fetcher"),
    ("verify-checksum", "release-inspector"),
    ("scan-licences", "release-inspector"),
    ("check-policy", "release-policy"),
    ("record-release", "release-recorder"),
    ("notify", "release-notifier"),
];

const ROLES: [&str; 5] = [
    "release-fetcher",
    "release-inspector",
    "release-policy",
    "release-recorder",
    "release-notifier",
];

/// Uploads, grants, reviews and publishes.
///
/// # Errors
/// Something is refused, or is not refused before it was reviewed.
pub(crate) async fn publish(stage: &Stage) -> Result<()> {
    let (author, operator) = (stage.client("author")?, stage.client("operator")?);
    report::section("The author uploads components");
    for (component, _) in PAIRS {
        upload(stage, &author, component).await?;
    }
    report::section("The operator writes roles");
    for role in ROLES {
        put_role(stage, &operator, role).await?;
    }
    report::section("The operator publishes, before anything was reviewed");
    let path = format!("/v1/state-machines/{PIPELINE}");
    let definition = definition("release-pipeline/definition.asl.json")?;
    let refused = operator
        .call(Method::PUT, &path, Body::Json(definition.clone()))
        .await?;
    refused.print();
    expect(
        "a pipeline without reviews is refused, every pair listed",
        refused.status == 422 && refused.problems().len() >= PAIRS.len(),
    )?;

    report::section("The reviewer signs off each component under its role");
    let reviewer = stage.client("reviewer")?;
    for (component, role) in PAIRS {
        review(&reviewer, component, role).await?;
    }
    report::section("The operator publishes again");
    let published = operator
        .done(Method::PUT, &path, Body::Json(definition))
        .await?;
    report::line(&format!(
        "{} revision {}",
        text(&published, "stateMachineArn"),
        published["revision"]
    ));
    Ok(())
}

/// Uploads an example component, its manifest pointed to the demo's release API.
///
/// # Errors
/// It is refused.
pub(crate) async fn upload(stage: &Stage, author: &Client, component: &str) -> Result<()> {
    let mut wasm = stage.guests.bytes(component)?;
    if ["fetch-manifest", "notify"].contains(&component) {
        wasm = guests::at_origin(wasm, &stage.service.origin)?;
    }
    upload_bytes(author, component, wasm).await
}

/// Uploads a component.
///
/// # Errors
/// It is refused.
pub(crate) async fn upload_bytes(author: &Client, component: &str, wasm: Vec<u8>) -> Result<()> {
    let kibibytes = wasm.len() / 1024;
    let path = format!("/v1/components/{component}/versions/{}", guests::VERSION);
    let uploaded = author.done(Method::PUT, &path, Body::Wasm(wasm)).await?;
    let digest = text(&uploaded, "digest")
        .get(..19)
        .unwrap_or_default()
        .to_owned();
    report::line(&format!(
        "{component:<16} {kibibytes:>4} KiB  {digest}…  needs {}",
        needs(&uploaded["needs"])
    ));
    Ok(())
}

async fn put_role(stage: &Stage, operator: &Client, role: &str) -> Result<()> {
    let file = guests::folder().join(format!("release-pipeline/roles/{role}.toml"));
    let grants =
        fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let grants = grants.replace(guests::PLACEHOLDER_ORIGIN, &stage.service.origin);
    let grants: Value =
        toml::from_str(&grants).with_context(|| format!("`{}` is not TOML", file.display()))?;
    let stored = operator
        .done(
            Method::PUT,
            &format!("/v1/roles/{role}"),
            Body::Json(grants.clone()),
        )
        .await?;
    report::line(&format!(
        "{role:<18} revision {}  grants {}",
        stored["revision"],
        needs(&grants)
    ));
    Ok(())
}

/// Signs off a component under a role, having read the review document.
///
/// # Errors
/// It is refused.
pub(crate) async fn review(reviewer: &Client, component: &str, role: &str) -> Result<()> {
    let version = guests::VERSION;
    let path = format!("/v1/reviews?component={component}&version={version}&role={role}");
    let document = reviewer.done(Method::GET, &path, Body::None).await?;
    anyhow::ensure!(
        document.is_object(),
        "the review document of `{component}` is not an object"
    );
    let review = json!({
        "component": component,
        "version": version,
        "role": role,
        "decision": "approve",
        "comment": "imports, needs and reasons read",
    });
    reviewer
        .done(Method::POST, "/v1/reviews", Body::Json(review))
        .await?;
    report::line(&format!("{component:<16} under {role}"));
    Ok(())
}

/// A definition from `examples/`.
///
/// # Errors
/// It cannot be read.
pub(crate) fn definition(file: &str) -> Result<Value> {
    let path = guests::folder().join(file);
    let text = fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("`{}` is not JSON", path.display()))
}

/// Capabilities in a few words.
fn needs(capabilities: &Value) -> String {
    let entries = |name: &str| {
        capabilities[name]
            .as_array()
            .map_or(&[][..], Vec::as_slice)
            .iter()
    };
    let mut words = Vec::new();
    for http in entries("http") {
        let list = |member: &str| {
            let items = http[member]
                .as_array()
                .map_or(&[][..], Vec::as_slice)
                .iter();
            items
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(" ")
        };
        words.push(format!(
            "{} {}{}",
            list("methods"),
            list("origins"),
            list("paths")
        ));
    }
    for volume in entries("filesystem") {
        words.push(format!(
            "{} of volume {}",
            text(volume, "access"),
            text(volume, "volume")
        ));
    }
    if let Some(config) = capabilities["config"].as_object() {
        words.push(format!("{} configuration values", config.len()));
    }
    if capabilities["ambient"]["clock"] == true {
        words.push("the clock".to_owned());
    }
    if words.is_empty() {
        "nothing".to_owned()
    } else {
        words.join(", ")
    }
}
