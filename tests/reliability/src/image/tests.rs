use super::*;

fn image(names: NamesDurable) -> (Image, u64) {
    let mut image = Image::new(names);
    let file = image.create_file(ROOT, OsStr::new("a"), 0o600).unwrap();
    let root = image.begin_sync(ROOT);
    image.end_sync(root);
    (image, file.number)
}

fn sync(image: &mut Image, number: u64) {
    let sync = image.begin_sync(number);
    image.end_sync(sync);
}

fn content(image: &Image, name: &str) -> Option<Vec<u8>> {
    let found = image.lookup(ROOT, OsStr::new(name)).ok()?;
    Some(image.read(found.number, 0, found.bytes).unwrap())
}

#[test]
fn what_was_synced_survives_and_what_was_not_is_lost() {
    let (mut image, file) = image(NamesDurable::BySyncOfTheFolder);
    image.write(file, 0, b"first").unwrap();
    sync(&mut image, file);
    image.write(file, 5, &[b'x'; 10_000]).unwrap();
    assert_eq!(content(&image, "a").unwrap().len(), 10_005);
    let left = image.cut(Unsynced::Lost);
    assert_eq!(content(&left, "a").unwrap(), b"first");
}

#[test]
fn a_write_after_a_sync_was_asked_for_is_not_part_of_it() {
    let (mut image, file) = image(NamesDurable::BySyncOfTheFolder);
    image.write(file, 0, b"first").unwrap();
    let begun = image.begin_sync(file);
    image.write(file, 0, b"later").unwrap();
    image.end_sync(begun);
    assert_eq!(content(&image.cut(Unsynced::Lost), "a").unwrap(), b"first");
    sync(&mut image, file);
    assert_eq!(content(&image.cut(Unsynced::Lost), "a").unwrap(), b"later");
}

#[test]
fn a_failed_sync_is_not_made_good_by_a_second_one() {
    let (mut image, file) = image(NamesDurable::BySyncOfTheFolder);
    image.write(file, 0, b"first").unwrap();
    let begun = image.begin_sync(file);
    image.fail_sync(begun);
    sync(&mut image, file);
    assert_eq!(content(&image, "a").unwrap(), b"first");
    assert_eq!(content(&image.cut(Unsynced::Lost), "a").unwrap(), [0; 5]);
}

#[test]
fn a_new_name_needs_its_folder_synced_or_a_journal() {
    for (names, survives) in [
        (NamesDurable::BySyncOfTheFolder, false),
        (NamesDurable::InOrderByAnySync, true),
    ] {
        let (mut image, _) = image(names);
        let new = image.create_file(ROOT, OsStr::new("b"), 0o600).unwrap();
        image.write(new.number, 0, b"new").unwrap();
        sync(&mut image, new.number);
        let left = image.cut(Unsynced::Lost);
        assert_eq!(content(&left, "b").is_some(), survives);
        sync(&mut image, ROOT);
        assert_eq!(content(&image.cut(Unsynced::Lost), "b").unwrap(), b"new");
    }
}

#[test]
fn a_name_moved_over_another_is_one_or_the_other() {
    let (mut image, file) = image(NamesDurable::BySyncOfTheFolder);
    image.write(file, 0, b"old").unwrap();
    sync(&mut image, file);
    let new = image.create_file(ROOT, OsStr::new("b"), 0o600).unwrap();
    image.write(new.number, 0, b"new").unwrap();
    sync(&mut image, new.number);
    let (from, to) = ((ROOT, OsStr::new("b")), (ROOT, OsStr::new("a")));
    image.rename(from, to).unwrap();
    assert_eq!(content(&image, "a").unwrap(), b"new");
    assert_eq!(content(&image.cut(Unsynced::Lost), "a").unwrap(), b"old");
    for seed in 0..20 {
        let left = image.cut(Unsynced::Torn(seed));
        let found = content(&left, "a").unwrap();
        assert!(found == b"old" || found == b"new", "{found:?}");
    }
    sync(&mut image, ROOT);
    let left = image.cut(Unsynced::Lost);
    assert_eq!(content(&left, "a").unwrap(), b"new");
    assert_eq!(content(&left, "b"), None);
}

#[test]
fn chance_keeps_a_part_of_what_was_not_synced_and_a_seed_repeats_it() {
    let (mut image, file) = image(NamesDurable::BySyncOfTheFolder);
    image.write(file, 0, &[1; 40_960]).unwrap();
    sync(&mut image, file);
    image.write(file, 0, &[2; 40_960]).unwrap();
    let left = content(&image.cut(Unsynced::Torn(7)), "a").unwrap();
    assert!(left.contains(&1) && left.contains(&2));
    let again = content(&image.cut(Unsynced::Torn(7)), "a").unwrap();
    assert_eq!(left, again);
    let differs =
        (0..20).any(|seed| content(&image.cut(Unsynced::Torn(seed)), "a") != Some(left.clone()));
    assert!(differs);
}

#[test]
fn a_full_disk_refuses_new_blocks_and_takes_old_ones() {
    let (mut image, file) = image(NamesDurable::BySyncOfTheFolder);
    image.write(file, 0, &[1; 8192]).unwrap();
    image.limit(Some(3));
    assert_eq!(image.write(file, 8192, &[1; 8192]), Err(Refusal::Full));
    assert_eq!(image.allocate(file, (0, 16_384), true), Err(Refusal::Full));
    image.write(file, 100, &[2; 8000]).unwrap();
    image.allocate(file, (8192, 4096), true).unwrap();
    assert_eq!(image.attributes(file).unwrap().bytes, 8192);
    image.write(file, 8192, &[3; 4096]).unwrap();
    assert_eq!(image.space(), (3, Some(3)));
    image.resize(file, 10).unwrap();
    assert_eq!(image.space().0, 1);
    image.remove(ROOT, OsStr::new("a")).unwrap();
    assert_eq!(image.space().0, 0);
}

#[test]
fn a_file_cut_off_reads_zeros_where_it_grows_again() {
    let (mut image, file) = image(NamesDurable::BySyncOfTheFolder);
    image.write(file, 0, &[1; 5000]).unwrap();
    image.resize(file, 10).unwrap();
    image.resize(file, 5000).unwrap();
    let found = content(&image, "a").unwrap();
    assert_eq!((found.len(), &found[..10]), (5000, &[1; 10][..]));
    assert!(found[10..].iter().all(|byte| *byte == 0));
}

#[test]
fn what_strayed_to_the_disk_before_a_sync_survives_as_it_was_then() {
    let (mut image, file) = image(NamesDurable::BySyncOfTheFolder);
    image.write(file, 0, b"early").unwrap();
    image.stray(file, 0, 5).unwrap();
    image.write(file, 0, b"later").unwrap();
    assert_eq!(content(&image.cut(Unsynced::Lost), "a").unwrap(), b"early");
}
