//! The keys of the one tree: a letter for what is kept, then names, then numbers as big-endian
//! bytes, so that the tree's order is the order of reading.

use std::ops::Range;

use asl::{ExecutionId, Status, Timestamp};
use auth::names::Digest;
use ports::{Ended, Kind};

/// Format version.
pub(crate) const FORMAT: &[u8] = b"m/format";
/// Authority version and audit head.
pub(crate) const STATE: &[u8] = b"m/state";
/// The number of the last frame of the log that is in the base; not in the log itself.
pub(crate) const APPLIED: &[u8] = b"m/applied";
/// How often the store was opened: the fence of this opening.
pub(crate) const HOST: &[u8] = b"m/host";

/// How many executions are parked, and the fence under which they were counted.
pub(crate) const PARKED: &[u8] = b"m/parked";

/// How far an upgrade from an earlier format has come.
pub(crate) const UPGRADE: &[u8] = b"m/upgrade";

/// Start and summary of an execution.
pub(crate) fn execution(id: &ExecutionId) -> Vec<u8> {
    join(b"s/", &[id.as_str().as_bytes()])
}

/// Every execution in id order.
pub(crate) fn executions() -> Range<Vec<u8>> {
    below(b"s/".to_vec())
}

/// One record of an execution.
pub(crate) fn record(id: &ExecutionId, number: u32) -> Vec<u8> {
    join(
        b"x/",
        &[id.as_str().as_bytes(), b"\0", &number.to_be_bytes()],
    )
}

/// The records of an execution from `first` on.
pub(crate) fn records(id: &ExecutionId, first: u32) -> Range<Vec<u8>> {
    record(id, first)..join(b"x/", &[id.as_str().as_bytes(), b"\x01"])
}

/// The number in a record's key.
pub(crate) fn record_number(key: &[u8]) -> Option<u32> {
    key.last_chunk().copied().map(u32::from_be_bytes)
}

/// The mark of an execution that goes on by itself.
pub(crate) fn open(id: &ExecutionId) -> Vec<u8> {
    join(b"o/", &[id.as_str().as_bytes()])
}

/// Every mark of an execution that goes on by itself.
pub(crate) fn opens() -> Range<Vec<u8>> {
    below(b"o/".to_vec())
}

/// The mark of a parked execution that is to be woken.
pub(crate) fn alarm(at: Timestamp, id: &ExecutionId) -> Vec<u8> {
    join(b"t/", &[&ordered(at), id.as_str().as_bytes()])
}

/// Every mark of a parked execution that is to be woken, the earliest first.
pub(crate) fn alarms() -> Range<Vec<u8>> {
    below(b"t/".to_vec())
}

/// Time and execution in the key of an alarm.
pub(crate) fn alarmed(key: &[u8]) -> Option<(Timestamp, ExecutionId)> {
    let (at, id) = key.strip_prefix(b"t/")?.split_first_chunk()?;
    let at = i64::from_be_bytes(*at) ^ i64::MIN;
    let id = ExecutionId::parse(std::str::from_utf8(id).ok()?)?;
    Some((Timestamp(at), id))
}

/// Bytes that sort as times do, those before the epoch included.
fn ordered(at: Timestamp) -> [u8; 8] {
    (at.0 ^ i64::MIN).to_be_bytes()
}

/// Who has a name within a state machine.
pub(crate) fn name(machine_arn: &str, name: &str) -> Vec<u8> {
    join(b"n/", &[machine_arn.as_bytes(), b"\0", name.as_bytes()])
}

/// The names within a state machine that begin with `prefix`, and what comes before each.
pub(crate) fn names(machine_arn: &str, prefix: &str) -> (Vec<u8>, Range<Vec<u8>>) {
    let all = name(machine_arn, "");
    (all, below(name(machine_arn, prefix)))
}

