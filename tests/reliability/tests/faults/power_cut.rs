//! The power goes: what was not synced is gone, what was acknowledged is not.

use std::time::Duration;

use driver::host::{Folder, Host, SOON};
use reliability::client::Client;
use reliability::disk::Disk;
use reliability::effects::Effects;
use reliability::facts::{Fact, Facts};
use reliability::image::{Image, NamesDurable, Unsynced};
use reliability::random::Random;
use tokio::time::timeout;

use super::load::Load;
use super::round::{
    Prepared, Reproduction, disk, folder_on, has_not_panicked, keeps_its_promises, seeds,
};
use super::script;

/// How long a sync takes while a script is recorded, so that whoever is told of what the sync
/// before made durable has noted it by then.
const NOTED: Duration = Duration::from_millis(3);
/// How long a host without power may go on to say things that are not so.
const GRACE: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the store does not sync the name of its folder `log` yet"]
async fn at_every_sync_of_a_script_where_a_name_needs_its_folder_synced() {
    at_every_sync(NamesDurable::BySyncOfTheFolder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_every_sync_of_a_script_where_names_are_in_a_journal() {
    at_every_sync(NamesDurable::InOrderByAnySync).await;
}

async fn at_every_sync(names: NamesDurable) {
    let Some(disk) = disk(names) else {
        return;
    };
    let (images, facts, effects) = recorded(disk).await;
    eprintln!("{names:?}: {} syncs", images.len() - 1);
    for (synced, image) in images.into_iter().enumerate() {
        let synced = synced as u64;
        let unsynced = match synced % 3 {
            0 => Unsynced::Torn(synced),
            _ => Unsynced::Lost,
        };
        let when = format!("{names:?}, cut after sync {synced}, {unsynced:?}");
        after_the_cut(image.cut(unsynced), facts.until(synced), &effects, &when).await;
    }
}

/// Runs the script once; the disk before each of its syncs.
async fn recorded(disk: Disk) -> (Vec<Image>, Facts, Effects) {
    disk.record();
    disk.let_syncs_take(NOTED);
    let facts = Facts::new(disk.counter());
    let effects = Effects::serve(&facts).await;
    let folder = folder_on(&disk);
    let host = folder.host().await;
    let client = Client::new(&host, &facts);
    script::run(&client, effects.url()).await;
    host.kill_9().await;
    (disk.recorded(), facts, effects)
}

async fn after_the_cut(image: Image, told: Vec<Fact>, effects: &Effects, when: &str) {
    let disk = Disk::holding(image).unwrap();
    let facts = Facts::timeless();
    told.into_iter().for_each(|fact| facts.note(fact));
    effects.note_in(&facts);
    let folder = folder_on(&disk);
    let host = folder.host().await;
    keeps_its_promises(&host, &facts, when).await;
    has_not_panicked(&folder);
    host.kill_9().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_random_moment_of_a_loaded_run_and_of_the_recovery_from_it() {
    let Some(disk) = disk(NamesDurable::InOrderByAnySync) else {
        return;
    };
    let prepared = Prepared::on(disk).await;
    for seed in seeds(6) {
        let _reproduction = Reproduction::of("at_a_random_moment", seed);
        let mut random = Random::new(seed);
        let mut disk = Disk::holding(prepared.image.clone()).unwrap();
        let facts = prepared.facts();
        let folder = folder_on(&disk);
        disk.let_writes_stray(seed, 4);
        disk.freeze_at(5 + random.below(150));
        loaded_until_the_power_goes(&disk, &folder, &facts, seed).await;
        disk.cut(unsynced(&mut random));
        for _ in 0..random.below(3) {
            disk.freeze_at(disk.synced() + random.below(8));
            started_until_the_power_goes(&disk, &folder).await;
            disk.cut(unsynced(&mut random));
        }
        let host = folder.host().await;
        keeps_its_promises(&host, &facts, &format!("seed {seed}")).await;
        has_not_panicked(&folder);
    }
}

fn unsynced(random: &mut Random) -> Unsynced {
    match random.once_in(3) {
        true => Unsynced::Lost,
        false => Unsynced::Torn(random.number()),
    }
}

async fn loaded_until_the_power_goes(disk: &Disk, folder: &Folder, facts: &Facts, seed: u64) {
    let Some(mut host) = started_with_power(disk, folder).await else {
        return;
    };
    let client = Client::new(&host, facts);
    let load = Load::begin(&client, &format!("r{seed}"), seed);
    timeout(SOON, disk.frozen()).await.unwrap();
    let _ = timeout(GRACE, look_at_everything(&client, facts)).await;
    host.strike();
    disk.release();
    host.ended().await;
    load.end().await;
}

/// Reads what a host without power has to say.
async fn look_at_everything(client: &Client, facts: &Facts) {
    for fact in facts.all().iter().rev() {
        if let Fact::Started { answer, .. } = fact {
            client.look(answer["id"].as_str().unwrap()).await;
        }
    }
    std::future::pending::<()>().await;
}

/// A host that is ready, unless the power goes before.
async fn started_with_power(disk: &Disk, folder: &Folder) -> Option<Host> {
    tokio::select! {
        host = folder.host() => Some(host),
        () = disk.frozen() => {
            disk.release();
            None
        }
    }
}

async fn started_until_the_power_goes(disk: &Disk, folder: &Folder) {
    if let Some(mut host) = started_with_power(disk, folder).await {
        host.strike();
        disk.release();
        host.ended().await;
    }
}
