//! `sluice doctor`: is this installation sound, and if not, what to do.
//!
//! Owns the checks and what is said of them. Each looks at one thing and leaves it as it found
//! it; none needs the network but those of the identity providers
//! and of the collector of traces.

mod address;
mod clock;
mod data;
mod disk;
mod identity;
mod machine;
mod store;
mod traces;

use serde_json::{Value, json};

use crate::config::{Config, Mode, Sources};

/// How serious a finding is; the order is that of the exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Ok,
    Warn,
    Fail,
}

impl Verdict {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) check: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) found: String,
    /// What to do about it.
    pub(crate) advice: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Ok,
            found: found.into(),
            advice: None,
        }
    }

    fn warn(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Warn,
            advice: Some(advice.into()),
            ..Self::ok(check, found)
        }
    }

    fn fail(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Fail,
            advice: Some(advice.into()),
            ..Self::ok(check, found)
        }
    }

    /// `{check, verdict, found, advice}`.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "check": self.check,
            "verdict": self.verdict.word(),
            "found": self.found,
            "advice": self.advice,
        })
    }
}

/// Whether identity providers and the collector of traces may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// They are asked.
    Asked,
    /// Nobody is.
    Offline,
}

/// Looks at everything.
pub(crate) async fn examine(sources: &Sources, network: Network) -> Vec<Finding> {
    let version = format!("sluice {}", env!("CARGO_PKG_VERSION"));
    let mut findings = vec![Finding::ok("version", version), clock::sane()];
    let config = match Config::load(sources) {
        Ok(config) => config,
        Err(problems) => {
            let failed = problems.iter().map(|problem| {
                Finding::fail(
                    "configuration",
                    problem.to_string(),
                    "correct it; nothing that depends on the configuration was checked",
                )
            });
            findings.extend(failed);
            return findings;
        }
    };
    findings.extend(configuration(sources, &config));
    findings.extend(data::folder(&config));
    findings.push(machine::descriptors(&config));
    findings.extend(machine::volumes(&config));
    findings.push(machine::sandbox(&config).await);
    let (kept, is_held) = store::examine(&config).await;
    findings.extend(kept);
    findings.extend(address::listening(&config, is_held).await);
    findings.extend(identity::providers(&config, network).await);
    findings.extend(traces::collector(&config, network).await);
    findings
}

/// What a valid configuration leaves to be desired.
fn configuration(sources: &Sources, config: &Config) -> Vec<Finding> {
    let file = sources.file.as_ref().map(|file| file.display().to_string());
    let read = match file {
        Some(file) => format!("`{file}` is valid"),
        None => "the defaults and the environment are valid".to_owned(),
    };
    let policies = match (config.policy.is_configured, sources.mode) {
        (true, _) => Finding::ok(
            "policies",
            format!("they load, digest {}", config.policy.policies.digest()),
        ),
        (false, Mode::Development) => Finding::ok("policies", "those of `sluice dev`"),
        (false, Mode::Serve) => Finding::warn(
            "policies",
            "there are none, so every call is refused",
            "name Cedar files in `policy.files`",
        ),
    };
    vec![Finding::ok("configuration", read), policies]
}

#[cfg(test)]
mod tests;
