//! Items from volumes, and results to them.

use asl::{EventKind, ItemsRead, ResultsWrite};

use super::Family;
use crate::shared::Shared;

impl Shared {
    /// Reads the items of a map run under the role of its state machine.
    pub(crate) async fn read_items(&self, _family: &Family, read: ItemsRead) -> EventKind {
        EventKind::MapRunFailed {
            effect: read.effect,
            error: "States.ItemReaderFailed".to_owned(),
            cause: format!("`{}` is no reader of this host", read.resource),
        }
    }

    /// Writes the results of a map run under the role of its state machine.
    pub(crate) async fn write_results(&self, _family: &Family, write: ResultsWrite) -> EventKind {
        EventKind::MapRunFailed {
            effect: write.effect,
            error: "States.ResultWriterFailed".to_owned(),
            cause: format!("`{}` is no writer of this host", write.resource.unwrap_or_default()),
        }
    }
}
