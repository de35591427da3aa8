//! Bounds on what evaluating a state's expressions may cost.
//!
//! Owns the limits on visited values, copied bytes and nesting. It does not know which language
//! spends them.

use serde_json::Value;

use crate::Failure;

/// How many values one state's expressions may look at in total.
pub(crate) const VISITS_MAX: usize = 1_000_000;
/// How many bytes of values one state's expressions may copy in total.
pub(crate) const COPY_BYTES_MAX: usize = 16 << 20;
/// How deep a value made by an expression may nest; stored values are read back by a parser that
/// refuses 128 levels.
pub(crate) const DEPTH_MAX: usize = 100;

/// How many instructions the expressions of one state may take in an evaluator in total.
const INSTRUCTIONS_MAX: u64 = 12_000_000_000;

/// How many instructions take the time that looking at a value takes.
const INSTRUCTIONS_PER_VISIT: u64 = 100;

/// What a container or scalar counts besides its text.
const VALUE_BYTES: usize = 16;

/// How much text may be read in the time that looking at a value takes.
const READ_BYTES_PER_VISIT: usize = 64;

/// What remains of the allowance.
#[derive(Debug)]
pub(crate) struct Budget {
    visits: usize,
    bytes: usize,
    instructions: u64,
}

/// The allowance is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Budget {
    pub(crate) fn new() -> Self {
        Self {
            visits: VISITS_MAX,
            bytes: COPY_BYTES_MAX,
            instructions: INSTRUCTIONS_MAX,
        }
    }

    /// Spends one visit for each of `values`.
    pub(crate) fn visit(&mut self, values: usize) -> Result<(), Exhausted> {
        let left = self.visits.checked_sub(values);
        self.visits = left.unwrap_or(0);
        left.map(|_| ()).ok_or(Exhausted)
    }

    /// Spends what an evaluator took; nothing is left afterwards if it was more than that.
    pub(crate) fn instruct(&mut self, instructions: u64) {
        self.instructions = self.instructions.saturating_sub(instructions);
    }

    /// Whether an evaluator may be asked at all.
    pub(crate) fn has_instructions(&self) -> bool {
        self.instructions > 0
    }

    /// What has been spent so far, in visits; copying counts like reading.
    pub(crate) fn spent(&self) -> usize {
        let instructions = (INSTRUCTIONS_MAX - self.instructions) / INSTRUCTIONS_PER_VISIT;
        let instructions = usize::try_from(instructions).unwrap_or(usize::MAX);
        let copies = (COPY_BYTES_MAX - self.bytes) / READ_BYTES_PER_VISIT;
        (VISITS_MAX - self.visits)
            .saturating_add(copies)
            .saturating_add(instructions)
    }

    /// Spends what comparing or searching `bytes` of text takes.
    pub(crate) fn read(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.visit(bytes / READ_BYTES_PER_VISIT)
    }

    /// Spends the bytes of `value` and copies it.
    pub(crate) fn copy(&mut self, value: &Value) -> Result<Value, Exhausted> {
        let size = Size::of(value, self.bytes);
        let left = self.bytes.checked_sub(size.bytes);
        self.bytes = left.unwrap_or(0);
        left.map(|_| value.clone()).ok_or(Exhausted)
    }
}

/// How much a value holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Text and structure, roughly.
    pub(crate) bytes: usize,
    /// 1 for a scalar or empty container, one more for each level.
    pub(crate) depth: usize,
}

impl Size {
    /// Measures `value` without recursion; stops counting soon after `bytes_max`.
    pub(crate) fn of(value: &Value, bytes_max: usize) -> Self {
        let mut size = Self { bytes: 0, depth: 0 };
        let mut open = vec![(value, 1)];
        while let Some((value, depth)) = open.pop() {
            size.depth = size.depth.max(depth);
            size.bytes += VALUE_BYTES;
            match value {
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
                Value::String(text) => size.bytes += text.len(),
                Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
                Value::Object(members) => {
                    size.bytes += members.keys().map(String::len).sum::<usize>();
                    open.extend(members.values().map(|member| (member, depth + 1)));
                }
            }
            if size.bytes > bytes_max {
                break;
            }
        }
        size
    }
}

/// Whether `value` nests no deeper than [`DEPTH_MAX`].
pub(crate) fn is_shallow(value: &Value) -> bool {
    Size::of(value, usize::MAX).depth <= DEPTH_MAX
}

/// The failure of a value that nests too deep to be stored.
pub(crate) fn too_deep() -> Failure {
    Failure::runtime(format!("The value nests more than {DEPTH_MAX} levels deep"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_measured_by_text_structure_and_depth() {
        let size = Size::of(&json!({"ab": [1, "xyz"]}), usize::MAX);
        assert_eq!(
            size,
            Size {
                bytes: 4 * VALUE_BYTES + 5,
                depth: 3
            }
        );
    }

    #[test]
    fn measuring_a_deep_value_does_not_overflow() {
        let value = (0..2_000).fold(json!(1), |inner, _| Value::Array(vec![inner]));
        assert!(!is_shallow(&value));
        assert!(is_shallow(&json!([[[]]])));
    }

    #[test]
    fn copies_beyond_the_allowance_are_refused() {
        let text = Value::String("x".repeat(COPY_BYTES_MAX / 2));
        let mut budget = Budget::new();
        assert!(budget.copy(&text).is_ok());
        assert_eq!(budget.copy(&text), Err(Exhausted));
        assert_eq!(budget.visit(VISITS_MAX + 1), Err(Exhausted));
    }

    #[test]
    fn what_was_spent_counts_visits_copies_and_refusals() {
        let mut budget = Budget::new();
        assert_eq!(budget.spent(), 0);
        assert_eq!(budget.visit(7), Ok(()));
        let text = Value::String("x".repeat(10 * READ_BYTES_PER_VISIT));
        assert!(budget.copy(&text).is_ok());
        assert_eq!(budget.spent(), 17);
        assert_eq!(budget.visit(VISITS_MAX), Err(Exhausted));
        assert_eq!(budget.spent(), VISITS_MAX + 10);
    }
}
