//! `[retention]`: what is kept for how long.

use document::{Node, Problems};
use engine::RetentionRules;

use super::number;

/// A hundred years: longer is for ever, which is what 0 says.
const DAYS_MAX: u64 = 36_500;
const EXECUTIONS_MAX: u64 = 1_000_000_000_000;

/// Reads the rules; whatever is not set, or 0, is kept for ever.
pub(super) fn read(section: Option<Node<'_>>, problems: &mut Problems) -> Option<RetentionRules> {
    let empty = serde_json::json!({});
    let section = section.unwrap_or(Node {
        value: &empty,
        pointer: "/retention".to_owned(),
    });
    let mut fields = section.object(problems)?;
    let mut rule = |name, most| number(fields.optional(name), 0, 0..=most, problems);
    let executions_days = rule("executions_days", DAYS_MAX);
    let executions_max = rule("executions_max", EXECUTIONS_MAX);
    let audit_days = rule("audit_days", DAYS_MAX);
    fields.finish(problems);
    Some(RetentionRules {
        executions_days: days(executions_days?),
        executions_max: Some(executions_max?).filter(|most| *most > 0),
        audit_days: days(audit_days?),
    })
}

fn days(days: u64) -> Option<u32> {
    u32::try_from(days).ok().filter(|days| *days > 0)
}
