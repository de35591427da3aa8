//! What the operator decides about running components.
//!
//! Owns the knobs and their safe defaults. It does not know where they were written.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use auth::names::Name;

/// How components are run on this host. Every limit holds for each upload, attempt or request.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// The directories that manifests and roles name, opened once at start.
    pub volumes: BTreeMap<Name, PathBuf>,
    /// PEM files with certificate authorities trusted besides the platform's.
    pub extra_root_certificates: Vec<PathBuf>,
    /// The largest component that may be uploaded.
    pub upload_bytes_max: usize,
    /// The most functions a component may define.
    pub functions_max: usize,
    /// How long a caller waits for a component to be compiled.
    pub compile_time_max: Duration,
    /// How many compiled components are kept.
    pub compiled_count_max: usize,
    /// How many bytes of machine code are kept.
    pub compiled_bytes_max: u64,
    /// How many attempts run at once; more wait.
    pub attempts_max: u32,
    /// How often running guests are interrupted to be measured and to let others run.
    pub tick: Duration,
    /// The most bytes in the body of one outgoing HTTP request, and of one response.
    pub http_body_bytes_max: u64,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            volumes: BTreeMap::new(),
            extra_root_certificates: Vec::new(),
            upload_bytes_max: 64 << 20,
            functions_max: 200_000,
            compile_time_max: Duration::from_secs(120),
            compiled_count_max: 256,
            compiled_bytes_max: 1 << 30,
            attempts_max: 256,
            tick: Duration::from_millis(1),
            http_body_bytes_max: 64 << 20,
        }
    }
}

/// Why components cannot be run on this host.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is at fault; each line says what and where.
    #[error("{}", .0.join("; "))]
    Config(Vec<String>),
    /// The machine cannot do what the sandbox needs.
    #[error("the sandbox cannot be set up: {0}")]
    Sandbox(String),
}
