//! Gets a release's manifest from the release API.

use sluice_step::http::Request;
use sluice_step::{Failure, step};

#[derive(serde::Deserialize)]
struct Input {
    api: String,
    service: String,
    version: String,
}

/// What the release API says about a release.
#[derive(serde::Deserialize, serde::Serialize)]
struct Manifest {
    artifact: Artifact,
    /// The file name of the bill of materials.
    sbom: String,
}

#[derive(serde::Deserialize, serde::Serialize)]
struct Artifact {
    file: String,
    sha256: String,
    bytes: u64,
}

#[step(manifest = "manifest.toml")]
fn fetch_manifest(input: Input) -> Result<Manifest, Failure> {
    let url = format!(
        "{}/v1/releases/{}/{}",
        input.api, input.service, input.version
    );
    let response = Request::get(url)
        .header("accept", "application/json")
        .send()?;
    println!("the release API answered {}", response.status);
    Ok(response.error_for_status()?.json()?)
}
