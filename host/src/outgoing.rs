//! The client for what the host itself asks: identity providers, and the collector of traces.

use std::time::Duration;

use reqwest::{Certificate, Client};

use crate::config::Trust;

/// The client could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// A certificate file cannot be read.
    #[error("the certificate file `{path}` cannot be read: {source}")]
    File {
        /// Which one.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The TLS library refuses.
    #[error("the client for what the host itself asks cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
}

/// A client that follows no redirect and uses no proxy; `time_max` bounds each exchange.
///
/// # Errors
/// The TLS library or a certificate file is not usable.
pub(crate) fn client(trust: &Trust, time_max: Duration) -> Result<Client, ClientError> {
    let mut certificates = Vec::new();
    for path in &trust.root_certificates {
        let pem = std::fs::read(path).map_err(|source| ClientError::File {
            path: path.display().to_string(),
            source,
        })?;
        certificates.extend(Certificate::from_pem_bundle(&pem)?);
    }
    let client = Client::builder()
        .tls_certs_merge(certificates)
        .timeout(time_max)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
        .build()?;
    Ok(client)
}
