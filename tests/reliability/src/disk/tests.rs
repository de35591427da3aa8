use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};

use super::*;

/// A disk, or nothing and the reason on standard error.
fn disk(names: NamesDurable) -> Option<Disk> {
    Disk::empty(names)
        .map_err(|reason| eprintln!("skipped: {reason}"))
        .ok()
}

#[test]
fn files_behave_as_on_any_disk() {
    let Some(disk) = disk(NamesDurable::BySyncOfTheFolder) else {
        return;
    };
    let data = disk.data();
    fs::create_dir_all(data.join("deep/er")).unwrap();
    let path = data.join("deep/er/file");
    let mut file = OpenOptions::new()
        .create_new(true)
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    file.write_all(&content).unwrap();
    file.set_len(300_000).unwrap();
    file.sync_all().unwrap();
    assert_eq!(fs::read(&path).unwrap(), content[..300_000]);
    file.try_lock().unwrap();
    assert!(File::open(&path).unwrap().try_lock().is_err());
    fs::rename(&path, data.join("moved")).unwrap();
    assert!(!path.exists());
    let names: Vec<_> = fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["deep", "moved"]);
    assert!(fs::remove_dir(data.join("deep")).is_err());
    fs::remove_file(data.join("moved")).unwrap();
    let mut again = Vec::new();
    std::io::Seek::rewind(&mut file).unwrap();
    file.read_to_end(&mut again).unwrap();
    assert_eq!(again.len(), 300_000, "an open file outlives its name");
}

#[test]
fn a_power_cut_leaves_what_was_synced() {
    let Some(mut disk) = disk(NamesDurable::BySyncOfTheFolder) else {
        return;
    };
    let path = disk.path().join("file");
    let mut file = File::create(&path).unwrap();
    file.write_all(b"kept").unwrap();
    file.sync_data().unwrap();
    File::open(disk.path()).unwrap().sync_all().unwrap();
    assert_eq!(disk.synced(), 2);
    file.write_all(b" and lost").unwrap();
    drop(file);
    fs::write(disk.path().join("nameless"), "lost").unwrap();
    disk.cut(Unsynced::Lost);
    assert_eq!(fs::read(&path).unwrap(), b"kept");
    assert!(!disk.path().join("nameless").exists());
}

#[test]
fn syncs_fail_and_the_disk_fills_up_as_told() {
    let Some(mut disk) = disk(NamesDurable::InOrderByAnySync) else {
        return;
    };
    let path = disk.path().join("file");
    let mut file = File::create(&path).unwrap();
    file.write_all(b"kept").unwrap();
    file.sync_data().unwrap();
    file.write_all(b" and lost").unwrap();
    disk.let_syncs(Syncs::FailOnce);
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    disk.leave_room(Some(8192));
    assert!(file.write_all(&[1; 100_000]).is_err());
    disk.leave_room(None);
    file.write_all(&[1; 100_000]).unwrap();
    drop(file);
    disk.cut(Unsynced::Lost);
    let left = fs::read(&path).unwrap();
    assert!(left.starts_with(b"kept\0\0"), "{left:?}");
}

#[test]
fn the_disk_before_each_sync_is_kept_where_that_is_wanted() {
    let Some(disk) = disk(NamesDurable::InOrderByAnySync) else {
        return;
    };
    disk.record();
    let mut file = File::create(disk.path().join("file")).unwrap();
    for _ in 0..3 {
        file.write_all(b"x").unwrap();
        file.sync_data().unwrap();
    }
    drop(file);
    let sizes: Vec<_> = disk
        .recorded()
        .into_iter()
        .map(|image| {
            let left = Disk::holding(image.cut(Unsynced::Lost)).unwrap();
            fs::read(left.path().join("file")).map_or(0, |content| content.len())
        })
        .collect();
    assert_eq!(sizes, [0, 1, 2, 3]);
}
