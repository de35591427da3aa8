use asl::{ExecutionId, Timestamp};
use ports::{Chain, Decision};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Sha256Chain, from_line, to_wire};

fn record(action: &str) -> AuditRecord {
    AuditRecord {
        at: Timestamp(1_700_000_000_000),
        caller: None,
        through: "engine".to_owned(),
        action: action.to_owned(),
        resource: "execution `e-1`".to_owned(),
        request: json!({"size": 45.285000000000004, "digest": "sha256:00"}),
        decision: Decision::Allowed {
            rules: vec!["operators-start".to_owned()],
        },
        outcome: json!("done"),
        execution: ExecutionId::parse("e-1"),
        state: Some("Check".to_owned()),
        attempt: Some(1),
        checkpoint: Some((3, "sha256:11".to_owned())),
    }
}

fn sealed(actions: &[String]) -> (Vec<Sealed>, Head) {
    let mut head = Verifier::new().head();
    let links = actions
        .iter()
        .map(|action| {
            let link = Sha256Chain.seal(&head, serde_json::to_string(&record(action)).unwrap());
            head = Head {
                length: link.sequence,
                hash: link.hash,
            };
            link
        })
        .collect();
    (links, head)
}

fn walk(links: &[Sealed], head: Head) -> Result<Head, Broken> {
    let mut verifier = Verifier::new();
    for link in links {
        verifier.push(link)?;
    }
    verifier.finish(head)
}

fn three() -> (Vec<Sealed>, Head) {
    sealed(&["a".to_owned(), "b".to_owned(), "c".to_owned()])
}

#[test]
fn an_untouched_log_verifies_whole_and_page_by_page() {
    let (links, head) = three();
    assert_eq!(walk(&links, head), Ok(head));
    let (first, rest) = links.split_at(1);
    let middle = verify(first.to_vec(), None).unwrap();
    assert_eq!(verify(rest.to_vec(), Some(middle)), Ok(head));
    assert_eq!(
        Verifier::new()
            .finish(Verifier::new().head())
            .unwrap()
            .length,
        0
    );
}

#[test]
fn the_first_bad_record_is_named_with_its_flaw() {
    let (links, head) = three();
    let check = |links: &[Sealed], sequence: u64, flaw: &str| {
        let broken = walk(links, head).unwrap_err();
        assert_eq!(broken.sequence, sequence, "{broken}");
        assert!(broken.to_string().contains(flaw), "{broken}");
    };
    check(
        &[links[0].clone(), links[2].clone()],
        2,
        "record 3 stands in its place",
    );
    check(&links[..2], 3, "should end with record 3");
    let mut changed = links.clone();
    changed[1].body = changed[1].body.replace("\"b\"", "\"x\"");
    check(&changed, 2, "its content has the hash");
    let mut relinked = links.clone();
    relinked[2].previous = Hash([7; 32]);
    check(&relinked, 3, "as the record before");
}

#[test]
fn a_rewritten_history_is_found_by_its_head() {
    let (_, head) = three();
    let (other, _) = sealed(&["a".to_owned(), "b".to_owned(), "forged".to_owned()]);
    let broken = walk(&other, head).unwrap_err();
    assert_eq!(broken.sequence, 3);
    assert!(matches!(broken.flaw, Flaw::OtherHead { .. }), "{broken}");
    let (longer, _) = sealed(&[
        "a".to_owned(),
        "b".to_owned(),
        "c".to_owned(),
        "d".to_owned(),
    ]);
    assert_eq!(
        walk(&longer, head).unwrap_err().flaw,
        Flaw::BeyondHead { length: 3 }
    );
}

#[test]
fn a_well_sealed_body_that_is_no_record_is_refused() {
    let start = Verifier::new().head();
    let body = "{\"at\":1}".to_owned();
    let link = Sealed {
        sequence: 1,
        previous: start.hash,
        hash: link_hash(1, &start.hash, &body),
        body,
    };
    let broken = Verifier::new().push(&link).unwrap_err();
    assert!(matches!(broken.flaw, Flaw::Malformed(_)), "{broken}");
}

fn actions() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[ -~äß€]{0,20}", 1..6)
}

proptest! {
    #[test]
    fn every_single_bit_of_an_exported_link_counts(
        actions in actions(),
        which in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let (links, head) = sealed(&actions);
        let which = which.index(links.len());
        let mut text = to_wire(&links[which]).to_string().into_bytes();
        let byte = byte.index(text.len());
        text[byte] ^= 1 << bit;
        let Ok(text) = String::from_utf8(text) else { return Ok(()) };
        let Ok(read) = from_line(&text) else { return Ok(()) };
        if read != links[which] {
            let mut changed = links.clone();
            changed[which] = read;
            prop_assert!(walk(&changed, head).is_err());
        }
    }

    #[test]
    fn every_single_bit_of_a_stored_link_counts(
        actions in actions(),
        which in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let (mut links, head) = sealed(&actions);
        let which = which.index(links.len());
        let link = &mut links[which];
        let mut body = link.body.clone().into_bytes();
        let at = byte.index(72 + body.len());
        match at {
            0..8 => link.sequence ^= 1 << (at as u32 * 8 + bit),
            8..40 => link.previous.0[at - 8] ^= 1 << bit,
            40..72 => link.hash.0[at - 40] ^= 1 << bit,
            _ => body[at - 72] ^= 1 << bit,
        }
        let Ok(body) = String::from_utf8(body) else { return Ok(()) };
        link.body = body;
        prop_assert_eq!(walk(&links, head).unwrap_err().sequence, which as u64 + 1);
    }

    #[test]
    fn a_removed_swapped_repeated_or_cut_record_is_found(
        actions in prop::collection::vec("[a-z]{1,5}", 2..6),
        which in any::<prop::sample::Index>(),
        how in 0..4,
    ) {
        let (mut links, head) = sealed(&actions);
        let which = which.index(links.len() - 1);
        match how {
            0 => drop(links.remove(which)),
            1 => links.swap(which, which + 1),
            2 => links.insert(which, links[which].clone()),
            _ => links.truncate(which),
        }
        let broken = walk(&links, head).unwrap_err();
        let expected = if how == 2 { which + 2 } else { which + 1 };
        prop_assert_eq!(broken.sequence, expected as u64);
    }
}

#[test]
fn a_pruned_log_verifies_only_if_one_of_its_records_says_so() {
    let mut head = Verifier::new().head();
    let mut links = Vec::new();
    let mut heads = Vec::new();
    for number in 0..4 {
        let mut record = record("a");
        if number == 3 {
            let anchor: &Head = &heads[1];
            record.action = ports::PRUNE_AUDIT.to_owned();
            record.outcome = json!({"anchor": anchor.to_json()});
        }
        let link = Sha256Chain.seal(&head, serde_json::to_string(&record).unwrap());
        head = Head {
            length: link.sequence,
            hash: link.hash,
        };
        links.push(link);
        heads.push(head);
    }
    let verified = |kept: usize| {
        let mut verifier = Verifier::behind(heads[kept - 1]);
        for link in &links[kept..] {
            verifier.push(link)?;
        }
        verifier.finish(head)
    };
    assert_eq!(verified(2), Ok(head));
    for kept in [1, 3] {
        let broken = verified(kept).unwrap_err();
        assert_eq!(
            (broken.sequence, broken.flaw),
            (kept as u64, Flaw::Unanchored)
        );
    }
    let empty = Verifier::behind(Verifier::new().head());
    assert!(empty.anchored().is_ok());
}
