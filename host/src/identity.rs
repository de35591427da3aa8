//! Who is calling: configured issuers, their keys, and tokens checked against them.
//!
//! Owns when keys are fetched and how long they are kept. Which tokens are believed is `auth`'s
//! to say; no address is ever taken from a token.

pub(crate) mod development;
mod discovery;
mod keys;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use auth::principal::Caller;
use auth::token::{RawToken, Rejected, RejectedKind, verify};
use ports::Clock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config;
pub(crate) use discovery::Discovery;
use keys::IssuerKeys;

/// The configured issuers; cheap to clone.
#[derive(Clone)]
pub(crate) struct Identity {
    issuers: Arc<BTreeMap<String, IssuerKeys>>,
    clock: Arc<dyn Clock>,
}

/// Why a caller is not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The request has no credentials.
    #[error("the request carries no bearer token")]
    Missing,
    /// The token, or the way it was sent, is not acceptable.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The issuer's keys could not be fetched.
    #[error("the keys of the token's issuer cannot be fetched at the moment, try again")]
    KeysUnavailable,
}

impl Identity {
    /// Callers of these providers are known; the keys are fetched with `discovery`.
    pub(crate) fn new(
        providers: Vec<config::Provider>,
        discovery: &Discovery,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let issuers = providers.into_iter().map(|provider| {
            let issuer = provider.rules.issuer().to_owned();
            (issuer, IssuerKeys::new(provider, discovery.clone()))
        });
        Self {
            issuers: Arc::new(issuers.collect()),
            clock,
        }
    }

    /// The caller whose token this is.
    ///
    /// # Errors
    /// Why the token is not believed, or that this cannot be found out at the moment.
    pub(crate) async fn authenticate(&self, token: &RawToken) -> Result<Caller, Refusal> {
        let issuer = token
            .issuer_hint()
            .and_then(|issuer| self.issuers.get(issuer));
        let Some(issuer) = issuer else {
            return Err(Rejected {
                kind: RejectedKind::InvalidToken,
                reason: "the token's issuer is not configured on this host".to_owned(),
                scopes: Vec::new(),
            }
            .into());
        };
        let keys = issuer
            .current(Instant::now())
            .await
            .ok_or(Refusal::KeysUnavailable)?;
        match self.verify(token, issuer, &keys) {
            Err(rejected) if rejected.kind == RejectedKind::UnknownKey => {
                match issuer.after_unknown_key(&keys, Instant::now()).await {
                    Some(keys) => Ok(self.verify(token, issuer, &keys)?),
                    None => Err(rejected.into()),
                }
            }
            Err(rejected) => Err(rejected.into()),
            Ok(caller) => Ok(caller),
        }
    }

    /// Keeps every issuer's keys fresh until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let tasks = TaskTracker::new();
        for issuer in self.issuers.keys().cloned().collect::<Vec<_>>() {
            let (identity, shutdown) = (self.clone(), shutdown.clone());
            tasks.spawn(async move {
                let Some(keys) = identity.issuers.get(&issuer) else {
                    return;
                };
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = keys.keep_fresh() => {}
                }
            });
        }
        tasks.close();
        tasks.wait().await;
    }

    fn verify(
        &self,
        token: &RawToken,
        issuer: &IssuerKeys,
        keys: &auth::token::KeySet,
    ) -> Result<Caller, Rejected> {
        let now_seconds = self.clock.now().0.div_euclid(1000);
        verify(token, issuer.rules(), keys, now_seconds)
    }
}

#[cfg(test)]
mod tests;
