//! `[metrics]`: where metrics are read without a token.

use std::net::SocketAddr;

use document::{Node, Problems};

use super::Surroundings;

/// Where metrics are read without a token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    /// An address of its own, on which nothing else is served; none if absent.
    pub(crate) listen: Option<SocketAddr>,
}

impl Metrics {
    pub(super) fn read(
        section: Option<Node<'_>>,
        surroundings: &Surroundings<'_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let Some(section) = section else {
            return Some(Self::default());
        };
        let mut fields = section.object(problems)?;
        let listen = fields.optional("listen");
        let listen = listen.map(|node| {
            super::server::address(Some(node), "/metrics/listen", surroundings.mode, problems)
        });
        fields.finish(problems);
        match listen {
            Some(listen) => Some(Self {
                listen: Some(listen?),
            }),
            None => Some(Self::default()),
        }
    }
}
