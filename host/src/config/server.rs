//! `[server]`: where to listen and how to stop.

use std::net::SocketAddr;

use document::{Node, Problems};

use super::{Mode, Surroundings, number, text};

const LISTEN: &str = "127.0.0.1:8080";
const CONNECTIONS_MAX: u64 = 1024;
const HEADERS_MS_MAX: u64 = 30_000;
const BODY_MS_MAX: u64 = 60_000;
const DRAIN_MS: u64 = 30_000;

/// Where to listen and how to stop.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// The address to listen on.
    pub(crate) listen: SocketAddr,
    /// Connections served at once; further ones wait to be accepted.
    pub(crate) connections_max: usize,
    /// How long a client may take to send a request's head.
    pub(crate) headers_ms_max: u64,
    /// How long a client may take to send a request's body.
    pub(crate) body_ms_max: u64,
    /// How long running attempts may take to end after a request to shut down.
    pub(crate) drain_ms: u64,
}

impl Server {
    pub(super) fn read(
        section: Option<Node<'_>>,
        surroundings: &Surroundings<'_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let empty = serde_json::json!({});
        let section = section.unwrap_or(Node {
            value: &empty,
            pointer: "/server".to_owned(),
        });
        let mut fields = section.object(problems)?;
        let listen = fields.optional("listen");
        let listen = address(listen, "/server/listen", surroundings.mode, problems);
        let connections = fields.optional("connections_max");
        let connections = number(connections, CONNECTIONS_MAX, 1..=1_000_000, problems);
        let headers = fields.optional("headers_ms_max");
        let headers = number(headers, HEADERS_MS_MAX, 100..=600_000, problems);
        let body = fields.optional("body_ms_max");
        let body = number(body, BODY_MS_MAX, 100..=3_600_000, problems);
        let drain = number(
            fields.optional("drain_ms"),
            DRAIN_MS,
            0..=3_600_000,
            problems,
        );
        fields.finish(problems);
        Some(Self {
            listen: listen?,
            connections_max: usize::try_from(connections?).unwrap_or(usize::MAX),
            headers_ms_max: headers?,
            body_ms_max: body?,
            drain_ms: drain?,
        })
    }
}

/// The address at `pointer`, or the usual one.
pub(super) fn address(
    node: Option<Node<'_>>,
    pointer: &str,
    mode: Mode,
    problems: &mut Problems,
) -> Option<SocketAddr> {
    let listen = text(node, LISTEN, problems)?;
    let Ok(address) = listen.parse::<SocketAddr>() else {
        let message = format!(
            "`{}` is not an address, use one such as `127.0.0.1:8080` or `[::1]:8080`",
            listen.escape_debug()
        );
        problems.push(pointer, message);
        return None;
    };
    if mode == Mode::Development && !address.ip().is_loopback() {
        let message = format!(
            "`sluice dev` listens on loopback only and `{address}` is not, use `127.0.0.1` or `sluice serve`"
        );
        problems.push(pointer, message);
        return None;
    }
    Some(address)
}
