//! The words of the audit log.

use std::fmt;

use asl::{ExecutionId, Timestamp};
use auth::principal::Caller;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one link of the log says, before it is sealed. Holds no token, secret or payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// When.
    pub at: Timestamp,
    /// Who, as whom; `None` where no one could be named, or the host itself acted.
    pub caller: Option<Caller>,
    /// Through what: `http`, `engine`, `runtime`, `cli`.
    pub through: String,
    /// What was asked for or happened: an action of the policy, or a transition's event.
    pub action: String,
    /// On what: a component, role, review, state machine, execution or address.
    pub resource: String,
    /// What was asked, in a few members; digests stand for bodies.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub request: Value,
    /// Whether it was allowed, and by which rules.
    pub decision: Decision,
    /// What came of it, in a few words or members.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub outcome: Value,
    /// For which execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionId>,
    /// In which state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// In which attempt of that state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The execution's record that was written with this link, as `number` and `sha256:` digest;
    /// the store fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<(u32, String)>,
}

/// Whether something was allowed, and by which rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "effect")]
pub enum Decision {
    /// It was allowed.
    Allowed {
        /// The rules that allowed it.
        rules: Vec<String>,
    },
    /// It was refused.
    Denied {
        /// The rule that refused it.
        rule: String,
        /// Why, in a sentence.
        reason: String,
    },
}

/// A SHA-256 hash; `sha256:` and hexadecimal digits as text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Reads `sha256:` and 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let digits = text.strip_prefix("sha256:")?;
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = (digit(*high)? << 4) | digit(*low)?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("sha256:")?;
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The end of a chain: how many links it has, and the last one's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of links.
    pub length: u64,
    /// The last link's hash; all zeros for an empty chain.
    pub hash: Hash,
}

impl Head {
    /// `{"length", "hash"}`.
    pub fn to_json(&self) -> Value {
        serde_json::json!({"length": self.length, "hash": self.hash.to_string()})
    }

    /// Reads [`Self::to_json`].
    pub fn parse(value: &Value) -> Option<Self> {
        Some(Self {
            length: value.get("length")?.as_u64()?,
            hash: Hash::parse(value.get("hash")?.as_str()?)?,
        })
    }
}

/// The action of the record that tells of a pruned log; its outcome has the `anchor`, the last
/// link that went.
pub const PRUNE_AUDIT: &str = "PruneAudit";

/// The action of the record that tells which executions expired; its outcome has `executions`,
/// each with its `id`.
pub const EXPIRE_EXECUTIONS: &str = "ExpireExecutions";

impl AuditRecord {
    /// The anchor that this record says the log was pruned to, if it does.
    pub fn anchor(&self) -> Option<Head> {
        let is_pruning = self.action == PRUNE_AUDIT;
        is_pruning.then(|| Head::parse(self.outcome.get("anchor")?))?
    }
}

/// One link of the chain. The body is kept as the text that was hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// 1 for the first link, one more for each.
    pub sequence: u64,
    /// The link before; all zeros for the first.
    pub previous: Hash,
    /// The hash of sequence, previous hash and body.
    pub hash: Hash,
    /// The [`AuditRecord`] as JSON text.
    pub body: String,
}

/// Seals records into a chain. Pure: the store calls it while it builds the write that holds
/// both the records and what they tell of.
pub trait Chain: Send + Sync {
    /// Links a record, which is `body` as JSON text, behind `head`.
    fn seal(&self, head: &Head, body: String) -> Sealed;
}
