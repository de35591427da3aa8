//! Readers and writers of distributed Maps at publish: what the definition itself tells is held
//! against the state machine's role.

use asl::StateMachine;
use asl::definition::{Flow, Mode, Processor, State, StateKind};
use auth::capability::Access;
use auth::names::Name;
use serde_json::Value;

use super::Pins;
use crate::map_runs::{integration, volume_granted};

const READERS: [&str; 2] = ["s3:getObject", "s3:listObjectsV2"];
const WRITERS: [&str; 1] = ["s3:putObject"];

/// Whether some Map of the machine reads or writes volumes, which it does under the role of the
/// state machine.
pub(super) fn has_volumes(machine: &StateMachine) -> bool {
    let mut processors = machine.states().filter_map(|(_, state)| processor(state));
    processors.any(|processor| {
        let writer = processor.writer.as_ref();
        processor.reader.is_some() || writer.is_some_and(|writer| writer.resource.is_some())
    })
}

fn processor(state: &State) -> Option<&Processor> {
    match &state.kind {
        StateKind::Map(map) => match &map.mode {
            Mode::Distributed(processor) => Some(processor.as_ref()),
            Mode::Inline => None,
        },
        StateKind::Task(_)
        | StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_)
        | StateKind::Parallel(_) => None,
    }
}

/// A reader or a writer.
struct Use<'a> {
    resource: &'a str,
    bucket: Option<&'a Value>,
    known: &'a [&'a str],
    access: Access,
}

impl Pins<'_> {
    /// Lists what stands in the way of a Map's reader and writer; a volume that only the state's
    /// data tell is decided when it is reached.
    pub(super) fn volumes(&mut self, state: &State) {
        let Some(processor) = processor(state) else {
            return;
        };
        if let Some(reader) = &processor.reader {
            let arguments = reader.arguments.as_ref();
            let reads = Use {
                resource: &reader.resource,
                bucket: arguments.and_then(|arguments| arguments.literal_member("Bucket")),
                known: &READERS,
                access: Access::Read,
            };
            self.volume((state, "ItemReader"), &reads);
        }
        let writer = processor.writer.as_ref();
        if let Some((writer, resource)) =
            writer.and_then(|writer| Some((writer, writer.resource.as_ref()?)))
        {
            let arguments = writer.arguments.as_ref();
            let writes = Use {
                resource,
                bucket: arguments.and_then(|arguments| arguments.literal_member("Bucket")),
                known: &WRITERS,
                access: Access::ReadWrite,
            };
            self.volume((state, "ResultWriter"), &writes);
        }
    }

    fn volume(&mut self, (state, member): (&State, &str), wanted: &Use<'_>) {
        let place = format!("{}/{member}", state.pointer);
        let known = integration(wanted.resource);
        if !known.is_some_and(|known| wanted.known.contains(&known)) {
            let resource: String = wanted.resource.chars().take(200).collect();
            let names: Vec<_> = wanted
                .known
                .iter()
                .map(|name| format!("`arn:aws:states:::{name}`"))
                .collect();
            let names = names.join(" and ");
            self.problems.push(
                format!("{place}/Resource"),
                format!("`{resource}` is not of this host, which has {names}"),
            );
        }
        let Some(role) = self.default_role else {
            self.problems.push(
                place,
                "no role: volumes are reached under the state machine's own, give it one with `?role=NAME`",
            );
            return;
        };
        let role = self.authority.role(role);
        let (Some(Value::String(bucket)), Some(role)) = (wanted.bucket, role) else {
            return;
        };
        let refused = match Name::parse(bucket) {
            Ok(volume) => volume_granted(role, &volume, wanted.access)
                .err()
                .map(|denied| format!("{} (rule `{}`)", denied.reason, denied.rule)),
            Err(message) => Some(format!("names no volume: {message}")),
        };
        if let Some(message) = refused {
            let arguments = match &state.flow {
                Flow::JsonPath(_) => "Parameters",
                Flow::Jsonata(_) => "Arguments",
            };
            let place = format!("{place}/{arguments}/Bucket");
            self.problems.push(place, message);
        }
    }
}
