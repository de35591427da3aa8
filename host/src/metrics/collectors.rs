//! What is looked up when somebody asks, and histograms that several crates fill.

use std::fmt;
use std::path::PathBuf;

use engine::{Engine, Health};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::machine;

/// One metric whose series are told apart by one label.
#[derive(Debug)]
pub(super) struct Histograms {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) label: &'static str,
    pub(super) series: Vec<(&'static str, Histogram)>,
}

impl Collector for Histograms {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric =
            encoder.encode_descriptor(self.name, self.help, None, MetricType::Histogram)?;
        for (value, histogram) in &self.series {
            let labels = [(self.label, *value)];
            histogram.encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// What the engine holds at the moment.
pub(super) struct EnginePulse(pub(super) Engine);

impl fmt::Debug for EnginePulse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EnginePulse")
    }
}

impl Collector for EnginePulse {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let load = self.0.load();
        let gauges = [
            (
                "sluice_executions_loaded",
                "Executions in memory.",
                load.executions_running,
            ),
            (
                "sluice_executions_arriving",
                "Executions on their way from the disk into memory.",
                load.executions_arriving,
            ),
            (
                "sluice_express_running",
                "Express executions that run.",
                load.express_running,
            ),
            (
                "sluice_attempts_running",
                "Attempts that run.",
                load.attempts_running,
            ),
            (
                "sluice_attempts_waiting",
                "Attempts that wait for room.",
                load.attempts_waiting,
            ),
            (
                "sluice_commits_waiting",
                "Commits that wait to be written or are being written.",
                load.commits_waiting,
            ),
            (
                "sluice_starts_waiting",
                "Starts that wait for their turn to be written.",
                load.starts_waiting,
            ),
            (
                "sluice_workers_waiting",
                "Workers that wait for tasks of activities.",
                load.workers_waiting,
            ),
        ];
        for (name, help, value) in gauges {
            gauge(&mut encoder, name, help, value as f64)?;
        }
        let is_ready = self.0.health() == Health::Ready;
        let help = "1 if requests are carried out, else 0.";
        gauge(&mut encoder, "sluice_ready", help, f64::from(is_ready))
    }
}

/// What the store's folder holds at the moment.
#[derive(Debug)]
pub(super) struct StorePulse(pub(super) PathBuf);

impl Collector for StorePulse {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Ok(bytes) = store::disk_bytes(&self.0) {
            let (name, help) = ("sluice_store_disk_bytes", "Bytes of the store's files.");
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (part, bytes) in [("log", bytes.log), ("base", bytes.base)] {
                let labels = [("part", part)];
                ConstGauge::new(bytes as f64).encode(metric.encode_family(&labels)?)?;
            }
        }
        if let Some(found) = machine::file_system(&self.0) {
            gauge(
                &mut encoder,
                "sluice_store_disk_free_bytes",
                "Bytes that the store's file system has left for this process.",
                found.free_bytes as f64,
            )?;
        }
        Ok(())
    }
}

/// What this process uses at the moment, under the names that every Prometheus client has.
#[derive(Debug)]
pub(super) struct ProcessPulse;

impl Collector for ProcessPulse {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(process) = machine::process() else {
            return Ok(());
        };
        let cpu = encoder.encode_descriptor(
            "process_cpu_seconds",
            "Processor time used.",
            None,
            MetricType::Counter,
        )?;
        ConstCounter::new(process.cpu_seconds).encode(cpu)?;
        let gauges = [
            (
                "process_resident_memory_bytes",
                "Resident memory.",
                process.resident_bytes as f64,
            ),
            (
                "process_virtual_memory_bytes",
                "Virtual memory, reservations included.",
                process.virtual_bytes as f64,
            ),
            ("process_threads", "Threads.", process.threads as f64),
            (
                "process_open_fds",
                "Open file descriptors.",
                process.open_descriptors as f64,
            ),
            (
                "process_start_time_seconds",
                "When the process started, since the Unix epoch.",
                process.started_seconds,
            ),
        ];
        for (name, help, value) in gauges {
            gauge(&mut encoder, name, help, value)?;
        }
        if let Some(most) = machine::descriptors_max() {
            let help = "File descriptors that may be open.";
            gauge(&mut encoder, "process_max_fds", help, most as f64)?;
        }
        Ok(())
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> fmt::Result {
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    ConstGauge::new(value).encode(metric)
}
