//! The Fail state.

use document::Fields;

use crate::definition::parse::Reader;
use crate::definition::quantity::Text;

/// `"Type": "Fail"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fail {
    /// `Error` or `ErrorPath`.
    pub error: Option<Text>,
    /// `Cause` or `CausePath`.
    pub cause: Option<Text>,
}

impl Fail {
    /// Reads what is particular to a Fail state.
    pub(in crate::definition) fn read(fields: &mut Fields<'_>, reader: &mut Reader) -> Self {
        Self {
            error: Text::read(fields, ["Error", "ErrorPath"], reader),
            cause: Text::read(fields, ["Cause", "CausePath"], reader),
        }
    }
}
