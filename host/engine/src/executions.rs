//! Starting executions: point 3 of the order of authority.

mod launching;
mod stopping;

use std::sync::Arc;

use asl::{ExecutionId, Header, Limits, PAYLOAD_NESTING_MAX, Timestamp, payload_bytes_within};
use auth::names::{Name, ServiceName};
use auth::policy::{PassRole, Permit, Resource, StartExecution};
use document::Problem;
use ports::{AuditRecord, Parent, Selection, Start, TraceContext};
use serde_json::{Value, json};

use crate::children::Origin;
use crate::error::Created;
use crate::express::RUNNING_SECONDS_MAX;
use crate::machines::Selected;
use crate::{Engine, Error, Health, Machine, MachineType, Qualifier};
use launching::Decided;

/// When a client whose start came before the host was ready may try again, in seconds.
const RETRY_AFTER_S: u64 = 1;

/// What to start.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// Of which state machine.
    pub state_machine: Name,
    /// Which revision of it.
    pub qualifier: Option<Qualifier>,
    /// Under which name; the host picks one if none is given.
    pub name: Option<ServiceName>,
    /// With which input.
    pub input: Value,
    /// Under which test case of the host's mocks.
    pub mock_case: Option<String>,
    /// Where whoever asks stands in a trace; kept with the execution.
    pub trace: Option<TraceContext>,
}

impl StartRequest {
    /// A start of a state machine's current revision under a name that the host picks.
    pub fn new(state_machine: Name, input: Value) -> Self {
        Self {
            state_machine,
            qualifier: None,
            name: None,
            input,
            mock_case: None,
            trace: None,
        }
    }
}

/// What a start answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The execution's ARN.
    pub execution_arn: String,
    /// Its id in this store.
    pub id: ExecutionId,
    /// When it started.
    pub start_date: Timestamp,
}

impl Started {
    /// `{executionArn, id, startDate}`.
    pub fn to_json(&self) -> Value {
        json!({
            "executionArn": self.execution_arn,
            "id": self.id,
            "startDate": self.start_date.to_rfc3339(),
        })
    }

    pub(crate) fn of(header: &Header) -> Self {
        Self {
            execution_arn: header.arn.clone(),
            id: header.id.clone(),
            start_date: header.started_at,
        }
    }
}

impl Engine {
    /// Starts an execution; returns once its first step is durable. The same name and input
    /// again, while it runs, answers the same execution.
    ///
    /// # Errors
    /// [`Error::TooLarge`] or [`Error::Invalid`] for an input that no execution can hold,
    /// [`Error::NotFound`] for the state machine, [`Error::Denied`] for a role the caller may
    /// not pass, [`Error::Conflict`] for a name that is taken, [`Error::TooMany`], [`Error::Busy`],
    /// [`Error::Recovering`] or [`Error::Closing`] where there is no room. While the executions of
    /// the last host are taken up none is started, so that none is taken up twice.
    pub async fn start(
        &self,
        permit: Permit<StartExecution>,
        request: StartRequest,
    ) -> Result<Created<Started>, Error> {
        self.start_for(permit, request, None).await
    }

    /// Starts an execution, for an effect of another one if one is given.
    pub(crate) async fn start_for(
        &self,
        permit: Permit<StartExecution>,
        request: StartRequest,
        origin: Option<Origin>,
    ) -> Result<Created<Started>, Error> {
        let decided = self.decide_start(permit, request, origin).await?;
        self.launch(decided).await
    }