/// Where the ids of executions that stand so begin: those in the list of an ARN, or all.
pub(crate) fn listing(arn: Option<&str>, status: Status) -> Vec<u8> {
    let letter: &[u8] = match status {
        Status::Running => b"R",
        Status::Succeeded => b"S",
        Status::Failed => b"F",
        Status::TimedOut => b"T",
        Status::Aborted => b"A",
    };
    match arn {
        Some(arn) => join(b"l/", &[arn.as_bytes(), b"\0", letter]),
        None => join(b"g/", &[letter]),
    }
}

/// The mark of an execution in a list.
pub(crate) fn listed(arn: Option<&str>, status: Status, id: &ExecutionId) -> Vec<u8> {
    join(&listing(arn, status), &[id.as_str().as_bytes()])
}

/// Every mark in the list of all executions that stand so.
pub(crate) fn all_listed(status: Status) -> Range<Vec<u8>> {
    below(listing(None, status))
}

/// The mark of an execution in a list of format 1.
pub(crate) fn listed_in_format_1(arn: &str, id: &ExecutionId) -> Vec<u8> {
    join(b"l/", &[arn.as_bytes(), b"\0", id.as_str().as_bytes()])
}

/// What every id of an execution that started then or later sorts behind: such ids begin with
/// the milliseconds.
pub(crate) fn started(at: Timestamp) -> Vec<u8> {
    let milliseconds = u64::try_from(at.0).unwrap_or(0).min((1 << 48) - 1);
    let (high, low) = (milliseconds >> 16, milliseconds & 0xffff);
    format!("{high:08x}-{low:04x}").into_bytes()
}

/// The mark of an ended execution, in the order in which they expire.
pub(crate) fn ended(ended: &Ended) -> Vec<u8> {
    dated(b"e/", ended)
}

/// Every mark of an ended execution.
pub(crate) fn all_ended() -> Range<Vec<u8>> {
    below(b"e/".to_vec())
}

/// The mark of an execution that expired but still has records.
pub(crate) fn leftover(ended: &Ended) -> Vec<u8> {
    dated(b"z/", ended)
}

/// Every mark of an execution that expired but still has records.
pub(crate) fn leftovers() -> Range<Vec<u8>> {
    below(b"z/".to_vec())
}

fn dated(prefix: &[u8], ended: &Ended) -> Vec<u8> {
    join(prefix, &[&ordered(ended.at), ended.id.as_str().as_bytes()])
}

/// Time and execution of a mark that is sorted by time.
pub(crate) fn dated_mark(key: &[u8]) -> Option<Ended> {
    let (at, id) = key.get(2..)?.split_first_chunk()?;
    Some(Ended {
        at: Timestamp(i64::from_be_bytes(*at) ^ i64::MIN),
        id: ExecutionId::parse(std::str::from_utf8(id).ok()?)?,
    })
}

/// A payload that is kept once, by its digest.
pub(crate) fn payload(digest: &Digest) -> Vec<u8> {
    join(b"p/", &[digest.as_str().as_bytes()])
}

/// The mark of an execution that has a payload.
pub(crate) fn owner(digest: &Digest, id: &ExecutionId) -> Vec<u8> {
    let digest = digest.as_str().as_bytes();
    join(b"r/", &[digest, b"\0", id.as_str().as_bytes()])
}

/// Every mark of an execution that has a payload.
pub(crate) fn owners(digest: &Digest) -> Range<Vec<u8>> {
    below(join(b"r/", &[digest.as_str().as_bytes(), b"\0"]))
}

/// A piece of a long record: the letter says of what, the number which.
pub(crate) fn piece(id: &ExecutionId, record: u32, letter: u8, number: u32) -> Vec<u8> {
    let (record, number) = (record.to_be_bytes(), number.to_be_bytes());
    join(
        b"h/",
        &[id.as_str().as_bytes(), b"\0", &record, &[letter], &number],
    )
}

