//! The collector of traces: does it take them.

use super::{Finding, Network};
use crate::config::Config;
use crate::telemetry;

const TRACES: &str = "traces";

pub(super) async fn collector(config: &Config, network: Network) -> Vec<Finding> {
    let Some(collector) = &config.telemetry.collector else {
        return vec![Finding::ok(TRACES, "none are sent")];
    };
    let url = &collector.url;
    let mut findings = Vec::new();
    if collector.is_in_the_clear() {
        findings.push(Finding::warn(
            TRACES,
            format!("`{url}` is reached in the clear"),
            "use https, or a network that nobody else reads; what is in `header_files` is sent too",
        ));
    }
    findings.push(match network {
        Network::Offline => Finding::ok(TRACES, format!("`{url}` was not asked")),
        Network::Asked => match telemetry::probe(collector, &config.trust).await {
            Ok(()) => Finding::ok(TRACES, format!("`{url}` takes traces")),
            Err(problem) => Finding::warn(
                TRACES,
                format!("`{url}`: {problem}"),
                "traces are lost until it takes them, nothing else is: check the address, which is \
                 that of OTLP over HTTP, the network, and `telemetry.header_files`",
            ),
        },
    });
    findings
}