    /// Asks for everything that a start needs: authority, a valid input, and room.
    async fn decide_start(
        &self,
        permit: Permit<StartExecution>,
        request: StartRequest,
        origin: Option<Origin>,
    ) -> Result<Decided, Error> {
        self.check_health()?;
        let chance = self.shared.ports.clock.seed();
        let qualifier = request.qualifier.as_ref();
        let Selected { machine, version } =
            self.select(&request.state_machine, qualifier, chance)?;
        self.check_input(&request.input)?;
        self.check_mock_case(&machine, request.mock_case.as_deref())?;
        let parent = origin.as_ref().map(|origin| &origin.parent);
        check_binding(&machine, parent)?;
        let rules = self.pass_roles(&permit, &machine, origin.as_ref()).await?;
        let kind = machine.settings.kind;
        let entry = self.enter(&permit, kind, parent.is_some()).await?;
        let start = Start {
            header: self.header(&permit, &machine, request.name)?,
            caller: permit.caller().clone(),
            machine: machine.key(),
            selection: Selection {
                version,
                alias: match request.qualifier {
                    Some(Qualifier::Alias(alias)) => Some(alias.to_string()),
                    Some(Qualifier::Version(_)) | None => None,
                },
                mock_case: request.mock_case,
                parent: parent.cloned(),
            },
            trace: request.trace,
        };
        Ok(Decided {
            record: self.start_record(&permit, &start, rules),
            machine,
            start: Arc::new(start),
            input: Arc::new(request.input),
            entry,
        })
    }

    /// Whether executions can be started and reached.
    pub(crate) fn check_health(&self) -> Result<(), Error> {
        match self.health() {
            Health::Ready => Ok(()),
            Health::Recovering => Err(Error::Recovering {
                retry_after_s: RETRY_AFTER_S,
            }),
            Health::Draining => Err(Error::Closing),
            Health::Failed => Err(Error::host("the store failed")),
        }
    }

    fn check_mock_case(&self, machine: &Machine, case: Option<&str>) -> Result<(), Error> {
        let Some(case) = case else { return Ok(()) };
        if self.shared.config.mocks.has(machine.name.as_str(), case) {
            return Ok(());
        }
        let message = format!(
            "the mock configuration has no test case `{case}` for state machine `{}`",
            machine.name
        );
        Err(Error::Invalid(vec![Problem::new("/mockCase", message)]))
    }

    fn check_input(&self, input: &Value) -> Result<(), Error> {
        let (bytes, limit) = (input.to_string().len(), self.shared.config.input_bytes_max);
        if bytes > limit {
            return Err(Error::TooLarge(format!(
                "the input has {bytes} bytes, at most {limit} are allowed"
            )));
        }
        let bytes_max = self.shared.config.execution_limits.payload_bytes_max;
        if payload_bytes_within(input, bytes_max).is_none() {
            let message = format!(
                "larger than {bytes_max} bytes, or nested more than {PAYLOAD_NESTING_MAX} levels deep"
            );
            return Err(Error::Invalid(vec![Problem::new("/input", message)]));
        }
        Ok(())
    }

    /// The rules that let the caller start the machine and pass each of its roles.
    async fn pass_roles(
        &self,
        permit: &Permit<StartExecution>,
        machine: &Machine,
        origin: Option<&Origin>,
    ) -> Result<Vec<String>, Error> {
        let policies = self.policies();
        let mut rules = permit.rules().to_vec();
        for role in &machine.roles {
            match policies.permits::<PassRole>(permit.caller(), &Resource::role(role)) {
                Ok(pass) => rules.extend_from_slice(pass.rules()),
                Err(denied) => {
                    let caller = permit.caller();
                    match origin {
                        Some(origin) => self.record_denied_child(caller, &denied, origin).await?,
                        None => self.record_denied(caller, &denied).await?,
                    }
                    return Err(denied.into());
                }
            }
        }
        rules.sort_unstable();
        rules.dedup();
        Ok(rules)
    }