/// Every piece of the long records of an execution.
pub(crate) fn pieces(id: &ExecutionId) -> Range<Vec<u8>> {
    below(join(b"h/", &[id.as_str().as_bytes(), b"\0"]))
}

/// The execution in the key of a mark: what follows the last NUL or slash.
pub(crate) fn marked(key: &[u8]) -> Option<ExecutionId> {
    let id = key.rsplit(|byte| matches!(byte, 0 | b'/')).next()?;
    ExecutionId::parse(std::str::from_utf8(id).ok()?)
}

/// A document.
pub(crate) fn document(key: &ports::Key) -> Vec<u8> {
    let revision = key.revision.to_be_bytes();
    join(
        b"d/",
        &[kind(key.kind), b"/", key.name.as_bytes(), b"\0", &revision],
    )
}

/// Every document of a kind, by name and revision.
pub(crate) fn documents(of: Kind) -> Range<Vec<u8>> {
    below(join(b"d/", &[kind(of), b"/"]))
}

/// Every document of every kind.
pub(crate) fn all_documents() -> Range<Vec<u8>> {
    below(b"d/".to_vec())
}

/// Kind, name and revision in a document's key.
pub(crate) fn any_named(key: &[u8]) -> Option<ports::Key> {
    KINDS.into_iter().find_map(|kind| named(kind, key))
}

/// Every key that holds bytes by their digest.
pub(crate) fn blobs() -> Range<Vec<u8>> {
    below(b"b/".to_vec())
}

/// Every key that holds a payload by its digest.
pub(crate) fn payloads() -> Range<Vec<u8>> {
    below(b"p/".to_vec())
}

/// The digest in the key of a blob or payload.
pub(crate) fn digest(key: &[u8]) -> Option<Digest> {
    Digest::parse(std::str::from_utf8(key.get(2..)?).ok()?)
}

/// Name and revision in a document's key.
pub(crate) fn named(of: Kind, key: &[u8]) -> Option<ports::Key> {
    let rest = key.strip_prefix(join(b"d/", &[kind(of), b"/"]).as_slice())?;
    let (rest, revision) = rest.split_last_chunk()?;
    let name = std::str::from_utf8(rest.strip_suffix(b"\0")?).ok()?;
    Some(ports::Key {
        kind: of,
        name: name.to_owned(),
        revision: u64::from_be_bytes(*revision),
    })
}

/// Bytes by their digest.
pub(crate) fn blob(digest: &Digest) -> Vec<u8> {
    join(b"b/", &[digest.as_str().as_bytes()])
}

/// A block of audit links, by the sequence of its first.
pub(crate) fn links(first: u64) -> Vec<u8> {
    join(b"a/", &[&first.to_be_bytes()])
}

/// Every block of audit links.
pub(crate) fn all_links() -> Range<Vec<u8>> {
    below(b"a/".to_vec())
}

/// One part of a value that is kept in several. Values that follow each other under one key
/// have different checksums, so that the parts of the next never replace those of the last.
pub(crate) fn part(of: &[u8], checksum: u32, number: u32) -> Vec<u8> {
    join(
        b"c/",
        &[of, b"\0", &checksum.to_be_bytes(), &number.to_be_bytes()],
    )
}

/// The least key that sorts after `key`.
pub(crate) fn after(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

/// A key as text for people: names as they are, other bytes escaped.
pub(crate) fn describe(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}

/// The kinds whose documents are kept.
const KINDS: [Kind; 7] = [
    Kind::Component,
    Kind::Role,
    Kind::Review,
    Kind::StateMachine,
    Kind::Registration,
    Kind::Activity,
    Kind::Host,
];

fn kind(kind: Kind) -> &'static [u8] {
    match kind {
        Kind::Component => b"component",
        Kind::Role => b"role",
        Kind::Review => b"review",
        Kind::StateMachine => b"state-machine",
        Kind::Registration => b"registration",
        Kind::Activity => b"activity",
        Kind::Host => b"host",
    }
}

