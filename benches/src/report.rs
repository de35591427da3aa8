//! Everything that one run of measurements came to.

use serde::{Deserialize, Serialize};

use crate::figure::Figure;
use crate::machine::Machine;

/// The version of the JSON document's shape.
const FORMAT: u32 = 1;

/// The whole run, as `--output json` tells it.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    format: u32,
    machine: Machine,
    /// The git revision of the sources, with `+` behind it where they differ from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    is_long: bool,
    pub(crate) measurements: Vec<Measured>,
}

/// What one measurement came to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) about: String,
    /// How long it took.
    pub(crate) seconds: f64,
    pub(crate) figures: Vec<Figure>,
    /// Why there are no figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

impl Report {
    pub(crate) fn new(machine: Machine, revision: Option<String>, is_long: bool) -> Self {
        Self {
            format: FORMAT,
            machine,
            revision,
            is_long,
            measurements: Vec::new(),
        }
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(crate) fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }

    /// The measurements that failed.
    pub(crate) fn failed(&self) -> Vec<&str> {
        let failed = self.measurements.iter();
        let failed = failed.filter(|measured| measured.error.is_some());
        failed.map(|measured| measured.name.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_document_says_where_what_and_which() {
        let machine = Machine {
            processor: "a processor".to_owned(),
            cores: 2,
            kernel: "6.1".to_owned(),
            filesystem: "ext4".to_owned(),
            load_average: Some(0.5),
        };
        let mut report = Report::new(machine, Some("abc".to_owned()), false);
        report.measurements.push(Measured {
            name: "start".to_owned(),
            about: "the process".to_owned(),
            seconds: 1.5,
            figures: vec![Figure::new("idle", "MiB", 27.0)],
            error: None,
        });
        report.measurements.push(Measured {
            name: "http".to_owned(),
            about: "requests".to_owned(),
            seconds: 0.5,
            figures: Vec::new(),
            error: Some("no port".to_owned()),
        });
        assert_eq!(report.failed(), ["http"]);
        let shown: Value = serde_json::to_value(&report).unwrap();
        assert_eq!(
            shown,
            json!({
                "format": 1,
                "machine": {"processor": "a processor", "cores": 2, "kernel": "6.1",
                    "filesystem": "ext4", "load_average": 0.5},
                "revision": "abc",
                "is_long": false,
                "measurements": [
                    {"name": "start", "about": "the process", "seconds": 1.5,
                        "figures": [{"name": "idle", "unit": "MiB", "median": 27.0}]},
                    {"name": "http", "about": "requests", "seconds": 0.5, "figures": [],
                        "error": "no port"},
                ],
            })
        );
    }
}
