//! The audit log verifies, and tells of every stored record, in order, up to the checkpoint.

use std::collections::BTreeMap;

use asl::ExecutionId;
use ports::{AuditRecord, Head, Sealed};

use super::{Verdict, holds};

/// The number and digest of every stored record, by execution.
pub(crate) type Stored = BTreeMap<ExecutionId, Vec<(u32, String)>>;

pub(crate) fn verifies(links: &[Sealed], head: Head) -> Verdict {
    let mut verifier = audit::Verifier::new();
    let broken = links.iter().find_map(|link| verifier.push(link).err());
    let broken = broken.or_else(|| verifier.finish(head).err());
    holds(broken.is_none(), "the audit log verifies", || {
        format!("{broken:?}")
    })
}

pub(crate) fn agrees(links: &[Sealed], stored: &Stored) -> Verdict {
    let invariant = "audit and checkpoint agree";
    let mut told: Stored = BTreeMap::new();
    for link in links {
        let record: AuditRecord = serde_json::from_str(&link.body).unwrap();
        let Some((execution, checkpoint)) = record.execution.zip(record.checkpoint) else {
            continue;
        };
        let told = told.entry(execution).or_default();
        if told.last() != Some(&checkpoint) {
            told.push(checkpoint);
        }
    }
    for (execution, records) in stored {
        let told = told.get(execution);
        holds(told == Some(records), invariant, || {
            let told = told.map_or(0, Vec::len);
            format!(
                "`{execution}` has {} records, {told} are told of",
                records.len()
            )
        })?;
    }
    holds(told.len() == stored.len(), invariant, || {
        "an execution is told of that is not stored".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use audit::Sha256Chain;
    use ports::{Chain, Decision, Hash};
    use serde_json::Value;

    use super::*;

    fn links(checkpoints: &[(u32, &str)]) -> (Vec<Sealed>, Head) {
        let mut head = Head {
            length: 0,
            hash: Hash([0; 32]),
        };
        let mut links = Vec::new();
        for (number, digest) in checkpoints {
            let record = AuditRecord {
                at: asl::Timestamp(0),
                caller: None,
                through: "engine".to_owned(),
                action: "Start".to_owned(),
                resource: String::new(),
                request: Value::Null,
                decision: Decision::Allowed { rules: Vec::new() },
                outcome: Value::Null,
                execution: ExecutionId::parse("e"),
                state: None,
                attempt: None,
                checkpoint: Some((*number, (*digest).to_owned())),
            };
            let link = Sha256Chain.seal(&head, serde_json::to_string(&record).unwrap());
            head = Head {
                length: link.sequence,
                hash: link.hash,
            };
            links.push(link);
        }
        (links, head)
    }

    fn stored(checkpoints: &[(u32, &str)]) -> Stored {
        let records = checkpoints
            .iter()
            .map(|(number, digest)| (*number, (*digest).to_owned()));
        [(ExecutionId::parse("e").unwrap(), records.collect())].into()
    }

    #[test]
    fn a_log_that_leaves_out_reorders_or_misquotes_a_record_is_found() {
        let (told, head) = links(&[(0, "a"), (0, "a"), (1, "b")]);
        assert!(verifies(&told, head).is_ok());
        assert!(verifies(&told[1..], head).is_err());
        assert!(agrees(&told, &stored(&[(0, "a"), (1, "b")])).is_ok());
        assert!(agrees(&told, &stored(&[(0, "a"), (1, "b"), (2, "c")])).is_err());
        assert!(agrees(&told, &stored(&[(0, "a")])).is_err());
        assert!(agrees(&told, &stored(&[(0, "a"), (1, "x")])).is_err());
        assert!(agrees(&told, &Stored::new()).is_err());
        let (swapped, _) = links(&[(1, "b"), (0, "a")]);
        assert!(agrees(&swapped, &stored(&[(0, "a"), (1, "b")])).is_err());
    }
}