fn join(prefix: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
    let mut key =
        Vec::with_capacity(prefix.len() + pieces.iter().map(|piece| piece.len()).sum::<usize>());
    key.extend_from_slice(prefix);
    pieces.iter().for_each(|piece| key.extend_from_slice(piece));
    key
}

/// Every key that begins with `prefix`, which ends in a byte below 255.
fn below(prefix: Vec<u8>) -> Range<Vec<u8>> {
    let mut end = prefix.clone();
    if let Some(last) = end.last_mut() {
        *last = last.saturating_add(1);
    }
    prefix..end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ExecutionId {
        ExecutionId::parse(text).unwrap()
    }

    #[test]
    fn records_sort_by_number_and_stay_with_their_execution() {
        let range = records(&id("a"), 1);
        for (key, is_inside) in [
            (record(&id("a"), 0), false),
            (record(&id("a"), 1), true),
            (record(&id("a"), u32::MAX), true),
            (record(&id("a-b"), 1), false),
            (record(&id("b"), 1), false),
        ] {
            assert_eq!(range.contains(&key), is_inside, "{}", describe(&key));
        }
        assert_eq!(record_number(&record(&id("a"), 258)), Some(258));
    }

    #[test]
    fn documents_sort_as_their_keys_do() {
        let mut keys: Vec<_> = ["a", "a-b", "a\u{1}", "ab", "ä"]
            .into_iter()
            .flat_map(|name| {
                [1, 255, 256].map(|revision| ports::Key {
                    kind: Kind::Role,
                    name: name.to_owned(),
                    revision,
                })
            })
            .collect();
        keys.sort_by_key(document);
        assert!(keys.is_sorted());
        let key = keys.last().unwrap();
        assert_eq!(named(Kind::Role, &document(key)).as_ref(), Some(key));
        assert_eq!(named(Kind::Review, &document(key)), None);
    }

    #[test]
    fn ended_executions_sort_by_time() {
        let times = [i64::MIN, -2, -1, 0, 1, 255, 256, i64::MAX];
        let keys = times.map(|at| {
            ended(&Ended {
                at: Timestamp(at),
                id: id("e-1"),
            })
        });
        assert!(keys.is_sorted());
    }

    #[test]
    fn ids_sort_behind_the_time_they_begin_with() {
        let id = b"0192f3a4-5b6c-7000-8000-000000000000".as_slice();
        let at = 0x0192_f3a4_5b6c;
        assert!(started(Timestamp(at)).as_slice() <= id);
        assert!(started(Timestamp(at + 1)).as_slice() > id);
        assert!(started(Timestamp(-1)).as_slice() < id);
        assert!(started(Timestamp(i64::MAX)).as_slice() > id);
    }

    #[test]
    fn alarms_sort_by_time_and_give_it_back() {
        let times = [i64::MIN, -256, -1, 0, 1, 47, 255, 256, i64::MAX].map(Timestamp);
        let keys = times.map(|at| alarm(at, &id("e-1")));
        assert!(keys.is_sorted());
        for (at, key) in times.into_iter().zip(keys) {
            assert!(alarms().contains(&key));
            assert_eq!(alarmed(&key), Some((at, id("e-1"))));
        }
        assert_eq!(alarmed(b"t/1234567"), None);
    }

    #[test]
    fn marks_give_their_execution_back() {
        assert_eq!(marked(&open(&id("e-1"))), Some(id("e-1")));
        assert_eq!(marked(b"o/UPPER"), None);
        for at in [i64::MIN, -1, 0, 1, i64::MAX] {
            let (at, id) = (Timestamp(at), id("e-1"));
            let mark = Ended { at, id };
            assert_eq!(dated_mark(&ended(&mark)).as_ref(), Some(&mark));
            assert_eq!(dated_mark(&leftover(&mark)), Some(mark));
        }
    }
}
