//! Asks the change policy, which the operator keeps in the role's configuration, whether a
//! service may be released at this hour and how risky that is.

use std::time::{SystemTime, UNIX_EPOCH};

use sluice_step::{Failure, config, step};

#[derive(serde::Deserialize)]
struct Input {
    service: String,
}

#[derive(Debug, PartialEq, serde::Serialize)]
struct Output {
    risk: &'static str,
    window: String,
}

/// The change policy.
struct Policy {
    /// `HH:MM-HH:MM` in UTC.
    window: String,
    frozen: String,
    high_risk: String,
}

#[step(manifest = "manifest.toml")]
fn check_policy(input: Input) -> Result<Output, Failure> {
    let policy = Policy {
        window: config::require("change-window-utc")?,
        frozen: config::require("frozen-services")?,
        high_risk: config::require("high-risk-services")?,
    };
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    judge(&input.service, policy, (seconds / 60) % (24 * 60))
}

fn judge(service: &str, policy: Policy, minute_of_day: u64) -> Result<Output, Failure> {
    let lists = |list: &str| list.split(',').any(|entry| entry.trim() == service);
    if lists(&policy.frozen) {
        return Err(Failure::new(
            "Release.Frozen",
            format!("`{service}` is frozen"),
        ));
    }
    let Some((from, to)) = parse_window(&policy.window) else {
        let cause = format!(
            "`{}` is not a window, write it as `08:00-17:30`",
            policy.window
        );
        return Err(Failure::new("Release.PolicyMalformed", cause));
    };
    if !(from..to).contains(&minute_of_day) {
        let cause = format!("the change window is {} UTC", policy.window);
        return Err(Failure::new("Release.OutsideChangeWindow", cause));
    }
    Ok(Output {
        risk: if lists(&policy.high_risk) {
            "high"
        } else {
            "low"
        },
        window: policy.window,
    })
}

/// Minutes of the day.
fn parse_window(text: &str) -> Option<(u64, u64)> {
    let minutes = |time: &str| {
        let (hours, minutes) = time.trim().split_once(':')?;
        Some(hours.parse::<u64>().ok()? * 60 + minutes.parse::<u64>().ok()?)
    };
    let (from, to) = text.split_once('-')?;
    Some((minutes(from)?, minutes(to)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(service: &str, minute_of_day: u64, expected: Result<&str, &str>) {
        let policy = Policy {
            window: "08:00-17:30".to_owned(),
            frozen: "billing, ledger".to_owned(),
            high_risk: "payments".to_owned(),
        };
        let judged = judge(service, policy, minute_of_day);
        let judged = judged
            .map(|output| output.risk)
            .map_err(|failure| failure.error);
        assert_eq!(
            judged,
            expected.map_err(str::to_owned),
            "{service} at {minute_of_day}"
        );
    }

    #[test]
    fn a_release_in_the_window_passes_with_its_risk() {
        check("payments", 8 * 60, Ok("high"));
        check("search", 17 * 60 + 29, Ok("low"));
    }

    #[test]
    fn a_frozen_service_or_a_late_hour_is_refused() {
        check("ledger", 9 * 60, Err("Release.Frozen"));
        check("search", 17 * 60 + 30, Err("Release.OutsideChangeWindow"));
        check("search", 0, Err("Release.OutsideChangeWindow"));
    }
}
