//! Creating, updating and deleting state machines.

use auth::names::Name;
use auth::policy::{DeleteStateMachine, PublishStateMachine, Resource};
use engine::{
    Created, Draft, Error, MachineChange, MachineType, Published, RoleReference, Settings,
    VersionRequest,
};
use serde_json::Value;

use super::arn::unqualified;
use super::call::{Answer, Call, seconds};
use super::configuration::{Configurations, Written};
use super::fault::Fault;
use super::members::{ARN, Members};
use super::tags;
use super::validation::{self, DEFINITION};

/// The service's bound of a description's length.
const DESCRIPTION: std::ops::RangeInclusive<usize> = 0..=256;

pub(super) async fn create(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let name = members.required("name", 1..=80);
    let definition = members.required("definition", DEFINITION);
    let role = members.required("roleArn", ARN);
    let kind = members.word("type", &["STANDARD", "EXPRESS"]);
    let written = Written::read(&mut members);
    let tags = tags::read(&mut members, false);
    let version = Publishing::read(&mut members);
    members.finish()?;
    let name = Name::parse(&name).map_err(|_| Fault::invalid_name(&name))?;
    let role = role_reference(&role)?;
    let configurations = written.checked()?;
    let version = version.checked()?;
    let permit = call
        .permit::<PublishStateMachine>(&Resource::state_machine(&name))
        .await?;
    let draft = Draft {
        definition: validation::parse(&definition)?,
        role: Some(role),
        settings: settings(kind.as_deref(), configurations),
    };
    let arn = call.aws().state_machine_arn(&name);
    let created = call
        .engine()?
        .create_machine(permit, name, draft, tags, version)
        .await;
    let published = created
        .map(Created::into_inner)
        .map_err(|error| match error {
            Error::Conflict(_) => Fault::new(
                "StateMachineAlreadyExists",
                format!("State Machine Already Exists: '{arn}'"),
            ),
            other => publish_fault(&arn, other),
        })?;
    Ok(Answer::default()
        .with("stateMachineArn", arn.as_str())
        .with("creationDate", seconds(published.registration.created_at()))
        .with_some("stateMachineVersionArn", version_arn(&published))
        .into_value())
}

pub(super) async fn update(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let arn = members.required("stateMachineArn", ARN);
    let definition = members.text("definition", DEFINITION);
    let role = members.text("roleArn", ARN);
    let written = Written::read(&mut members);
    let version = Publishing::read(&mut members);
    members.finish()?;
    let name = unqualified(call.aws(), &arn)?;
    let role = role.as_deref().map(role_reference).transpose()?;
    let Configurations {
        logging,
        tracing,
        encryption,
    } = written.checked()?;
    let has_configuration = logging.is_some() || tracing.is_some() || encryption.is_some();
    if definition.is_none() && role.is_none() && !has_configuration {
        return Err(Fault::new(
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, the TracingConfiguration, or the EncryptionConfiguration must be specified",
        ));
    }
    let version = version.checked()?;
    let permit = call
        .permit::<PublishStateMachine>(&Resource::state_machine(&name))
        .await?;
    let change = MachineChange {
        definition: definition.as_deref().map(validation::parse).transpose()?,
        role,
        logging,
        tracing,
        encryption,
    };
    let updated = call.engine()?.update_machine(permit, name, change, version);
    let published = updated.await.map_err(|error| publish_fault(&arn, error))?;
    Ok(Answer::default()
        .with("updateDate", seconds(published.updated_at))
        .with_some("revisionId", published.machine.revision_id.clone())
        .with_some("stateMachineVersionArn", version_arn(&published))
        .into_value())
}

pub(super) async fn delete(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let arn = members.required("stateMachineArn", ARN);
    members.finish()?;
    let name = match unqualified(call.aws(), &arn) {
        Ok(name) => name,
        // What cannot be here is as gone as what was deleted.
        Err(fault) if fault.is_missing_machine() => return Ok(Answer::default().into_value()),
        Err(fault) => return Err(fault),
    };
    let permit = call
        .permit::<DeleteStateMachine>(&Resource::state_machine(&name))
        .await?;
    call.engine()?.delete_machine(permit, name).await?;
    Ok(Answer::default().into_value())
}

/// Whether a version is to be published, and what is said of it.
struct Publishing {
    is_wanted: bool,
    description: Option<String>,
}

impl Publishing {
    fn read(members: &mut Members) -> Self {
        Self {
            is_wanted: members.boolean("publish").unwrap_or(false),
            description: members.text("versionDescription", DESCRIPTION),
        }
    }

    fn checked(self) -> Result<Option<VersionRequest>, Fault> {
        if !self.is_wanted && self.description.is_some() {
            return Err(Fault::validation(
                "Version description can only be set when publish is true",
            ));
        }
        Ok(self.is_wanted.then_some(VersionRequest {
            description: self.description,
            revision_id: None,
        }))
    }
}

fn publish_fault(arn: &str, error: Error) -> Fault {
    match error {
        Error::Invalid(problems) => validation::invalid_definition(&problems),
        Error::Refused(problems) => validation::refused_definition(&problems),
        Error::TooLarge(message) => Fault::new("ServiceQuotaExceededException", message),
        other => Fault::of_machine(arn, other),
    }
}

fn role_reference(arn: &str) -> Result<RoleReference, Fault> {
    let is_role = arn.starts_with("arn:") && arn.contains(":role/");
    let reference = is_role.then(|| RoleReference::parse(arn).ok()).flatten();
    reference.ok_or_else(|| Fault::new("InvalidArn", format!("Invalid Role Arn: '{arn}'")))
}

fn settings(kind: Option<&str>, configurations: Configurations) -> Settings {
    let defaults = Settings::default();
    Settings {
        kind: match kind {
            Some("EXPRESS") => MachineType::Express,
            _ => MachineType::Standard,
        },
        logging: configurations.logging.unwrap_or(defaults.logging),
        tracing: configurations.tracing.unwrap_or(defaults.tracing),
        encryption: configurations.encryption.unwrap_or(defaults.encryption),
    }
}

fn version_arn(published: &Published) -> Option<String> {
    let version = published.version.as_ref()?;
    Some(format!("{}:{}", published.machine.arn, version.number))
}
