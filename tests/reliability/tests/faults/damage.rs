//! Flipped bits, torn and cut off files: named, never passed over in silence.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use driver::host::{Folder, Host, SOON};
use driver::http::Person;
use reliability::checker::{expect_none, kept};
use reliability::client::Client;
use reliability::effects::Effects;
use reliability::facts::Facts;
use reliability::random::Random;
use tokio::time::timeout;

use super::round::{Reproduction, seeds};
use super::script;

const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// How the host ended before its folder was damaged.
#[derive(Clone, Copy, Debug)]
enum Ended {
    Stopped,
    Killed,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_to_any_file_of_a_stopped_store_is_named_and_never_passed_over() {
    damaged(Ended::Stopped).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_to_any_file_of_a_killed_store_is_named_and_never_passed_over() {
    damaged(Ended::Killed).await;
}

async fn damaged(ended: Ended) {
    let facts = Facts::timeless();
    let effects = Effects::serve(&facts).await;
    let whole = Folder::new();
    let host = whole.host().await;
    script::run(&Client::new(&host, &facts), effects.url()).await;
    Client::new(&host, &facts).settle().await;
    match ended {
        Ended::Stopped => {
            host.terminate().await;
            assert!(host.ended().await.success());
        }
        Ended::Killed => host.kill_9().await,
    }
    effects.note_in(&Facts::timeless());
    for seed in seeds(3) {
        let _reproduction = Reproduction::of("damage", seed);
        let files = whole.files();
        let files = files.iter().filter(|file| is_of_the_store(file, &whole));
        for (file, place) in files.zip(0_u64..) {
            let name = file.strip_prefix(whole.data()).unwrap();
            let mut random = Random::new(seed * 1000 + place);
            let folder = copy(&whole);
            let damage = damage(&folder.data().join(name), &mut random);
            let what = format!("{ended:?}, {}, {damage}", name.display());
            is_named_or_harmless(&folder, &facts, &what).await;
        }
    }
}

/// What holds something; an empty file cannot be damaged.
fn is_of_the_store(file: &Path, folder: &Folder) -> bool {
    file.starts_with(folder.data().join("store")) && fs::metadata(file).unwrap().len() > 0
}

fn copy(whole: &Folder) -> Folder {
    let folder = Folder::new();
    for file in whole.files() {
        let copied = folder.data().join(file.strip_prefix(whole.data()).unwrap());
        fs::create_dir_all(copied.parent().unwrap()).unwrap();
        fs::copy(&file, copied).unwrap();
    }
    fs::create_dir_all(folder.data().join("store/blobs")).unwrap();
    folder
}

/// Does one of the things that happen to files on bad disks.
fn damage(path: &PathBuf, random: &mut Random) -> String {
    let file = fs::File::options().read(true).write(true).open(path);
    let file = file.unwrap();
    let bytes = file.metadata().unwrap().len();
    let at = random.below(bytes);
    match random.below(4) {
        0 | 1 => {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            let bit = random.below(8);
            file.write_all_at(&[byte[0] ^ (1 << bit)], at).unwrap();
            format!("bit {bit} of byte {at} of {bytes} flipped")
        }
        2 => {
            let sector = at / 512 * 512;
            let length = (bytes - sector).min(512) as usize;
            file.write_all_at(&vec![0; length], sector).unwrap();
            format!("the sector at {sector} of {bytes} zeroed")
        }
        _ => {
            file.set_len(at).unwrap();
            format!("cut off at {at} of {bytes}")
        }
    }
}

/// What came of starting a host on a damaged folder.
enum Outcome {
    Ready(Box<Host>),
    /// It ended with this code.
    Refused(i32),
}

async fn is_named_or_harmless(folder: &Folder, facts: &Facts, what: &str) {
    match started(folder).await {
        Outcome::Refused(code) => {
            let log = folder.log();
            let error = log.lines().find(|line| line.starts_with("error: "));
            let error = error.unwrap_or_else(|| panic!("{what}: no error in\n{log}"));
            assert_eq!(code, 3, "{what}: {error}");
            // Of its own settings in `conf` sled says only that it does not know them.
            let names = [
                "record",
                "damaged",
                "store/",
                "the store failed: Unsupported",
            ];
            assert!(
                names.iter().any(|name| error.contains(name)),
                "{what}: {error}"
            );
        }
        Outcome::Ready(host) => {
            let found = Client::new(&host, facts).find().await;
            expect_none(&kept(&facts.all(), &found), what);
            let log = folder.log();
            for refused in &found.refused {
                assert!(refused.contains(": 5"), "{what}: {refused}");
                assert!(log.contains("damaged"), "{what}: {refused}\n{log}");
            }
            host.kill_9().await;
        }
    }
    let log = folder.log();
    let mut panics = log.lines().filter(|line| line.contains("panicked at"));
    // Sled tells of what it cannot read by panics, which the store turns into errors.
    assert!(panics.all(|line| line.contains("/sled-")), "{what}:\n{log}");
}

async fn started(folder: &Folder) -> Outcome {
    let (mut child, ready_file) = folder.spawn("dev", "ready.json", "");
    let waited = timeout(SOON, async {
        loop {
            if ready_file.exists() {
                return None;
            }
            if let Some(status) = child.try_wait().unwrap() {
                return Some(status.code().unwrap_or(-1));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    });
    match waited.await.unwrap() {
        Some(code) => Outcome::Refused(code),
        None => Outcome::Ready(Box::new(Host::when_ready(folder, child, ready_file).await)),
    }
}

#[tokio::test]
async fn an_undamaged_copy_shows_everything() {
    let facts = Facts::timeless();
    let effects = Effects::serve(&facts).await;
    let whole = Folder::new();
    let host = whole.host().await;
    Client::new(&host, &facts)
        .publish(effects.url())
        .await
        .unwrap();
    host.kill_9().await;
    let folder = copy(&whole);
    let host = folder.host().await;
    Person::new(host.url(), None).get("/readyz").await.is(200);
    let found = Client::new(&host, &facts).find().await;
    expect_none(&kept(&facts.all(), &found), "a copy");
    assert_eq!(found.refused, Vec::<String>::new());
}
