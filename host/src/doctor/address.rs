//! The addresses to listen on: free, or held by the host that holds the store.

use std::net::SocketAddr;
use std::time::Duration;

use super::Finding;
use crate::config::Config;

const ADDRESS: &str = "address";
const HOST: &str = "running host";
const TIME_MAX: Duration = Duration::from_secs(5);

/// What is found; `is_held` says whether a process holds the store.
pub(super) async fn listening(config: &Config, is_held: bool) -> Vec<Finding> {
    let listen = config.server.listen;
    let mut findings = Vec::new();
    if is_held && listen.port() != 0 {
        findings.extend(running(listen).await);
    } else {
        findings.push(free(listen, "server.listen").await);
    }
    if let Some(metrics) = config.metrics.listen.filter(|_| !is_held) {
        findings.push(free(metrics, "metrics.listen").await);
    }
    findings
}

async fn free(address: SocketAddr, setting: &str) -> Finding {
    match tokio::net::TcpListener::bind(address).await {
        Ok(_) => Finding::ok(ADDRESS, format!("`{address}` is free")),
        Err(error) => Finding::fail(
            ADDRESS,
            format!("`{address}` cannot be listened on: {error}"),
            format!("end whoever listens there, or set another `{setting}`"),
        ),
    }
}

/// What the host that holds the store says of itself.
async fn running(address: SocketAddr) -> Vec<Finding> {
    let client = reqwest::Client::builder().no_proxy().timeout(TIME_MAX);
    let client = match client.build() {
        Ok(client) => client,
        Err(error) => {
            return vec![Finding::warn(
                HOST,
                error.to_string(),
                "nothing was asked of it",
            )];
        }
    };
    let ask = async |path: &str| {
        let url = format!("http://{}{path}", reachable(address));
        let response = client.get(url).send().await.ok()?;
        let status = response.status().as_u16();
        let body: serde_json::Value = response.json().await.ok()?;
        let word = body.get("status").and_then(serde_json::Value::as_str);
        Some((status, word.unwrap_or_default().to_owned()))
    };
    match ask("/healthz").await {
        Some((200, word)) if word == "alive" => {}
        Some(_) | None => {
            let found = format!("a process holds the store, but no host answers at `{address}`");
            let advice = "it may be another host, or have another `server.listen`";
            return vec![Finding::warn(HOST, found, advice)];
        }
    }
    vec![match ask("/readyz").await {
        Some((200, word)) => Finding::ok(HOST, format!("it answers at `{address}`: {word}")),
        Some((_, word)) => Finding::warn(
            HOST,
            format!("it answers at `{address}`, but takes no work: {word}"),
            "wait while it starts or recovers; its log says what it is at",
        ),
        None => Finding::warn(HOST, "it does not say whether it is ready", "see its log"),
    }]
}

/// Where a listener on every address is reached from here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
