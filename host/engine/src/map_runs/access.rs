//! Whether a map run may read or write a volume: asked as of now, and on record before it does.

use asl::EffectId;
use asl::EventKind;
use auth::authority::Denied;
use auth::capability::Access;
use auth::names::{Digest, Name};
use ports::{AuditRecord, Commit, CommitError, Decision, VolumeError};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Family, told};
use crate::authority::Authority;
use crate::shared::Shared;
use crate::{Error, RoleRevision};

/// The longest key of an object on the service, in bytes.
const PATH_BYTES_MAX: usize = 1024;

/// Why items were not read or results not written.
pub(super) enum Failed {
    /// The authority chain refuses it.
    Denied(Denied),
    /// It cannot be done; a cause for people.
    Cause(String),
    /// The host could not do its work.
    Host(Error),
    /// Nobody wants it any more.
    Cancelled,
}

impl Failed {
    /// The event that ends the map run, if it still goes on; `error` is what failing at the work
    /// itself is called.
    pub(super) fn into_event(self, effect: EffectId, error: &str) -> Option<EventKind> {
        let (error, cause) = match self {
            Self::Denied(denied) => (
                "Sluice.AccessDenied",
                format!("{} (rule `{}`)", denied.reason, denied.rule),
            ),
            Self::Cause(cause) => (error, cause),
            Self::Host(problem) => {
                tracing::error!(error = %problem, "a map run's work could not be done");
                ("Sluice.Interrupted", problem.to_string())
            }
            Self::Cancelled => return None,
        };
        Some(EventKind::MapRunFailed {
            effect,
            error: error.to_owned(),
            cause,
        })
    }
}

impl From<asl::items::Unreadable> for Failed {
    fn from(error: asl::items::Unreadable) -> Self {
        Self::Cause(error.0)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Host(error)
    }
}

impl From<ports::StoreError> for Failed {
    fn from(error: ports::StoreError) -> Self {
        Self::Host(error.into())
    }
}

/// What a map run wants of a volume.
#[derive(Clone)]
pub(super) struct Wanted<'a> {
    pub(super) family: &'a Family,
    /// The Map state.
    pub(super) state: &'a str,
    pub(super) volume: Name,
    /// The path, or what every path begins with.
    pub(super) path: String,
    pub(super) access: Access,
}

/// What allows it.
struct Granted {
    rules: Vec<String>,
    role: Name,
    revision: u64,
}

impl<'a> Wanted<'a> {
    /// What is wanted of the volume that `arguments` name as `Bucket`.
    pub(super) fn new(
        (family, state): (&'a Family, &'a str),
        arguments: &Value,
        path: String,
        access: Access,
    ) -> Result<Self, Failed> {
        if path.len() > PATH_BYTES_MAX {
            let cause = format!("a key has more than {PATH_BYTES_MAX} bytes");
            return Err(Failed::Cause(cause));
        }
        let bucket = required(arguments, "Bucket")?;
        let volume = Name::parse(bucket)
            .map_err(|message| Failed::Cause(format!("field Bucket names no volume: {message}")))?;
        Ok(Self {
            family,
            state,
            volume,
            path,
            access,
        })
    }

    /// The same of another path.
    pub(super) fn at(&self, path: String) -> Self {
        Self {
            path,
            ..self.clone()
        }
    }

    fn record(&self, shared: &Shared, decision: Decision) -> AuditRecord {
        let start = &self.family.start;
        let action = match self.access {
            Access::Read => "ReadVolume",
            Access::ReadWrite => "WriteVolume",
        };
        AuditRecord {
            at: shared.ports.clock.now(),
            caller: Some(told(&start.caller)),
            through: "engine".to_owned(),
            action: action.to_owned(),
            resource: format!("volume/{}", self.volume),
            request: json!({"path": self.path}),
            decision,
            outcome: Value::Null,
            execution: Some(start.header.id.clone()),
            state: Some(self.state.to_owned()),
            attempt: None,
            checkpoint: None,
        }
    }

    /// Whether the state machine's role grants it, and its caller may still start the machine
    /// and pass that role.
    fn decide(&self, authority: &Authority) -> Result<Granted, Denied> {
        let Family { start, machine } = self.family;
        let Some(role) = &machine.role else {
            let reason = "the state machine has no role, which volumes need";
            return Err(refused("authority.role-missing", reason.to_owned()));
        };
        let identity = Digest::of(format!("{:?}", start.caller).as_bytes());
        let permits = authority.permits(&identity, &start.caller, &machine.name, role)?;
        let Some(revision) = authority.role(role) else {
            let reason = format!("role `{role}` does not exist");
            return Err(refused("authority.role-missing", reason));
        };
        volume_granted(revision, &self.volume, self.access)?;
        let rules = permits.start.rules().iter();
        Ok(Granted {
            rules: rules.chain(permits.pass_role.rules()).cloned().collect(),
            role: role.clone(),
            revision: revision.facts.revision(),
        })
    }
}

