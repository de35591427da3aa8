//! The Pass state.

use document::Fields;
use serde_json::Value;

use super::Next;
use crate::definition::parse::Reader;
use crate::diagnostic::{self, code};

/// `"Type": "Pass"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    /// `Result`.
    pub result: Option<Value>,
    /// Where it leads.
    pub next: Next,
}

impl Pass {
    /// Reads what is particular to a Pass state.
    pub(in crate::definition) fn read(
        fields: &mut Fields<'_>,
        reader: &mut Reader,
    ) -> Option<Self> {
        let result = fields.optional("Result");
        if let Some(node) = &result
            && let Value::Object(members) = node.value
            && let Some(name) = members.keys().find(|name| name.ends_with(".$"))
        {
            let message = format!(
                "`Result` is passed on as written, use `Parameters` if `{name}` should be filled in"
            );
            let theirs = "Attempt to use a path in the result of a pass state.";
            let code = code::PASS_RESULT_IS_STATIC;
            let warning = diagnostic::problem(&node.pointer, message, code, theirs);
            reader.warnings.extend([warning]);
        }
        Some(Self {
            result: result.map(|node| node.value.clone()),
            next: reader.next(fields)?,
        })
    }
}
