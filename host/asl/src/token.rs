//! Task tokens: what somebody outside answers a Task with.

use std::fmt;

use crate::{EffectId, ExecutionId};

/// Names one attempt and proves that its holder was told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskToken {
    /// Whose attempt it is.
    pub execution: ExecutionId,
    /// The [`crate::Effect::RunTask`] that is answered.
    pub effect: EffectId,
    secret: [u64; 2],
}

impl TaskToken {
    pub(crate) fn new(execution: &ExecutionId, effect: EffectId, secret: [u64; 2]) -> Self {
        Self {
            execution: execution.clone(),
            effect,
            secret,
        }
    }

    /// Reads what [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let execution = ExecutionId::parse(parts.next()?)?;
        let effect = EffectId(parts.next()?.parse().ok()?);
        let secret = parts.next().filter(|secret| secret.len() == 32)?;
        let half = |digits: Option<&str>| u64::from_str_radix(digits?, 16).ok();
        let token = Self {
            execution,
            effect,
            secret: [half(secret.get(..16))?, half(secret.get(16..))?],
        };
        (parts.next().is_none() && token.to_string() == text).then_some(token)
    }
}

impl fmt::Display for TaskToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.secret;
        let EffectId(effect) = self.effect;
        write!(formatter, "{}.{effect}.{first:016x}{second:016x}", self.execution)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_nothing_else_does() {
        let execution = ExecutionId::parse("0190-a").unwrap();
        let token = TaskToken::new(&execution, EffectId(7), [1, u64::MAX]);
        let text = token.to_string();
        assert_eq!(text, "0190-a.7.0000000000000001ffffffffffffffff");
        assert_eq!(TaskToken::parse(&text), Some(token));
        for other in ["", "a.b.c", "0190-a.07.0000000000000001ffffffffffffffff", &text[1..], &format!("{text}.x")] {
            assert_ne!(TaskToken::parse(other).map(|token| token.to_string()), Some(text.clone()), "{other}");
        }
    }
}