/// Whether a role lets a map run read or write a volume.
///
/// # Errors
/// Why it does not.
pub(crate) fn volume_granted(
    role: &RoleRevision,
    volume: &Name,
    wanted: Access,
) -> Result<(), Denied> {
    let (name, access) = (role.facts.name(), wanted.as_str());
    let grants = &role.facts.role().grants().filesystem;
    let mut of_volume = grants
        .iter()
        .filter(|grant| grant.volume() == volume)
        .peekable();
    if of_volume.peek().is_none() {
        let reason = format!(
            "role `{name}` does not grant volume `{volume}`, add a `filesystem` entry with volume `{volume}` and access `{access}` to it"
        );
        return Err(refused("filesystem.volume", reason));
    }
    if !of_volume.any(|grant| grant.access() >= wanted) {
        let reason = format!(
            "role `{name}` grants volume `{volume}` for reading only, set its `access` to `{access}`"
        );
        return Err(refused("filesystem.access", reason));
    }
    Ok(())
}

fn refused(rule: &str, reason: String) -> Denied {
    Denied {
        rule: rule.to_owned(),
        reason,
    }
}

/// Does nothing further once nobody wants it.
pub(super) fn wanted_still(cancelled: &CancellationToken) -> Result<(), Failed> {
    match cancelled.is_cancelled() {
        true => Err(Failed::Cancelled),
        false => Ok(()),
    }
}

/// A text that a reader or writer must be given.
pub(super) fn required<'a>(arguments: &'a Value, name: &str) -> Result<&'a str, Failed> {
    let text = arguments.get(name).and_then(Value::as_str);
    text.ok_or_else(|| Failed::Cause(format!("field {name} must be a string")))
}

impl Shared {
    /// Decides under the authority in force and returns once the decision is on record; one
    /// that was overtaken is made again.
    pub(super) async fn allow(&self, wanted: &Wanted<'_>) -> Result<(), Failed> {
        loop {
            let authority = self.authority();
            let decided = wanted.decide(&authority);
            let decision = match &decided {
                Ok(granted) => Decision::Allowed {
                    rules: granted.rules.clone(),
                },
                Err(denied) => refusal(denied),
            };
            let mut record = wanted.record(self, decision);
            if let (Ok(granted), Some(request)) = (&decided, record.request.as_object_mut()) {
                request.insert("role".to_owned(), json!(granted.role));
                request.insert("roleRevision".to_owned(), json!(granted.revision));
            }
            let commit = Commit {
                decided_under: Some(authority.version),
                audit: vec![record],
                ..Commit::default()
            };
            match self.commit(commit).await {
                Ok(_) => return decided.map(|_| ()).map_err(Failed::Denied),
                Err(CommitError::AuthorityMoved { now }) => {
                    self.catch_up(now).await?;
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(error) => return Err(Failed::Host(Error::host(error))),
            }
        }
    }

    /// Puts on record what came of something allowed.
    pub(super) async fn tell(&self, wanted: &Wanted<'_>, outcome: Value) -> Result<(), Failed> {
        let decision = Decision::Allowed { rules: Vec::new() };
        let record = wanted.record(self, decision);
        self.tell_record(AuditRecord { outcome, ..record }).await
    }

    /// Why the volume did not do it. A path that leads out of its volume is a refusal.
    pub(super) async fn volume_failed(&self, wanted: &Wanted<'_>, error: VolumeError) -> Failed {
        let cause = error.to_string();
        match error {
            VolumeError::Path { .. } => {
                let denied = Denied {
                    rule: "filesystem.path".to_owned(),
                    reason: cause,
                };
                let record = wanted.record(self, refusal(&denied));
                match self.tell_record(record).await {
                    Ok(()) => Failed::Denied(denied),
                    Err(failed) => failed,
                }
            }
            VolumeError::UnknownVolume(_)
            | VolumeError::NotFound(_)
            | VolumeError::TooLarge(_)
            | VolumeError::Io(_) => Failed::Cause(cause),
        }
    }

    async fn tell_record(&self, record: AuditRecord) -> Result<(), Failed> {
        let commit = Commit {
            audit: vec![record],
            ..Commit::default()
        };
        match self.commit(commit).await {
            Ok(_) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(error) => Err(Failed::Host(Error::host(error))),
        }
    }
}

fn refusal(denied: &Denied) -> Decision {
    Decision::Denied {
        rule: denied.rule.clone(),
        reason: denied.reason.clone(),
    }
}
