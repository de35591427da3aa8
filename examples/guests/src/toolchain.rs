//! The WebAssembly target of the Rust toolchain.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// What components are compiled for.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// Adds the target through rustup if the toolchain in use in `folder` lacks it.
pub(crate) fn ensure_target(folder: &Path) -> Result<()> {
    if has_target(folder)? {
        return Ok(());
    }
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .current_dir(folder)
        .output()
        .with_context(|| {
            format!("the Rust target `{TARGET}` is missing and rustup cannot be run to add it; install rustup, or a toolchain with that target")
        })?;
    if !added.status.success() {
        let reason = String::from_utf8_lossy(&added.stderr);
        bail!(
            "the Rust target `{TARGET}` is missing and rustup cannot add it: {}",
            reason.trim()
        );
    }
    if !has_target(folder)? {
        bail!(
            "rustup added `{TARGET}`, but not to the toolchain that `rustc` runs; use rustup's `rustc`"
        );
    }
    Ok(())
}

fn has_target(folder: &Path) -> Result<bool> {
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--print", "sysroot"])
        .current_dir(folder)
        .output()
        .context("rustc cannot be run")?;
    if !output.status.success() {
        bail!(
            "rustc cannot say where it is: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(sysroot
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib")
        .is_dir())
}
