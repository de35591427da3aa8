//! Builds the JSONata evaluator in `host/evaluator` as a component, for the runtime to embed.
//!
//! A nested cargo run with a target directory and flags of its own. It needs rustup, or a
//! toolchain that has the target, and the registry for the evaluator's dependencies.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result, bail, ensure};

const TARGET: &str = "wasm32-wasip2";
/// What the evaluator is built from, in its folder.
const SOURCES: &[&str] = &["Cargo.toml", "Cargo.lock", "src", "wit"];
/// Settings of the build around this one that must not reach the evaluator's.
const FOREIGN_VARIABLES: &[&str] = &[
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
];

fn main() -> Result<()> {
    let runtime = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let folder = runtime.with_file_name("evaluator");
    println!("cargo::rerun-if-changed=build.rs");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", folder.join(source).display());
    }
    let out = PathBuf::from(variable("OUT_DIR")?);
    let component = build(&folder, &out.join("evaluator-target"))
        .context("the JSONata evaluator, a part of the host, cannot be built")?;
    fs::copy(&component, out.join("evaluator.wasm"))
        .with_context(|| format!("cannot copy `{}`", component.display()))?;
    Ok(())
}

fn build(folder: &Path, target: &Path) -> Result<PathBuf> {
    ensure_target(folder)?;
    let mut cargo = Command::new(variable("CARGO")?);
    cargo
        .current_dir(folder)
        .args(["build", "--locked", "--quiet", "--release"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(target);
    for variable in FOREIGN_VARIABLES {
        cargo.env_remove(variable);
    }
    let built = cargo.output().context("cargo cannot be run")?;
    ensure!(
        built.status.success(),
        "cargo says:\n{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let component = target.join(TARGET).join("release").join("evaluator.wasm");
    ensure!(
        component.is_file(),
        "cargo built no `{}`",
        component.display()
    );
    Ok(component)
}

/// Adds the target through rustup if the toolchain in use lacks it.
fn ensure_target(folder: &Path) -> Result<()> {
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
    ensure!(
        has_target(folder)?,
        "rustup added `{TARGET}`, but not to the toolchain that `rustc` runs; use rustup's `rustc`"
    );
    Ok(())
}

fn has_target(folder: &Path) -> Result<bool> {
    let printed = Command::new(variable("RUSTC")?)
        .args(["--print", "sysroot"])
        .current_dir(folder)
        .output()
        .context("rustc cannot be run")?;
    ensure!(
        printed.status.success(),
        "rustc cannot say where it is: {}",
        String::from_utf8_lossy(&printed.stderr).trim()
    );
    let sysroot = PathBuf::from(String::from_utf8_lossy(&printed.stdout).trim());
    let libraries = sysroot.join("lib").join("rustlib").join(TARGET).join("lib");
    Ok(libraries.is_dir())
}

fn variable(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("cargo did not set `{name}`"))
}
