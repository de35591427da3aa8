//! Stores of earlier formats open with everything in them. See `host/store/fixtures/README.md`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use asl::HistoryEvent;
use audit::Verifier;
use auth::names::Digest;
use ports::{Description, ExecutionFilter};
use serde_json::{Map, Value};

use super::*;

#[tokio::test]
async fn a_store_of_format_1_opens_with_everything_in_it() {
    check("format-1").await;
}

#[tokio::test]
async fn an_upgrade_that_is_cut_off_anywhere_goes_on_at_the_next_opening() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/format-1");
    let expected = fs::read(fixture.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    for last in 1.. {
        let folder = unpacked(&fixture);
        let mut syncs = 0;
        let sync = move |file: &File| {
            syncs += 1;
            match syncs < last {
                true => file.sync_data(),
                false => Err(io::Error::other("cut off")),
            }
        };
        let config = StoreConfig::default();
        let chain = Arc::new(Sha256Chain);
        let opened = SledStore::open_with(folder.path(), config, chain, Box::new(sync)).await;
        let is_whole = opened.is_ok();
        if let Ok(store) = opened {
            let _ = store.close().await;
        }
        let found = reopened(folder.path()).await;
        for (part, expected) in expected.as_object().unwrap() {
            assert_eq!(&found[part], expected, "{part}, cut off at sync {last}");
        }
        if is_whole {
            assert!(last > 4, "the upgrade is one write");
            return;
        }
    }
}

/// Opens the fixture, compares, and does so again once it is of today's format.
async fn check(fixture: &str) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(fixture);
    let folder = unpacked(&fixture);
    let expected_path = fixture.join("expected.json");
    if std::env::var_os("SLUICE_WRITE_EXPECTED").is_some() && !expected_path.exists() {
        let found = reopened(folder.path()).await;
        let text = serde_json::to_string_pretty(&found).unwrap();
        fs::write(&expected_path, text + "\n").unwrap();
    }
    let expected: Value = serde_json::from_slice(&fs::read(&expected_path).unwrap()).unwrap();
    let folder = unpacked(&fixture);
    for opening in 1..3 {
        let found = reopened(folder.path()).await;
        for (part, expected) in expected.as_object().unwrap() {
            assert_eq!(&found[part], expected, "{part}, opening {opening}");
        }
    }
}

async fn reopened(folder: &Path) -> Value {
    let store = open(folder).await;
    let found = readable(&store).await;
    store.close().await.unwrap();
    found
}

/// The files of a fixture, in a folder of their own.
pub(super) fn unpacked(fixture: &Path) -> TempDir {
    let packed = fs::read(fixture.join("store.z")).unwrap();
    let bytes = miniz_oxide::inflate::decompress_to_vec_zlib(&packed).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut rest = bytes.as_slice();
    let mut next = || {
        let (length, behind) = rest.split_first_chunk()?;
        let (piece, behind) = behind.split_at(u64::from_be_bytes(*length) as usize);
        rest = behind;
        Some(piece.to_vec())
    };
    while let Some(name) = next() {
        let path: PathBuf = folder.path().join(String::from_utf8(name).unwrap());
        fs::write(path, next().unwrap()).unwrap();
    }
    folder
}

