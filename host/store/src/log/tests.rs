use tempfile::TempDir;

use super::*;

type Replayed = Vec<(Vec<u8>, Option<Vec<u8>>)>;

fn open(folder: &TempDir, applied: u64) -> (Log, Replayed) {
    let mut replayed = Replayed::new();
    let recovered = recover(folder.path(), applied, |(key, value)| {
        replayed.push((key.to_vec(), value.map(|value| value.to_vec())));
    });
    let sync_data: SyncData = Box::new(File::sync_data);
    let log = Log::open(folder.path(), recovered.unwrap(), 0, sync_data).unwrap();
    (log, replayed)
}

fn append(log: &mut Log, key: &[u8], bytes: usize) {
    let mut frame = FrameBuilder::new();
    frame.push(key, Some(&vec![1; bytes]));
    log.append(frame).map_err(AppendError::into_inner).unwrap();
}

fn files(folder: &TempDir) -> Vec<String> {
    let files = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn spares(folder: &TempDir) -> usize {
    let names = files(folder).into_iter();
    names.filter(|name| name.ends_with("spare")).count()
}

#[test]
fn frames_are_read_back_in_order_from_where_the_base_is() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, replayed) = open(&folder, 0);
    assert!(replayed.is_empty());
    for number in 0..10_u8 {
        append(&mut log, &[number], usize::from(number) * 100);
    }
    drop(log);
    for applied in 0..=10 {
        let (log, replayed) = open(&folder, applied);
        assert_eq!(log.last(), 10);
        let keys: Vec<_> = replayed.iter().map(|(key, _)| u64::from(key[0])).collect();
        assert_eq!(keys, (applied..10).collect::<Vec<_>>());
    }
}

#[test]
fn full_files_are_let_go_of_and_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(&folder, 0);
    for number in 0..30_u8 {
        append(&mut log, &[number], 3 << 20);
    }
    assert!(files(&folder).len() > 8, "{:?}", files(&folder));
    log.release(27);
    assert_eq!(spares(&folder), SPARES_MAX);
    for number in 30..36_u8 {
        append(&mut log, &[number], 3 << 20);
    }
    assert!(spares(&folder) < SPARES_MAX);
    drop(log);
    let (log, replayed) = open(&folder, 27);
    assert_eq!(log.last(), 36);
    let keys: Vec<_> = replayed.iter().map(|(key, _)| key[0]).collect();
    assert_eq!(keys, (27..36).collect::<Vec<_>>());
}

#[test]
fn frames_that_the_base_lacks_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(&folder, 0);
    for number in 0..9_u8 {
        append(&mut log, &[number], 3 << 20);
    }
    log.release(8);
    drop(log);
    let error = recover(folder.path(), 2, |_| {}).err().unwrap();
    assert!(
        error.to_string().contains("are missing before it"),
        "{error}"
    );
}

#[test]
fn a_file_that_was_being_made_holds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(&folder, 0);
    append(&mut log, b"a", 10);
    drop(log);
    fs::write(folder.path().join(segment::name(2)), [0; 5000]).unwrap();
    let (mut log, replayed) = open(&folder, 0);
    assert_eq!((replayed.len(), log.last()), (1, 1));
    append(&mut log, b"b", 10);
    drop(log);
    assert_eq!(open(&folder, 0).1.len(), 2);
}

#[test]
fn a_frame_larger_than_a_file_is_written_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(&folder, 0);
    append(&mut log, b"a", 20 << 20);
    append(&mut log, b"b", 1);
    drop(log);
    assert_eq!(open(&folder, 0).1.len(), 2);
}

#[test]
fn spare_files_are_found_again_and_only_so_many_of_them_and_none_that_is_large() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(&folder, 0);
    append(&mut log, b"a", 1);
    drop(log);
    let leave = |name: &str, bytes: u64| {
        let file = File::create(folder.path().join(name)).unwrap();
        file.set_len(bytes).unwrap();
    };
    leave("0000000000000101.spare", SPARE_BYTES_MAX + 1);
    let (mut log, _) = open(&folder, 0);
    assert_eq!(spares(&folder), 0);
    (2..7).for_each(|number| leave(&format!("{number:016x}.spare"), 9 << 20));
    drop(log);
    (log, _) = open(&folder, 0);
    assert_eq!(spares(&folder), SPARES_MAX);
    for number in 0..4_u8 {
        append(&mut log, &[number], 9 << 20);
    }
    assert_eq!(spares(&folder), 0);
    drop(log);
    assert_eq!(open(&folder, 0).1.len(), 5);
}

#[test]
fn a_file_that_a_long_frame_made_large_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(&folder, 0);
    append(&mut log, b"a", 20 << 20);
    append(&mut log, b"b", 9 << 20);
    append(&mut log, b"c", 1);
    log.release(1);
    assert_eq!((spares(&folder), files(&folder).len()), (0, 2));
    log.release(2);
    assert_eq!((spares(&folder), files(&folder).len()), (1, 2));
}

#[test]
fn a_file_that_cannot_be_moved_is_let_go_of_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(&folder, 0);
    for number in 0..3_u8 {
        append(&mut log, &[number], 9 << 20);
    }
    let in_the_way = folder.path().join(segment::name(1)).with_extension("spare");
    fs::create_dir(&in_the_way).unwrap();
    log.release(3);
    assert!(folder.path().join(segment::name(1)).exists());
    append(&mut log, b"goes on", 9 << 20);
    fs::remove_dir(&in_the_way).unwrap();
    log.release(3);
    assert!(!folder.path().join(segment::name(1)).exists());
    drop(log);
    assert_eq!(open(&folder, 3).1.len(), 1);
}

#[test]
fn without_the_spare_file_that_was_there_a_fresh_one_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(&folder, 0);
    append(&mut log, b"a", 9 << 20);
    append(&mut log, b"b", 1);
    log.release(1);
    let spare = segment::spare_of(&folder.path().join(segment::name(1)));
    fs::remove_file(spare).unwrap();
    append(&mut log, b"c", 9 << 20);
    append(&mut log, b"d", 1);
    drop(log);
    assert_eq!(open(&folder, 1).1.len(), 3);
}

/// Whether the system would write a file's page cannot be seen, but that it was written to can.
#[test]
fn what_was_written_last_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(segment::name(1));
    let is_written_when_opened = || {
        let before = fs::read(&path).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let long_ago = std::time::UNIX_EPOCH;
        file.set_modified(long_ago).unwrap();
        drop(open(&folder, 0));
        assert_eq!(fs::read(&path).unwrap(), before);
        file.metadata().unwrap().modified().unwrap() > long_ago
    };
    drop(open(&folder, 0));
    assert!(is_written_when_opened());
    append(&mut open(&folder, 0).0, b"a", 10_000);
    append(&mut open(&folder, 0).0, b"b", 10_000);
    assert!(is_written_when_opened());
    assert_eq!(open(&folder, 0).1.len(), 2);
}
