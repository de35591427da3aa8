//! What actions are done to.

use std::fmt;

use crate::names::{Name, ServiceName};

/// Something that policy protects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A component, with all its versions.
    Component(Name),
    /// A role, with all its revisions.
    Role(Name),
    /// A state machine, with all its revisions.
    StateMachine(Name),
    /// An execution.
    Execution {
        /// The state machine it is an execution of.
        state_machine: Name,
        /// Its id.
        id: String,
    },
    /// An activity.
    Activity(ServiceName),
    /// The host itself: listings and the audit log.
    Host,
}

impl Resource {
    /// A component.
    pub fn component(name: &Name) -> Self {
        Self::Component(name.clone())
    }

    /// A role.
    pub fn role(name: &Name) -> Self {
        Self::Role(name.clone())
    }

    /// A state machine.
    pub fn state_machine(name: &Name) -> Self {
        Self::StateMachine(name.clone())
    }

    /// An execution of a state machine.
    pub fn execution(state_machine: &Name, id: &str) -> Self {
        Self::Execution {
            state_machine: state_machine.clone(),
            id: id.to_owned(),
        }
    }

    /// An activity.
    pub fn activity(name: &ServiceName) -> Self {
        Self::Activity(name.clone())
    }

    /// The host itself.
    pub fn host() -> Self {
        Self::Host
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component(name) => write!(formatter, "component/{name}"),
            Self::Role(name) => write!(formatter, "role/{name}"),
            Self::StateMachine(name) => write!(formatter, "state-machine/{name}"),
            Self::Execution { state_machine, id } => {
                write!(formatter, "execution/{state_machine}/{id}")
            }
            Self::Activity(name) => write!(formatter, "activity/{name}"),
            Self::Host => formatter.write_str("host"),
        }
    }
}
