//! A step that counts artifacts, with a manifest that asks for far more than that takes.

use sluice_step::{Failure, OrFail, step};

#[derive(serde::Deserialize)]
struct Input {}

#[derive(serde::Serialize)]
struct Output {
    artifacts: usize,
}

#[step(manifest = "manifest.toml")]
fn count(_input: Input) -> Result<Output, Failure> {
    let entries = std::fs::read_dir("/artifacts").or_fail("Artifacts.Unreadable")?;
    Ok(Output {
        artifacts: entries.count(),
    })
}
