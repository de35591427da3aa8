//! The development issuer, believed through its own discovery only.

use std::sync::Arc;

use auth::principal::{Caller, Kind};
use auth::token::RawToken;

use super::*;
use crate::clock::SystemClock;
use crate::config::Trust;
use crate::identity::{Discovery, Identity};

struct Running {
    name: String,
    identity: Identity,
    tokens: BTreeMap<String, Secret>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(folder: &Path) -> Self {
        let issuer = DevelopmentIssuer::open(folder).await.unwrap();
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let tokens = issuer.tokens(i64::try_from(now.as_secs()).unwrap());
        let discovery = Discovery::new(&Trust::default()).unwrap();
        let providers = vec![issuer.provider().unwrap()];
        let identity = Identity::new(providers, &discovery, Arc::new(SystemClock));
        let (name, stop) = (issuer.issuer().to_owned(), CancellationToken::new());
        let task = tokio::spawn(issuer.serve(stop.clone()));
        Self {
            name,
            identity,
            tokens,
            stop,
            task,
        }
    }

    async fn caller(&self, token: &Secret) -> Option<Caller> {
        let token = RawToken::parse(token.reveal()).ok().unwrap();
        self.identity.authenticate(&token).await.ok()
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

#[tokio::test]
async fn its_people_are_known_by_their_groups() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path()).await;
    for (name, group) in PEOPLE {
        let caller = running.caller(&running.tokens[name]).await.unwrap();
        assert_eq!(caller.principal.kind, Kind::User);
        assert_eq!(caller.principal.subject, name);
        assert_eq!(caller.principal.groups, [group]);
        assert!(caller.actors.is_empty());
    }
    assert_eq!(running.tokens.len(), PEOPLE.len() + 1);
    running.stop().await;
}

#[tokio::test]
async fn the_agent_acts_for_the_operator() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path()).await;
    let caller = running.caller(&running.tokens["agent"]).await.unwrap();
    assert_eq!(caller.principal.subject, "operator");
    assert_eq!(caller.actors.len(), 1);
    assert_eq!(caller.actors[0].kind, Kind::Agent);
    assert_eq!(caller.actors[0].groups, ["agents"]);
    running.stop().await;
}

#[tokio::test]
async fn a_token_outlives_a_restart_on_the_same_folder_and_no_other() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = Running::start(folder.path()).await;
    let (name, token) = (first.name.clone(), first.tokens["author"].clone());
    first.stop().await;
    let second = Running::start(folder.path()).await;
    assert_eq!(second.name, name);
    assert!(second.caller(&token).await.is_some());
    let stranger = Running::start(other.path()).await;
    assert!(stranger.caller(&token).await.is_none());
    stranger.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_taken_port_or_a_damaged_memory_of_it_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let first = DevelopmentIssuer::open(folder.path()).await.unwrap();
    let second = DevelopmentIssuer::open(folder.path()).await.unwrap();
    assert_ne!(first.issuer(), second.issuer());
    std::fs::write(folder.path().join("issuer-port"), "seven").unwrap();
    assert!(DevelopmentIssuer::open(folder.path()).await.is_ok());
}

#[tokio::test]
async fn a_damaged_key_is_named_rather_than_replaced() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("issuer-key.pk8"), "nonsense").unwrap();
    let error = DevelopmentIssuer::open(folder.path()).await.err().unwrap();
    assert!(error.to_string().contains("issuer-key.pk8"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_its_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    DevelopmentIssuer::open(folder.path()).await.unwrap();
    let metadata = std::fs::metadata(folder.path().join("issuer-key.pk8")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}
