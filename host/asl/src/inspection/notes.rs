//! What an inspected state's data looked like between the state's fields.
//!
//! Owns the stages that data goes through. It does not know which of them are told of which
//! kind of state.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

/// A point on the way of data through a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    InputPath,
    Parameters,
    Arguments,
    Result,
    ResultSelector,
    ResultPath,
    ItemsPath,
    ItemsPointer,
    ItemSelector,
    ItemBatcher,
}

/// The latest value at each stage that was reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Notes(BTreeMap<Stage, Arc<Value>>);

impl Notes {
    /// Notes the value at a stage.
    pub(crate) fn note(&mut self, stage: Stage, value: &Arc<Value>) {
        self.0.insert(stage, Arc::clone(value));
    }

    /// The value at a stage, if it was reached.
    pub(crate) fn at(&self, stage: Stage) -> Option<&Value> {
        self.0.get(&stage).map(Arc::as_ref)
    }
}

impl Stage {
    /// What the service calls data at this point.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::InputPath => "afterInputPath",
            Self::Parameters => "afterParameters",
            Self::Arguments => "afterArguments",
            Self::Result => "result",
            Self::ResultSelector => "afterResultSelector",
            Self::ResultPath => "afterResultPath",
            Self::ItemsPath => "afterItemsPath",
            Self::ItemsPointer => "afterItemsPointer",
            Self::ItemSelector => "afterItemSelector",
            Self::ItemBatcher => "afterItemBatcher",
        }
    }
}