    fn header(
        &self,
        permit: &Permit<StartExecution>,
        machine: &Machine,
        name: Option<ServiceName>,
    ) -> Result<Header, Error> {
        let clock = &self.shared.ports.clock;
        let started_at = clock.now();
        let id = unique_id(started_at, clock.seed(), clock.seed());
        let is_express = machine.settings.kind == MachineType::Express;
        let name = match name {
            Some(name) => name.to_string(),
            None if is_express => unique_id(started_at, clock.seed(), clock.seed()).to_string(),
            None => id.to_string(),
        };
        let arn = match is_express {
            true => self.shared.express_arn(&machine.name, &name, &id),
            false => self.shared.execution_arn(&machine.name, &name),
        };
        let limits = Limits {
            running_seconds_max: is_express.then_some(RUNNING_SECONDS_MAX),
            ..self.shared.config.execution_limits
        };
        let role = machine.role.as_ref();
        let role_arn = machine.role_arn.clone();
        let caller = permit.caller();
        Ok(Header {
            arn,
            name,
            machine_arn: machine.arn.clone(),
            machine_name: machine.name.to_string(),
            role_arn: role_arn.or_else(|| role.map(|role| self.shared.role_arn(role))),
            started_at,
            principal: caller.principal.key(),
            actor: caller.actors.first().map(auth::principal::Principal::key),
            map_run: None,
            limits,
            id,
        })
    }

    fn start_record(
        &self,
        permit: &Permit<StartExecution>,
        start: &Start,
        rules: Vec<String>,
    ) -> AuditRecord {
        let mut request =
            json!({"stateMachine": start.machine.name, "revision": start.machine.revision});
        if let (Some(request), false) = (request.as_object_mut(), start.selection.is_plain()) {
            request.insert("selection".to_owned(), json!(start.selection));
        }
        let mut record = self.allowed(permit, request);
        if start.selection.parent.is_some() {
            record.through = "engine".to_owned();
        }
        record.decision = ports::Decision::Allowed { rules };
        record.resource.clone_from(&start.header.arn);
        record.execution = Some(start.header.id.clone());
        record
    }

    /// The execution that holds the name, if it is the very one that was asked for.
    async fn same_start(
        &self,
        id: &ExecutionId,
        input: &Value,
        parent: Option<&Parent>,
    ) -> Result<Created<Started>, Error> {
        let Some(known) = self.shared.ports.archive.execution(id).await? else {
            return Err(Error::Conflict(format!(
                "the name is taken by execution `{id}`"
            )));
        };
        let is_same = known.input.as_deref() == Some(input);
        let started_by = known.start.selection.parent.as_ref();
        let is_own = match (parent, started_by) {
            (Some(parent), Some(started_by)) => parent.is_same(started_by),
            (None, _) | (_, None) => false,
        };
        // Somebody else's execution must not end with this effect.
        let may_share = parent.is_none_or(|parent| !parent.is_bound);
        if is_own || (may_share && is_same && !known.summary.status.is_terminal()) {
            return Ok(Created::Same(Started::of(&known.start.header)));
        }
        Err(Error::Conflict(format!(
            "execution `{}` exists with {}, choose another name",
            known.start.header.arn,
            match (is_same, known.summary.status.is_terminal()) {
                (true, true) => "the same input and has ended",
                (true, false) => "the same input and was started by somebody else",
                (false, _) => "another input",
            }
        )))
    }
}

/// Express executions cannot be bound to an effect, as on the service.
fn check_binding(machine: &Machine, parent: Option<&Parent>) -> Result<(), Error> {
    let is_bound = parent.is_some_and(|parent| parent.is_bound);
    match machine.settings.kind {
        MachineType::Express if is_bound => {
            Err(Error::TypeNotSupported(machine.settings.kind.as_str()))
        }
        MachineType::Express | MachineType::Standard => Ok(()),
    }
}

/// A version 7 UUID: sorts by time.
pub(crate) fn unique_id(at: Timestamp, high: u64, low: u64) -> ExecutionId {
    let milliseconds = u64::try_from(at.0).unwrap_or(0);
    let mut random = [0; 10];
    let bits = high.to_be_bytes().into_iter().chain(low.to_be_bytes());
    random
        .iter_mut()
        .zip(bits)
        .for_each(|(byte, bit)| *byte = bit);
    let uuid = uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid();
    ExecutionId::parse(&uuid.to_string()).expect("a UUID is 36 characters of [0-9a-f-]")
}
