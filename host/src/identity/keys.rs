//! The signing keys of one issuer, kept in memory.
//!
//! Owns when they are fetched again: before they age, and once when a token names a key that is
//! not among them. A failing issuer's last good keys hold for a day.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use auth::token::{IssuerRules, KeySet};

use super::discovery::{Discovery, Fetched};
use crate::config::Provider;

/// Keys are fetched again after their `max-age`, but within these bounds.
const REFRESH_AFTER_MIN: Duration = Duration::from_secs(60);
const REFRESH_AFTER_MAX: Duration = Duration::from_secs(60 * 60);
/// How long keys hold that could not be fetched again.
const KEEP_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// After an unknown key led to a fetch, no other unknown key does for this long.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(5 * 60);
/// After a failed fetch, no request causes another for this long.
const FAILURE_PAUSE: Duration = Duration::from_secs(5);

/// The signing keys of one issuer.
pub(super) struct IssuerKeys {
    provider: Provider,
    discovery: Discovery,
    cache: Mutex<Cache>,
    /// Held by the one fetch in flight.
    flight: tokio::sync::Mutex<()>,
}

impl IssuerKeys {
    pub(super) fn new(provider: Provider, discovery: Discovery) -> Self {
        Self {
            provider,
            discovery,
            cache: Mutex::default(),
            flight: tokio::sync::Mutex::default(),
        }
    }

    /// What the issuer's tokens must look like.
    pub(super) fn rules(&self) -> &IssuerRules {
        &self.provider.rules
    }

    /// The keys to check a token with; `None` if none could be had within the last day.
    pub(super) async fn current(&self, now: Instant) -> Option<Arc<KeySet>> {
        let known = self.cache().keys(now);
        if known.is_some() {
            return known;
        }
        self.fetch(None, now).await;
        self.cache().keys(now)
    }

    /// Other keys than `seen`, which lack the one a token names; `None` if there are none or it
    /// is too early to ask again.
    pub(super) async fn after_unknown_key(
        &self,
        seen: &Arc<KeySet>,
        now: Instant,
    ) -> Option<Arc<KeySet>> {
        let is_other = |keys: &Arc<KeySet>| !Arc::ptr_eq(keys, seen);
        if let Some(keys) = self.cache().keys(now).filter(is_other) {
            return Some(keys);
        }
        if !self.cache().may_ask_for_unknown_key(now) {
            return None;
        }
        self.fetch(Some(seen), now).await;
        self.cache().keys(now).filter(is_other)
    }

    /// Fetches the keys at once and then whenever they age; never returns.
    pub(super) async fn keep_fresh(&self) {
        loop {
            let now = Instant::now();
            let seen = self.cache().keys(now);
            self.fetch(seen.as_ref(), now).await;
            let pause = self.cache().refresh_after();
            tokio::time::sleep(jittered(pause)).await;
        }
    }

    /// Fetches unless another call has replaced `seen` meanwhile or has just failed.
    async fn fetch(&self, seen: Option<&Arc<KeySet>>, now: Instant) {
        let _flight = self.flight.lock().await;
        let latest = self.cache().keys(now);
        let is_replaced = match (&latest, seen) {
            (Some(latest), Some(seen)) => !Arc::ptr_eq(latest, seen),
            (latest, _) => latest.is_some(),
        };
        if is_replaced || self.cache().has_just_failed(now) {
            return;
        }
        let issuer = self.rules().issuer();
        match self.discovery.fetch(&self.provider).await {
            Ok(fetched) => {
                tracing::debug!(issuer, "fetched the issuer's keys");
                self.cache().replace(fetched, Instant::now());
            }
            Err(error) => {
                tracing::warn!(issuer, %error, "the issuer's keys cannot be fetched");
                self.cache().failed_at = Some(Instant::now());
            }
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is remembered between fetches. Pure: times are arguments.
#[derive(Default)]
struct Cache {
    loaded: Option<Loaded>,
    failed_at: Option<Instant>,
    unknown_key_at: Option<Instant>,
}

struct Loaded {
    keys: Arc<KeySet>,
    at: Instant,
    max_age: Option<Duration>,
}

impl Cache {
    fn keys(&self, now: Instant) -> Option<Arc<KeySet>> {
        let loaded = self.loaded.as_ref()?;
        let is_kept = now.saturating_duration_since(loaded.at) <= KEEP_MAX;
        is_kept.then(|| Arc::clone(&loaded.keys))
    }

    fn replace(&mut self, fetched: Fetched, now: Instant) {
        self.failed_at = None;
        self.loaded = Some(Loaded {
            keys: Arc::new(fetched.keys),
            at: now,
            max_age: fetched.max_age,
        });
    }

    fn has_just_failed(&self, now: Instant) -> bool {
        is_within(self.failed_at, FAILURE_PAUSE, now)
    }

    /// Whether an unknown key may cause a fetch; counts as having asked.
    fn may_ask_for_unknown_key(&mut self, now: Instant) -> bool {
        if is_within(self.unknown_key_at, UNKNOWN_KEY_PAUSE, now) || self.has_just_failed(now) {
            return false;
        }
        self.unknown_key_at = Some(now);
        true
    }

    fn refresh_after(&self) -> Duration {
        if self.failed_at.is_some() {
            return REFRESH_AFTER_MIN;
        }
        let max_age = self.loaded.as_ref().and_then(|loaded| loaded.max_age);
        let max_age = max_age.unwrap_or(REFRESH_AFTER_MAX);
        max_age.clamp(REFRESH_AFTER_MIN, REFRESH_AFTER_MAX)
    }
}

fn is_within(at: Option<Instant>, pause: Duration, now: Instant) -> bool {
    at.is_some_and(|at| now.saturating_duration_since(at) < pause)
}

/// Up to a tenth less, so that hosts started together do not ask together.
fn jittered(pause: Duration) -> Duration {
    let mut random = [0; 1];
    let _ = getrandom::fill(&mut random);
    let [random] = random;
    pause - pause / 10 * u32::from(random) / 255
}
