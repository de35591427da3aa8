//! Activities: names under which workers of one's own take up tasks.
//!
//! Owns the activities themselves. It does not know the tasks that wait for their workers.

use std::sync::Arc;

use asl::Timestamp;
use auth::names::ServiceName;
use auth::policy::{Permit, ReadActivity, WriteActivity, WriteTags};
use ports::{AuditRecord, Commit, Document, Key, Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::authority::Authority;
use crate::components::commit_error;
use crate::error::Created;
use crate::{Engine, Error, Tags};

/// An activity. Each change is a new record of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// Its name.
    pub name: ServiceName,
    /// Its ARN.
    pub arn: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its tags.
    pub tags: Tags,
    /// `encryptionConfiguration`, as it was given.
    pub encryption: Value,
    /// 1 for the first record of the name.
    number: u64,
    is_deleted: bool,
}

impl Activity {
    pub(crate) fn from_document(document: &Document) -> Result<Self, Error> {
        Self::deserialize(&document.body).map_err(Error::host)
    }

    fn to_document(&self) -> Result<Document, Error> {
        let key = Key {
            kind: Kind::Activity,
            name: self.name.to_string(),
            revision: self.number,
        };
        let body = serde_json::to_value(self).map_err(Error::host)?;
        Ok(Document { key, body })
    }

    /// The record that follows this one, to be changed.
    fn next(&self) -> Self {
        Self {
            number: self.number + 1,
            ..self.clone()
        }
    }
}

impl Authority {
    /// An activity that is not deleted.
    pub(crate) fn activity(&self, name: &ServiceName) -> Option<&Arc<Activity>> {
        let activity = self.activities.get(name);
        activity.filter(|activity| !activity.is_deleted)
    }
}

impl Engine {
    /// Makes an activity; one of that name and encryption is no second one, whatever its tags.
    ///
    /// # Errors
    /// [`Error::Conflict`] if one with other encryption has the name.
    pub async fn create_activity(
        &self,
        permit: Permit<WriteActivity>,
        name: ServiceName,
        tags: Tags,
        encryption: Value,
    ) -> Result<Created<Arc<Activity>>, Error> {
        let engine = self.clone();
        self.to_its_end(async move {
            let _lane = engine.shared.change().await;
            let authority = engine.shared.authority();
            if let Some(known) = authority.activity(&name) {
                return match known.encryption == encryption {
                    true => Ok(Created::Same(Arc::clone(known))),
                    false => Err(Error::Conflict(format!(
                        "activity `{name}` exists with another encryption"
                    ))),
                };
            }
            let last = authority.activities.get(&name);
            let activity = Arc::new(Activity {
                arn: engine.shared.activity_arn(&name),
                created_at: engine.shared.ports.clock.now(),
                tags,
                encryption,
                number: last.map_or(1, |last| last.number + 1),
                is_deleted: false,
                name,
            });
            let record = engine.allowed(&permit, json!({"created": true}));
            engine
                .put_activity(&authority, Arc::clone(&activity), record)
                .await?;
            Ok(Created::New(activity))
        })
        .await
    }

    /// Deletes an activity; one that is not there is no error.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delete_activity(
        &self,
        permit: Permit<WriteActivity>,
        name: ServiceName,
    ) -> Result<(), Error> {
        let engine = self.clone();
        self.to_its_end(async move {
            let _lane = engine.shared.change().await;
            let authority = engine.shared.authority();
            let Some(known) = authority.activity(&name) else {
                return Ok(());
            };
            let mut changed = known.next();
            changed.is_deleted = true;
            let record = engine.allowed(&permit, json!({"deleted": true}));
            engine
                .put_activity(&authority, Arc::new(changed), record)
                .await
        })
        .await
    }

    /// Sets and removes tags of an activity.
    ///
    /// # Errors
    /// [`Error::NotFound`], or [`Error::TooLarge`] above [`crate::TAGS_MAX`].
    pub async fn tag_activity(
        &self,
        permit: Permit<WriteTags>,
        name: ServiceName,
        added: Tags,
        removed: Vec<String>,
    ) -> Result<(), Error> {
        let engine = self.clone();
        self.to_its_end(async move {
            let _lane = engine.shared.change().await;
            let authority = engine.shared.authority();
            let known = authority.activity(&name);
            let known = known.ok_or_else(|| Error::NotFound(format!("activity `{name}`")))?;
            let mut changed = known.next();
            changed.tags = known.tags.changed(&added, &removed)?;
            if changed.tags == known.tags {
                return Ok(());
            }
            let record = engine.allowed(&permit, json!({"set": added, "removed": removed}));
            engine
                .put_activity(&authority, Arc::new(changed), record)
                .await
        })
        .await
    }

    /// An activity.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn activity(
        &self,
        _permit: Permit<ReadActivity>,
        name: &ServiceName,
    ) -> Result<Arc<Activity>, Error> {
        let activity = self.shared.authority().activity(name).cloned();
        activity.ok_or_else(|| Error::NotFound(format!("activity `{name}`")))
    }

    /// Activities by name, after `after`, at most `limit`.
    pub fn activities(
        &self,
        _permit: Permit<ReadActivity>,
        after: Option<&ServiceName>,
        limit: usize,
    ) -> Vec<Arc<Activity>> {
        let authority = self.shared.authority();
        let all = authority.activities.values();
        let later = all.filter(|activity| after.is_none_or(|after| activity.name > *after));
        let present = later.filter(|activity| !activity.is_deleted);
        present.take(limit).cloned().collect()
    }

    /// Stores an activity's record and puts it in force; the caller holds the lane of changes.
    async fn put_activity(
        &self,
        authority: &Authority,
        activity: Arc<Activity>,
        record: AuditRecord,
    ) -> Result<(), Error> {
        let commit = Commit {
            decided_under: Some(authority.version),
            documents: vec![activity.to_document()?],
            audit: vec![record],
            ..Commit::default()
        };
        self.shared.commit(commit).await.map_err(commit_error)?;
        let mut authority = authority.clone();
        authority.add_activity(activity);
        self.shared.put_in_force(authority);
        Ok(())
    }
}
