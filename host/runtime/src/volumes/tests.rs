use super::*;

struct Volume {
    folder: tempfile::TempDir,
    files: VolumeFiles,
}

fn volume() -> Volume {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("inside")).unwrap();
    let paths = BTreeMap::from([(orders(), folder.path().join("inside"))]);
    Volume {
        files: VolumeFiles::open(&paths).unwrap(),
        folder,
    }
}

fn orders() -> Name {
    Name::parse("orders").unwrap()
}

impl Volume {
    async fn read(&self, path: &str) -> Result<Bytes, VolumeError> {
        self.files.read(&orders(), path, 8).await
    }

    async fn write(&self, path: &str, content: &'static str) -> Result<(), VolumeError> {
        self.files.write(&orders(), path, content.into()).await
    }

    async fn keys(&self, prefix: &str) -> Vec<String> {
        let listed = self.files.list(&orders(), prefix, 3).await.unwrap();
        let mut keys: Vec<_> = listed.into_iter().map(|file| file.key).collect();
        keys.sort_unstable();
        keys
    }
}

#[tokio::test]
async fn what_is_written_is_read_and_takes_the_place_of_what_was_there() {
    let volume = volume();
    for content in ["one", "another"] {
        volume.write("a/b/c.json", content).await.unwrap();
        assert_eq!(volume.read("a/b/c.json").await.unwrap(), content);
    }
    assert_eq!(volume.keys("").await, ["a/b/c.json"]);
}

#[tokio::test]
async fn a_writing_that_was_cut_short_is_taken_away_by_the_next() {
    let volume = volume();
    let inside = volume.folder.path().join("inside");
    std::fs::write(inside.join(format!("c{UNFINISHED}")), "half").unwrap();
    assert!(volume.keys("").await.is_empty());
    volume.write("c", "whole").await.unwrap();
    assert_eq!(std::fs::read_dir(&inside).unwrap().count(), 1);
    assert_eq!(volume.read("c").await.unwrap(), "whole");
}

#[tokio::test]
async fn no_path_leads_out_of_a_volume() {
    let volume = volume();
    std::fs::write(volume.folder.path().join("secret"), "s").unwrap();
    let absolute = volume.folder.path().join("secret").display().to_string();
    let long = "a".repeat(1025);
    for path in [
        "../secret",
        "a/../../secret",
        "./a",
        "",
        "/",
        "a//b",
        "a/",
        "a\\b",
        "c:a",
        "a\0b",
        &absolute,
        &long,
    ] {
        let read = volume.read(path).await.unwrap_err();
        assert!(matches!(read, VolumeError::Path { .. }), "{path}: {read}");
        let written = volume.write(path, "x").await.unwrap_err();
        assert!(matches!(written, VolumeError::Path { .. }), "{path}");
    }
    let above = volume.files.list(&orders(), "../", 3).await.unwrap_err();
    assert!(matches!(above, VolumeError::Path { .. }));
}

#[cfg(unix)]
#[tokio::test]
async fn no_symbolic_link_leads_out_of_a_volume() {
    use std::os::unix::fs::symlink;
    let volume = volume();
    let inside = volume.folder.path().join("inside");
    std::fs::write(volume.folder.path().join("secret"), "s").unwrap();
    symlink("../secret", inside.join("file")).unwrap();
    symlink("..", inside.join("folder")).unwrap();
    for path in ["file", "folder/secret"] {
        let told = volume.read(path).await.unwrap_err();
        assert!(matches!(told, VolumeError::Path { .. }), "{path}: {told}");
    }
    assert!(volume.write("folder/secret", "x").await.is_err());
    assert!(volume.keys("").await.is_empty());
    assert!(volume.files.list(&orders(), "folder/", 3).await.is_err());
    // The link itself is replaced, not what it leads to.
    volume.write("file", "own").await.unwrap();
    let secret = std::fs::read(volume.folder.path().join("secret")).unwrap();
    assert_eq!(secret, b"s");
}

#[tokio::test]
async fn a_prefix_is_the_beginning_of_a_path() {
    let volume = volume();
    for path in ["in/a", "in/b", "inner", "other/in"] {
        volume.write(path, "x").await.unwrap();
    }
    assert_eq!(volume.keys("in").await, ["in/a", "in/b", "inner"]);
    assert_eq!(volume.keys("in/").await, ["in/a", "in/b"]);
    assert_eq!(volume.keys("other/i").await, ["other/in"]);
    assert!(volume.keys("none/").await.is_empty());
    let all = volume.files.list(&orders(), "", 3).await.unwrap_err();
    assert!(matches!(all, VolumeError::TooLarge(_)));
}

#[tokio::test]
async fn what_is_missing_too_large_or_unknown_is_told_apart() {
    let volume = volume();
    volume.write("long", "123456789").await.unwrap();
    volume.write("a/b", "x").await.unwrap();
    let told = volume.read("long").await.unwrap_err();
    assert!(matches!(told, VolumeError::TooLarge(_)));
    for path in ["none", "a", "a/none"] {
        let told = volume.read(path).await.unwrap_err();
        assert!(matches!(told, VolumeError::NotFound(_)), "{path}");
    }
    let other = Name::parse("other").unwrap();
    let told = volume.files.read(&other, "a", 8).await.unwrap_err();
    assert!(matches!(told, VolumeError::UnknownVolume(_)));
    let missing = BTreeMap::from([(orders(), volume.folder.path().join("none"))]);
    assert!(VolumeFiles::open(&missing).is_err());
}
