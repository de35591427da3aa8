//! One call of an operation: who calls, with which members.

use asl::Timestamp;
use auth::policy::{Action, Permit, Resource};
use auth::principal::Caller;
use engine::Engine;
use ports::TraceContext;
use serde_json::{Map, Number, Value};

use super::fault::Fault;
use super::members::Members;
use crate::config::Aws;
use crate::http::gate::authorize;
use crate::http::state::App;

/// One call of an operation.
pub(super) struct Call {
    pub(super) app: App,
    pub(super) caller: Caller,
    /// Where the call stands in a trace.
    pub(super) trace: Option<TraceContext>,
    pub(super) members: Members,
}

impl Call {
    /// The engine.
    ///
    /// # Errors
    /// ServiceUnavailable until the store is open.
    pub(super) fn engine(&self) -> Result<&Engine, Fault> {
        Ok(self.app.engine()?)
    }

    /// The account and region of this host.
    pub(super) fn aws(&self) -> &Aws {
        self.app.aws()
    }

    /// The members, to be read and then checked with [`Members::finish`].
    pub(super) fn take_members(&mut self) -> Members {
        std::mem::take(&mut self.members)
    }

    /// Proof that the caller may do `A` to `resource`.
    ///
    /// # Errors
    /// AccessDeniedException with the deciding rule.
    pub(super) async fn permit<A: Action>(&self, resource: &Resource) -> Result<Permit<A>, Fault> {
        Ok(authorize::<A>(&self.app, &self.caller, resource).await?)
    }
}

/// An answer under construction; members that are `None` are left out.
#[derive(Default)]
pub(super) struct Answer(Map<String, Value>);

impl Answer {
    /// Adds a member.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a member if there is one.
    pub(super) fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The answer.
    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

/// A time as the protocol writes it: seconds since the Unix epoch, with milliseconds.
pub(super) fn seconds(at: Timestamp) -> Value {
    let (seconds, milliseconds) = (at.0.div_euclid(1000), at.0.rem_euclid(1000));
    if milliseconds == 0 {
        return seconds.into();
    }
    // Times are far below 2^53 milliseconds, so that the quotient is the nearest double.
    let number = Number::from_f64(at.0 as f64 / 1000.0);
    number.map_or_else(|| seconds.into(), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_to_the_millisecond() {
        let table = [
            (0, "0"),
            (1_700_000_000_123, "1700000000.123"),
            (1_700_000_000_000, "1700000000"),
            (-1, "-0.001"),
        ];
        for (milliseconds, expected) in table {
            assert_eq!(seconds(Timestamp(milliseconds)).to_string(), expected);
        }
    }
}
