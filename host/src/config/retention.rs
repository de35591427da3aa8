//! `[retention]`: what is kept for how long.

use document::{Node, Problems};
use engine::{MachineNames, MachineRule, RetentionRules};

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
    let state_machines = machine_rules(fields.optional("state_machines"), problems);
    fields.finish(problems);
    Some(RetentionRules {
        state_machines: state_machines?,
        executions_days: days(executions_days?),
        executions_max: Some(executions_max?).filter(|most| *most > 0),
        audit_days: days(audit_days?),
    })
}

/// The rules for some state machines. One whose names an earlier rule has already says nothing,
/// which is an error.
fn machine_rules(list: Option<Node<'_>>, problems: &mut Problems) -> Option<Vec<MachineRule>> {
    let mut rules: Vec<MachineRule> = Vec::new();
    for node in list.map_or(Some(Vec::new()), |list| list.array(problems))? {
        let mut fields = node.object(problems)?;
        let name = fields.required("name", problems);
        let days_node = fields.optional("executions_days");
        let max_node = fields.optional("executions_max");
        fields.finish(problems);
        let executions_days = number(days_node, 0, 0..=DAYS_MAX, problems);
        let executions_max = number(max_node, 0, 0..=EXECUTIONS_MAX, problems);
        let name = name?;
        let names = match MachineNames::parse(name.string(problems)?) {
            Ok(names) => names,
            Err(problem) => {
                name.problem(problem, problems);
                return None;
            }
        };
        if rules.iter().any(|rule| rule.names == names) {
            name.problem("an earlier rule has the same name", problems);
            return None;
        }
        rules.push(MachineRule {
            names,
            executions_days: days(executions_days?),
            executions_max: Some(executions_max?).filter(|most| *most > 0),
        });
    }
    Some(rules)
}

fn days(days: u64) -> Option<u32> {
    u32::try_from(days).ok().filter(|days| *days > 0)
}
