//! `[limits]`: what bounds the host's work.

mod sharing;

use document::{Node, Problems};

use super::number;
use sharing::Sharing;

const COMPONENT_BYTES_MAX: u64 = 64 * 1024 * 1024;
const DEFINITION_BYTES_MAX: u64 = 1024 * 1024;
const INPUT_BYTES_MAX: u64 = 256 * 1024;
const DOCUMENT_BYTES_MAX: u64 = 256 * 1024;
const EXECUTIONS_RUNNING_MAX: u64 = 100_000;
const EXECUTIONS_ARRIVING_MAX: u64 = 256;
const STAY_MS: u64 = 1_000;
const ATTEMPTS_RUNNING_MAX: u64 = 64;
const EXPRESS_RUNNING_MAX: u64 = 10_000;
const EXPRESS_ENDED_MAX: u64 = 1_000;
const EXPRESS_BYTES_MAX: u64 = 256 * MIB;
/// The largest number of attempts that a setting may name.
const ATTEMPTS_MOST: u64 = 100_000;
const EVENT_STREAMS_MAX: u64 = 256;
const PAYLOAD_BYTES_MAX: u64 = 256 * 1024;
const HISTORY_EVENTS_MAX: u64 = 25_000;
const HISTORY_EVENTS_WARNING: u64 = 20_000;
const ITEM_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
const ITEMS_MAX: u64 = 100_000;
const ITEMS_BYTES_MAX: u64 = 32 * 1024 * 1024;
const MIB: u64 = 1024 * 1024;

/// What bounds the host's work.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The size of an uploaded component.
    pub(crate) component_bytes_max: usize,
    /// The size of a state machine definition.
    pub(crate) definition_bytes_max: usize,
    /// The size of an execution's input.
    pub(crate) input_bytes_max: usize,
    /// The size of a role, a review or any other request body.
    pub(crate) document_bytes_max: usize,
    /// Executions in memory at once.
    pub(crate) executions_running_max: usize,
    /// Executions brought into memory at once.
    pub(crate) executions_arriving_max: usize,
    /// How soon a waiting execution must be due to stay in memory, in milliseconds.
    pub(crate) stay_ms: usize,
    /// Attempts running at once.
    pub(crate) attempts_running_max: usize,
    /// How what the host has is shared out.
    pub(crate) sharing: Sharing,
    /// Express executions running at once.
    pub(crate) express_running_max: usize,
    /// Express executions kept in memory after their end.
    pub(crate) express_ended_max: usize,
    /// The memory that the steps of express executions take.
    pub(crate) express_bytes_max: usize,
    /// Open streams of live events.
    pub(crate) event_streams_max: usize,
    /// The size of a state's input, result or output.
    pub(crate) payload_bytes_max: usize,
    /// Events in the history of one execution.
    pub(crate) history_events_max: usize,
    /// Events in the history of one execution that are worth a warning.
    pub(crate) history_events_warning: usize,
    /// The size of a file that holds the items of a distributed Map.
    pub(crate) item_file_bytes_max: usize,
    /// Items of one distributed Map.
    pub(crate) items_max: usize,
    /// The size of those items as JSON.
    pub(crate) items_bytes_max: usize,
}

impl Limits {
    pub(super) fn read(section: Option<Node<'_>>, problems: &mut Problems) -> Option<Self> {
        let empty = serde_json::json!({});
        let section = section.unwrap_or(Node {
            value: &empty,
            pointer: "/limits".to_owned(),
        });
        let mut fields = section.object(problems)?;
        let mut limit = |name, default, most| {
            let limit = number(fields.optional(name), default, 1..=most, problems)?;
            usize::try_from(limit).ok()
        };
        let component = limit("component_bytes_max", COMPONENT_BYTES_MAX, 1024 * MIB);
        let definition = limit("definition_bytes_max", DEFINITION_BYTES_MAX, 64 * MIB);
        let input = limit("input_bytes_max", INPUT_BYTES_MAX, 64 * MIB);
        let document = limit("document_bytes_max", DOCUMENT_BYTES_MAX, 64 * MIB);
        let executions = limit(
            "executions_running_max",
            EXECUTIONS_RUNNING_MAX,
            100_000_000,
        );
        let express = limit("express_running_max", EXPRESS_RUNNING_MAX, 1_000_000);
        let ended = limit("express_ended_max", EXPRESS_ENDED_MAX, 1_000_000);
        let express_bytes = limit("express_bytes_max", EXPRESS_BYTES_MAX, 1024 * 1024 * MIB);
        let arriving = limit("executions_arriving_max", EXECUTIONS_ARRIVING_MAX, 100_000);
        let stay = limit("stay_ms", STAY_MS, 3_600_000);
        let attempts = limit("attempts_running_max", ATTEMPTS_RUNNING_MAX, ATTEMPTS_MOST);
        let streams = limit("event_streams_max", EVENT_STREAMS_MAX, 1_000_000);
        let payload = limit("payload_bytes_max", PAYLOAD_BYTES_MAX, 4 * MIB);
        let events = limit("history_events_max", HISTORY_EVENTS_MAX, 10_000_000);
        let warning = limit("history_events_warning", HISTORY_EVENTS_WARNING, 10_000_000);
        let item_file = limit("item_file_bytes_max", ITEM_FILE_BYTES_MAX, 256 * MIB);
        let items = limit("items_max", ITEMS_MAX, 1_000_000);
        let items_bytes = limit("items_bytes_max", ITEMS_BYTES_MAX, 256 * MIB);
        let sharing = Sharing::read(&mut fields, problems);
        fields.finish(problems);
        Some(Self {
            component_bytes_max: component?,
            definition_bytes_max: definition?,
            input_bytes_max: input?,
            document_bytes_max: document?,
            executions_running_max: executions?,
            executions_arriving_max: arriving?,
            stay_ms: stay?,
            attempts_running_max: attempts?,
            sharing: sharing?,
            express_running_max: express?,
            express_ended_max: ended?,
            express_bytes_max: express_bytes?,
            event_streams_max: streams?,
            payload_bytes_max: payload?,
            history_events_max: events?,
            history_events_warning: warning?,
            item_file_bytes_max: item_file?,
            items_max: items?,
            items_bytes_max: items_bytes?,
        })
    }
}
