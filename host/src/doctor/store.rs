//! The store: can it be opened, does a host hold it, does its audit log end as it should.

use asl::Timestamp;
use audit::Verifier;
use ports::{Archive, Clock as _, Head, Sealed};
use serde_json::Value;
use store::OpenError;

use super::Finding;
use crate::assemble;
use crate::clock::SystemClock;
use crate::config::Config;

const STORE: &str = "store";
const AUDIT: &str = "audit log";
/// How many links from the end are walked.
const LINKS: u64 = 500;
/// How far ahead the last record may be before the clock is doubted, in milliseconds.
const AHEAD_MS: i64 = 5_000;

/// What is found, and whether another process holds the store.
pub(super) async fn examine(config: &Config) -> (Vec<Finding>, bool) {
    if !assemble::store_folder(&config.store.path).is_dir() {
        let finding = Finding::ok(STORE, "there is none yet");
        return (vec![finding], false);
    }
    match assemble::stored(&config.store.path).await {
        Ok(store) => {
            let mut findings = vec![Finding::ok(STORE, "it opens")];
            findings.push(end_of_log(store.as_ref()).await);
            if let Err(error) = store.close().await {
                let advice = "run the doctor again";
                findings.push(Finding::warn(STORE, error.to_string(), advice));
            }
            (findings, false)
        }
        Err(OpenError::InUse(_)) => {
            let finding = Finding::ok(STORE, "a process holds it, as a running host does");
            (vec![finding], true)
        }
        Err(OpenError::Store(error)) => {
            let advice = "restore a backup; nothing is read past damage";
            (vec![Finding::fail(STORE, error.to_string(), advice)], false)
        }
    }
}

async fn end_of_log(archive: &dyn Archive) -> Finding {
    let broken = |found: String| {
        let advice = "keep a copy of the data folder as evidence, then restore a backup";
        Finding::fail(AUDIT, found, advice)
    };
    let head = match archive.audit(u64::MAX, 1).await {
        Ok(page) => page.head,
        Err(error) => return broken(error.to_string()),
    };
    let after = head.length.saturating_sub(LINKS);
    let wanted = usize::try_from(LINKS).unwrap_or(usize::MAX);
    match archive.audit(after, wanted).await {
        Ok(page) => match walk(&page.links, head) {
            Ok(()) => judge(&page.links, head),
            Err(problem) => broken(problem),
        },
        Err(error) => broken(error.to_string()),
    }
}

/// Whether each link follows from the one before, up to the head.
fn walk(links: &[Sealed], head: Head) -> Result<(), String> {
    let Some((first, rest)) = links.split_first() else {
        return match head.length {
            0 => Ok(()),
            length => Err(format!("it has {length} records, but none can be read")),
        };
    };
    let mut verifier = match first.sequence {
        1 => {
            let mut verifier = Verifier::new();
            verifier.push(first).map_err(|broken| broken.to_string())?;
            verifier
        }
        sequence => Verifier::after(Head {
            length: sequence,
            hash: first.hash,
        }),
    };
    for link in rest {
        verifier.push(link).map_err(|broken| broken.to_string())?;
    }
    let finished = verifier.finish(head).map_err(|broken| broken.to_string());
    finished.map(|_| ())
}

fn judge(links: &[Sealed], head: Head) -> Finding {
    let found = format!(
        "{} records, the last {} follow from each other",
        head.length,
        links.len()
    );
    let last = links.last().and_then(|link| {
        let record: Value = serde_json::from_str(&link.body).ok()?;
        record.get("at")?.as_i64().map(Timestamp)
    });
    match last {
        Some(last) if last.0 > SystemClock.now().0.saturating_add(AHEAD_MS) => Finding::warn(
            AUDIT,
            format!("its last record is of {}, in the future", last.to_rfc3339()),
            "set the clock",
        ),
        Some(_) | None => Finding::ok(AUDIT, found),
    }
}
