//! Reading executions, their history and the audit log, and recording decisions about requests.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use asl::ExecutionId;
use auth::policy::{Action, Denied, Permit, ReadAudit, ReadExecution};
use auth::principal::Caller;
use document::Problem;
use ports::{
    AuditPage, AuditRecord, Commit, Decision, Description, ExecutionFilter, HistoryCursor,
    HistoryPage, HistoryPayloads, ListCursor, Page,
};
use serde_json::{Value, json};

use crate::components::commit_error;
use crate::{Engine, Error, Follower};

impl Engine {
    /// The execution with this id or ARN.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find(&self, id_or_arn: &str) -> Result<Option<Description>, Error> {
        let archive = &self.shared.ports.archive;
        let express = id_or_arn.contains(":express:");
        let id_or_arn = match id_or_arn.rsplit_once(':') {
            Some((_, id)) if express => id,
            Some(_) | None => id_or_arn,
        };
        let id = match ExecutionId::parse(id_or_arn) {
            Some(id) => Some(id),
            None => match split_execution_arn(id_or_arn) {
                Some((machine_arn, name)) => archive.execution_named(&machine_arn, name).await?,
                None => None,
            },
        };
        match id {
            Some(id) => self.described(&id).await,
            None => Ok(None),
        }
    }

    /// The execution with this id, with input and output.
    pub(crate) async fn described(&self, id: &ExecutionId) -> Result<Option<Description>, Error> {
        match self.shared.express.description(id) {
            Some(description) => Ok(Some(description)),
            None => Ok(self.shared.ports.archive.execution(id).await?),
        }
    }

    /// Executions, newest first, or by name where the filter has a prefix of one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn executions(
        &self,
        _permit: Permit<ReadExecution>,
        filter: ExecutionFilter,
        cursor: Option<ListCursor>,
        limit: usize,
    ) -> Result<Page<Description, ListCursor>, Error> {
        let archive = &self.shared.ports.archive;
        let stored = archive.executions(filter.clone(), cursor.clone(), limit);
        let mut page = stored.await?;
        if filter.name_prefix.is_some() {
            // Names are listed as far as they are stored.
            return Ok(page);
        }
        // Those that are only in memory, as far back as the page goes.
        let between = (id_in(page.next.as_ref()), id_in(cursor.as_ref()));
        let known: BTreeSet<_> = page.items.iter().map(id_of).collect();
        let mut more = self.shared.express.list(&filter, between, limit);
        more.retain(|description| !known.contains(&id_of(description)));
        if !more.is_empty() {
            page.items.append(&mut more);
            page.items
                .sort_by_key(|description| Reverse(id_of(description)));
            if page.items.len() > limit {
                page.items.truncate(limit);
                page.next = page.items.last().map(id_of).map(ListCursor::Before);
            }
        }
        Ok(page)
    }

    /// A page of an execution's history. That of an express execution is kept in memory, as long
    /// as it runs and for a while after.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for a history that is no longer kept, or the store failed.
    pub async fn history(
        &self,
        _permit: &Permit<ReadExecution>,
        id: &ExecutionId,
        cursor: HistoryCursor,
        limit: usize,
    ) -> Result<HistoryPage, Error> {
        if let Some(page) = self.shared.express.history(id, cursor, limit) {
            return Ok(page);
        }
        let page = self
            .read_history(id, cursor, HistoryPayloads::Shown, limit)
            .await?;
        // Whatever has begun has an event.
        let is_first = cursor == HistoryCursor::default() || cursor == HistoryCursor::NEWEST;
        match is_first && page.events.is_empty() {
            true => Err(Error::NotFound(format!(
                "the history of execution `{id}`, which was kept in memory only,"
            ))),
            false => Ok(page),
        }
    }

    /// What is stored of an execution's history.
    pub(crate) async fn read_history(
        &self,
        id: &ExecutionId,
        cursor: HistoryCursor,
        payloads: HistoryPayloads,
        limit: usize,
    ) -> Result<HistoryPage, Error> {
        let archive = &self.shared.ports.archive;
        let page = archive.history(id, cursor, payloads, limit).await?;
        page.ok_or_else(|| Error::NotFound(format!("execution `{id}`")))
    }

    /// Follows an execution that has not ended, in memory or parked: whoever does reads the
    /// history after this call. `None` if nothing more will be told here.
    ///
    /// # Errors
    /// The store failed.
    pub async fn follow(&self, id: &ExecutionId) -> Result<Option<Follower>, Error> {
        let follower = self.shared.followers.follow(id);
        // An execution in memory tells of its end; of any other it is known after a look.
        if self.shared.roster.is_here(id) {
            return Ok(Some(follower));
        }
        let known = self.shared.ports.archive.execution(id).await?;
        let goes_on = known.is_some_and(|known| !known.summary.status.is_terminal());
        Ok((goes_on && !self.shared.draining.is_cancelled()).then_some(follower))
    }

    /// Links of the audit log; that they were read becomes a link itself.
    ///
    /// # Errors
    /// The store failed.
    pub async fn audit(
        &self,
        permit: Permit<ReadAudit>,
        after: u64,
        limit: usize,
    ) -> Result<AuditPage, Error> {
        let record = self.allowed(&permit, json!({"after": after, "limit": limit}));
        self.record(record).await?;
        Ok(self.shared.ports.archive.audit(after, limit).await?)
    }

    /// Records that policy refused a request.
    ///
    /// # Errors
    /// The store failed.
    pub async fn record_denied(&self, caller: &Caller, denied: &Denied) -> Result<(), Error> {
        let decision = Decision::Denied {
            rule: denied.rule.clone(),
            reason: denied.reason.clone(),
        };
        let record = self.request_record(caller, denied.action, &denied.resource, decision);
        self.record(record).await
    }

    /// Records that the authority chain refused what a caller was otherwise permitted to do.
    pub(crate) async fn record_refused<A: Action>(
        &self,
        permit: &Permit<A>,
        problems: &[Problem],
    ) -> Result<(), Error> {
        let reason = problems
            .first()
            .map_or_else(String::new, ToString::to_string);
        let decision = Decision::Denied {
            rule: "order-of-authority".to_owned(),
            reason,
        };
        let resource = permit.resource().to_string();
        let mut record = self.request_record(permit.caller(), A::NAME, &resource, decision);
        record.outcome = json!({"problems": problems.len()});
        self.record(record).await
    }

    /// The record of a permitted request.
    pub(crate) fn allowed<A: Action>(&self, permit: &Permit<A>, request: Value) -> AuditRecord {
        let decision = Decision::Allowed {
            rules: permit.rules().to_vec(),
        };
        let resource = permit.resource().to_string();
        let record = self.request_record(permit.caller(), A::NAME, &resource, decision);
        AuditRecord { request, ..record }
    }

    pub(crate) fn request_record(
        &self,
        caller: &Caller,
        action: &str,
        resource: &str,
        decision: Decision,
    ) -> AuditRecord {
        AuditRecord {
            at: self.shared.ports.clock.now(),
            caller: Some(caller.clone()),
            through: "http".to_owned(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            request: Value::Null,
            decision,
            outcome: Value::Null,
            execution: None,
            state: None,
            attempt: None,
            checkpoint: None,
        }
    }

    pub(crate) async fn record(&self, record: AuditRecord) -> Result<(), Error> {
        let commit = Commit {
            audit: vec![record],
            ..Commit::default()
        };
        self.shared
            .commit(commit)
            .await
            .map(|_| ())
            .map_err(commit_error)
    }
}

/// The execution that a page begins behind.
fn id_in(cursor: Option<&ListCursor>) -> Option<&ExecutionId> {
    match cursor? {
        ListCursor::Before(id) => Some(id),
        ListCursor::Behind(_) => None,
    }
}

fn id_of(description: &Description) -> ExecutionId {
    description.start.header.id.clone()
}

/// `arn:aws:states:R:A:execution:MACHINE:NAME` into the machine's ARN and the name; of a child,
/// `arn:aws:states:R:A:execution:MACHINE/LABEL:RUN-INDEX`, into its map run's ARN and the name.
fn split_execution_arn(arn: &str) -> Option<(String, &str)> {
    let (rest, name) = arn.rsplit_once(':')?;
    let (rest, machine) = rest.rsplit_once(':')?;
    let prefix = rest.strip_suffix(":execution")?;
    if machine.contains('/') {
        let (run, _) = name.rsplit_once('-')?;
        return Some((format!("{prefix}:mapRun:{machine}:{run}"), name));
    }
    Some((format!("{prefix}:stateMachine:{machine}"), name))
}
