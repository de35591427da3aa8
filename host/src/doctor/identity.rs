//! The identity providers: do they answer, and do they have the same time.

use ports::Clock as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::{Finding, Network};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::identity::Discovery;

const IDENTITY: &str = "identity";
/// As far apart as clocks may be by default when tokens are judged, halved.
const SKEW_SECONDS_MAX: u64 = 30;

pub(super) async fn providers(config: &Config, network: Network) -> Vec<Finding> {
    let providers = &config.identity.oidc;
    if providers.is_empty() {
        return vec![Finding::warn(
            IDENTITY,
            "no provider is configured, so nobody gets in",
            "add `[[identity.oidc]]`; `sluice dev` has a provider of its own",
        )];
    }
    if network == Network::Offline {
        let found = format!("{} providers, which were not asked", providers.len());
        return vec![Finding::ok(IDENTITY, found)];
    }
    let discovery = match Discovery::new(&config.trust) {
        Ok(discovery) => discovery,
        Err(error) => {
            let advice = "correct `trust.root_certificates`";
            return vec![Finding::fail(IDENTITY, error.to_string(), advice)];
        }
    };
    let mut findings = Vec::new();
    for provider in providers {
        let issuer = provider.rules.issuer();
        findings.push(match discovery.probe(provider).await {
            Ok(date) => judge(
                issuer,
                date.as_deref(),
                SystemClock.now().0.div_euclid(1000),
            ),
            Err(problem) => Finding::fail(
                IDENTITY,
                format!("`{issuer}`: {problem}"),
                "nobody with its tokens gets in: check the address, the network, and \
                 `trust.root_certificates`",
            ),
        });
    }
    findings
}

fn judge(issuer: &str, date: Option<&str>, now_seconds: i64) -> Finding {
    let date = date.and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok());
    let Some(date) = date else {
        return Finding::ok(IDENTITY, format!("`{issuer}` answers, and tells no time"));
    };
    let apart = date.unix_timestamp().abs_diff(now_seconds);
    match apart > SKEW_SECONDS_MAX {
        true => Finding::warn(
            IDENTITY,
            format!("`{issuer}` answers, and its clock is {apart} seconds from this one"),
            "set the clock: tokens look expired, or not yet valid",
        ),
        false => Finding::ok(IDENTITY, format!("`{issuer}` answers, clocks agree")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn clocks_that_are_apart_are_told() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        for (date, now, expected) in [
            (date, 784_111_777, Verdict::Ok),
            (date, 784_111_900, Verdict::Warn),
            (date, 784_111_600, Verdict::Warn),
            (Some("yesterday"), 784_111_777, Verdict::Ok),
            (None, 784_111_777, Verdict::Ok),
        ] {
            let found = judge("https://issuer.example", date, now);
            assert_eq!(found.verdict, expected, "{found:?}");
        }
    }
}