/// Everything that a reader can find, in the shapes that callers are shown. Long values are told
/// by their digests.
async fn readable(store: &SledStore) -> Value {
    let mut documents = Map::new();
    for (name, kind) in [
        ("component", Kind::Component),
        ("role", Kind::Role),
        ("review", Kind::Review),
        ("state-machine", Kind::StateMachine),
        ("registration", Kind::Registration),
        ("activity", Kind::Activity),
        ("host", Kind::Host),
    ] {
        let found = store.documents(kind, None, usize::MAX).await.unwrap();
        let lines = found.iter().map(|document| {
            let (key, body) = (&document.key, told(&document.body));
            json!([key.name, key.revision, body])
        });
        documents.insert(name.to_owned(), lines.collect());
    }
    let components = store.documents(Kind::Component, None, 10).await.unwrap();
    let mut blobs = Vec::new();
    for component in components {
        let digest = Digest::parse(component.body["digest"].as_str().unwrap()).unwrap();
        let bytes = store.blob(&digest).await.unwrap().unwrap();
        blobs.push(json!([Digest::of(&bytes), bytes.len()]));
    }
    let all = list(store, ExecutionFilter::default()).await;
    let mut executions = Vec::new();
    for listed in &all {
        executions.push(execution(store, listed).await);
    }
    let AuditPage { links, head, .. } = store.audit(0, usize::MAX).await.unwrap();
    let mut verifier = Verifier::new();
    links.iter().for_each(|link| verifier.push(link).unwrap());
    let verified = verifier.finish(head).unwrap();
    let open = store.claim(None, usize::MAX).await.unwrap();
    let open: BTreeSet<_> = open.into_iter().map(|claim| claim.id).collect();
    json!({
        "documents": documents,
        "blobs": blobs,
        "executions": executions,
        "lists": lists(store, &all).await,
        "open": open,
        "audit": {"length": verified.length, "hash": verified.hash.to_string()},
    })
}

async fn list(store: &SledStore, filter: ExecutionFilter) -> Vec<Description> {
    let page = store.executions(filter, None, usize::MAX).await.unwrap();
    assert!(page.next.is_none());
    page.items
}

/// Each list by its ARN.
async fn lists(store: &SledStore, all: &[Description]) -> Value {
    let arns: BTreeSet<_> = all
        .iter()
        .flat_map(|listed| {
            let (header, selection) = (&listed.start.header, &listed.start.selection);
            let run = header.map_run.as_ref().map(|child| child.arn.clone());
            let mut arns = selection.arns(&header.machine_arn);
            arns.push(run.unwrap_or_else(|| header.machine_arn.clone()));
            arns
        })
        .collect();
    let mut lists = Map::new();
    for arn in arns {
        let filter = ExecutionFilter {
            machine_arn: Some(arn.clone()),
            ..ExecutionFilter::default()
        };
        let found = list(store, filter).await;
        let ids = found.iter().map(|listed| json!(listed.start.header.id));
        lists.insert(arn, ids.collect());
    }
    Value::Object(lists)
}

async fn execution(store: &SledStore, listed: &Description) -> Value {
    let header = &listed.start.header;
    let listed_under = header.listed_under();
    let named = store.execution_named(listed_under, &header.name).await;
    let described = store.execution(&header.id).await.unwrap().unwrap();
    assert_eq!(described.summary, listed.summary);
    let page = store
        .history(
            &header.id,
            HistoryCursor::default(),
            HistoryPayloads::Shown,
            usize::MAX,
        )
        .await;
    let events = page.unwrap().unwrap().events;
    let loaded = store.load(&header.id).await.unwrap().unwrap();
    let payloads = loaded.records.iter().flat_map(|record| {
        let payloads = record.delta.payloads.iter();
        payloads.map(|payload| told(payload))
    });
    json!({
        "id": header.id,
        "arn": header.arn,
        "named": named.unwrap(),
        "caller": loaded.start.caller.principal.subject,
        "summary": told(&serde_json::to_value(&described.summary).unwrap()),
        "input": described.input.as_deref().map(told),
        "output": described.output.as_deref().map(told),
        "payloads": payloads.collect::<Vec<_>>(),
        "records": loaded.records.len(),
        "history": told(&events.iter().map(HistoryEvent::to_json).collect()),
        "events": events.len(),
    })
}

/// A value, or the digest of a long one.
fn told(value: &Value) -> Value {
    let text = value.to_string();
    match text.len() {
        0..=100 => value.clone(),
        _ => json!(Digest::of(text.as_bytes())),
    }
}
