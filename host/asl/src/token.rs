//! Task tokens: what somebody outside answers a Task with.

use std::fmt;

use sha2::{Digest as _, Sha256};

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
    /// A token whose secret is made of the event's seed, one way: no other token of the same
    /// event tells it.
    pub(crate) fn new(execution: &ExecutionId, effect: EffectId, seed: u64) -> Self {
        let parts = format!("task token {seed} {execution} {}", effect.0);
        let digest: [u8; 32] = Sha256::digest(parts).into();
        let half = |bytes: &[u8]| {
            bytes
                .iter()
                .take(8)
                .fold(0, |half, byte| half << 8 | u64::from(*byte))
        };
        let (first, rest) = digest.split_at(8);
        Self {
            execution: execution.clone(),
            effect,
            secret: [half(first), half(rest)],
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
        write!(
            formatter,
            "{}.{effect}.{first:016x}{second:016x}",
            self.execution
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_nothing_else_does() {
        let execution = ExecutionId::parse("0190-a").unwrap();
        let token = TaskToken {
            execution: execution.clone(),
            effect: EffectId(7),
            secret: [1, u64::MAX],
        };
        let text = token.to_string();
        assert_eq!(text, "0190-a.7.0000000000000001ffffffffffffffff");
        assert_eq!(TaskToken::parse(&text), Some(token));
        for other in [
            "",
            "a.b.c",
            "0190-a.07.0000000000000001ffffffffffffffff",
            &text[1..],
            &format!("{text}.x"),
        ] {
            assert_ne!(
                TaskToken::parse(other).map(|token| token.to_string()),
                Some(text.clone()),
                "{other}"
            );
        }
    }

    #[test]
    fn tokens_of_one_event_have_nothing_in_common() {
        let execution = ExecutionId::parse("0190-a").unwrap();
        let token = |effect, seed| TaskToken::new(&execution, EffectId(effect), seed).secret;
        assert_eq!(token(1, 7), token(1, 7));
        let all = [token(1, 7), token(2, 7), token(1, 8)].concat();
        for (place, half) in all.iter().enumerate() {
            assert!(all.iter().skip(place + 1).all(|other| other != half));
        }
    }
}
