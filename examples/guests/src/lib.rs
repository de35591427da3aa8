//! Builds the example components, for the demo and the tests.
//!
//! Owns the nested cargo run: the WebAssembly target, the guests' own target directory, where
//! each component ends up. It runs when it is called, never in a build script, and does not
//! know what the components do.

mod origin;
mod toolchain;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

pub use origin::{PLACEHOLDER_ORIGIN, at_origin};

/// The version every example component is published under.
pub const VERSION: &str = "1.0.0";

/// The folder `examples/`.
pub fn folder() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// The built components by name.
#[derive(Clone, Debug)]
pub struct Guests {
    components: BTreeMap<String, PathBuf>,
}

impl Guests {
    /// Builds every example component; quick when nothing changed.
    ///
    /// # Errors
    /// The WebAssembly target is missing and rustup cannot add it, or the guests do not compile.
    pub fn build() -> Result<Self> {
        let folder = folder();
        toolchain::ensure_target(&folder)?;
        let output = cargo(&folder)
            .args([
                "build",
                "--quiet",
                "--release",
                "--target",
                toolchain::TARGET,
            ])
            .args([
                "--message-format",
                "json-render-diagnostics",
                "--target-dir",
            ])
            .arg(folder.join("target"))
            .output()
            .context("cargo cannot be run")?;
        if !output.status.success() {
            bail!(
                "the example components do not build:\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        let components: BTreeMap<_, _> = messages.lines().filter_map(component).collect();
        if components.is_empty() {
            bail!("cargo built no component in `{}`", folder.display());
        }
        Ok(Self { components })
    }

    /// The names of the components, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.components.keys().map(String::as_str)
    }

    /// The component's file.
    ///
    /// # Errors
    /// There is no example of that name.
    pub fn path(&self, name: &str) -> Result<&Path> {
        let path = self.components.get(name);
        path.map(PathBuf::as_path)
            .with_context(|| format!("there is no example component `{name}`"))
    }

    /// The component's bytes.
    ///
    /// # Errors
    /// There is no example of that name, or its file cannot be read.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.path(name)?;
        fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
    }
}

/// A cargo whose flags and directories are the guests' own, not those of the build around it.
fn cargo(folder: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(folder);
    for variable in [
        "CARGO_BUILD_TARGET",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_TARGET_DIR",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
    ] {
        command.env_remove(variable);
    }
    command
}

/// The name and file of a component that a line of cargo's messages tells of.
fn component(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message.get("reason")? != "compiler-artifact" {
        return None;
    }
    let name = message.pointer("/target/name")?.as_str()?.replace('_', "-");
    let files = message.get("filenames")?.as_array()?;
    let mut files = files.iter().filter_map(Value::as_str);
    let file = files.find(|file| file.ends_with(".wasm"))?;
    Some((name, PathBuf::from(file)))
}

#[cfg(test)]
mod tests;
