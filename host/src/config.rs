//! The host's configuration: one typed value from defaults, a TOML file and the environment.
//!
//! Owns what may be configured, the defaults, and the report of everything that is wrong at
//! once. It does not know what is built from it; see `assemble`.

mod aws;
mod databases;
mod environment;
mod identity;
mod limits;
mod logs;
mod metrics;
mod mocks;
mod policy;
mod retention;
mod server;
mod store;
mod telemetry;
mod trust;
mod volumes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auth::names::Name;
use document::{Node, Problem, Problems, parse_toml};
use engine::{Mocks, RetentionRules};
use serde_json::{Map, Value};

pub(crate) use aws::Aws;
pub(crate) use identity::{Identity, Provider};
pub(crate) use limits::Limits;
pub(crate) use logs::{LogFormat, Logs};
pub(crate) use metrics::Metrics;
pub(crate) use policy::Policy;
pub(crate) use server::Server;
pub(crate) use store::Store;
pub(crate) use telemetry::{Collector, Telemetry};
pub(crate) use trust::Trust;

/// What `sluice config` prints: every setting with its default and what it means.
pub(crate) const COMMENTED: &str = include_str!("config/commented.toml");

/// A configuration file larger than this is refused.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Everything the host can be told.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) store: Store,
    pub(crate) identity: Identity,
    pub(crate) policy: Policy,
    pub(crate) aws: Aws,
    pub(crate) trust: Trust,
    pub(crate) volumes: BTreeMap<Name, PathBuf>,
    pub(crate) limits: Limits,
    pub(crate) retention: RetentionRules,
    pub(crate) metrics: Metrics,
    pub(crate) logs: Logs,
    pub(crate) telemetry: Telemetry,
    /// Answers for Tasks, on a laptop.
    pub(crate) mocks: Arc<Mocks>,
}

/// Which of the two ways of running the defaults are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `sluice serve`: nothing is assumed.
    Serve,
    /// `sluice dev`: a laptop, loopback only.
    Development,
}

/// Where a configuration comes from; later ones win.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// Which defaults hold.
    pub(crate) mode: Mode,
    /// The TOML file.
    pub(crate) file: Option<PathBuf>,
    /// Environment variables; those that do not begin with `SLUICE__` are passed over.
    pub(crate) environment: Vec<(String, String)>,
    /// `--listen`.
    pub(crate) listen: Option<String>,
    /// `--data`.
    pub(crate) data: Option<PathBuf>,
    /// `--mock-config`.
    pub(crate) mock_config: Option<PathBuf>,
}

/// What section readers are told besides their section.
struct Surroundings<'a> {
    mode: Mode,
    /// Relative paths begin here: the configuration file's folder, else the current one.
    base: &'a Path,
}

impl Config {
    /// Reads and checks a configuration.
    ///
    /// # Errors
    /// Every problem, with the JSON pointer of the setting and the variable that set it.
    pub(crate) fn load(sources: &Sources) -> Result<Self, Vec<Problem>> {
        let mut document = match &sources.file {
            Some(path) => read(path).map_err(|problem| vec![problem])?,
            None => Value::Object(Map::new()),
        };
        let mut problems = Problems::default();
        let overridden = environment::apply(&mut document, &sources.environment, &mut problems);
        apply_flags(&mut document, sources);
        let base = sources.file.as_deref().and_then(Path::parent);
        let surroundings = Surroundings {
            mode: sources.mode,
            base: base.unwrap_or(Path::new("")),
        };
        let mut config = Self::from_document(&document, &surroundings, &mut problems);
        match sources.mock_config.as_deref().map(mocks::read) {
            Some(Ok(mocks)) => config
                .iter_mut()
                .for_each(|config| config.mocks = Arc::new(mocks.clone())),
            Some(Err(found)) => problems.extend(found),
            None => {}
        }
        problems.or(config).map_err(|problems| {
            let named = problems.into_iter();
            named
                .map(|problem| environment::name_variable(problem, &overridden))
                .collect()
        })
    }

    fn from_document(
        document: &Value,
        surroundings: &Surroundings<'_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut fields = Node::root(document).object(problems)?;
        let server = Server::read(fields.optional("server"), surroundings, problems);
        let store = Store::read(fields.optional("store"), surroundings, problems);
        let identity = Identity::read(fields.optional("identity"), problems);
        let policy = Policy::read(fields.optional("policy"), surroundings, problems);
        let aws = Aws::read(fields.optional("aws"), problems);
        let trust = Trust::read(fields.optional("trust"), surroundings, problems);
        let volumes = volumes::read(fields.optional("volumes"), surroundings, problems);
        databases::refuse(fields.optional("databases"), problems);
        let limits = Limits::read(fields.optional("limits"), problems);
        let retention = retention::read(fields.optional("retention"), problems);
        let metrics = Metrics::read(fields.optional("metrics"), surroundings, problems);
        let logs = Logs::read(fields.optional("logs"), problems);
        let telemetry = Telemetry::read(fields.optional("telemetry"), surroundings, problems);
        fields.finish(problems);
        Some(Self {
            server: server?,
            store: store?,
            identity: identity?,
            policy: policy?,
            aws: aws?,
            trust: trust?,
            volumes: volumes?,
            limits: limits?,
            retention: retention?,
            metrics: metrics?,
            logs: logs?,
            telemetry: telemetry?,
            mocks: Arc::default(),
        })
    }
}

fn read(path: &Path) -> Result<Value, Problem> {
    let shown = path.display();
    let problem = |error: &dyn std::fmt::Display| {
        Problem::new("", format!("the file `{shown}` cannot be read: {error}"))
    };
    let metadata = std::fs::metadata(path).map_err(|error| problem(&error))?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(problem(&format_args!(
            "it is larger than {FILE_BYTES_MAX} bytes"
        )));
    }
    let text = std::fs::read_to_string(path).map_err(|error| problem(&error))?;
    parse_toml(text.trim_start_matches('\u{feff}')).map_err(|mut problem| {
        problem.message = format!("in `{shown}`: {}", problem.message);
        problem
    })
}

/// Flags are written into the document, so that they pass the same checks as settings.
fn apply_flags(document: &mut Value, sources: &Sources) {
    let listen = sources
        .listen
        .clone()
        .map(|text| ("server", "listen", text));
    let data = sources.data.as_ref().map(|path| {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        ("store", "path", absolute.to_string_lossy().into_owned())
    });
    for (section, name, text) in listen.into_iter().chain(data) {
        let Some(sections) = document.as_object_mut() else {
            continue;
        };
        let entry = sections
            .entry(section)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Some(members) = entry.as_object_mut() {
            members.insert(name.to_owned(), Value::String(text));
        }
    }
}

/// A whole number within `range`, or `default` where it is not set.
fn number(
    node: Option<Node<'_>>,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
    problems: &mut Problems,
) -> Option<u64> {
    let Some(node) = node else {
        return Some(default);
    };
    let value = node.unsigned(problems)?;
    if !range.contains(&value) {
        let (least, most) = (range.start(), range.end());
        node.problem(
            format!("`{value}` is out of range, use {least} to {most}"),
            problems,
        );
        return None;
    }
    Some(value)
}

/// A text, or `default` where it is not set.
fn text(node: Option<Node<'_>>, default: &str, problems: &mut Problems) -> Option<String> {
    match node {
        Some(node) => node.string(problems).map(str::to_owned),
        None => Some(default.to_owned()),
    }
}

#[cfg(test)]
mod tests;
