//! What policy is asked about. Each action is a type, so that a permit for one cannot be used
//! for another.

/// Something a caller may be permitted to do; the schema says to which resources.
pub trait Action: sealed::Sealed + 'static {
    /// The action's name in policies and in the audit log.
    const NAME: &'static str;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! actions {
    ($($(#[$documentation:meta])* $name:ident,)*) => {$(
        $(#[$documentation])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl sealed::Sealed for $name {}

        impl Action for $name {
            const NAME: &'static str = stringify!($name);
        }
    )*};
}

actions! {
    /// Uploads a version of a component; asked of the component.
    UploadComponent,
    /// Reads a component, or lists them; asked of the component or the host.
    ReadComponent,
    /// Writes a revision of a role; asked of the role.
    WriteRole,
    /// Reads a role and its revisions, or lists them; asked of the role or the host.
    ReadRole,
    /// Signs off, or rejects, a component under a role; asked of the component and again of the role.
    WriteReview,
    /// Reads reviews and review documents; asked of the component, the role or the host.
    ReadReview,
    /// Writes a revision of a state machine; asked of the state machine.
    PublishStateMachine,
    /// Reads a state machine, or lists them; asked of the state machine or the host.
    ReadStateMachine,
    /// Deletes a state machine or one of its versions; asked of the state machine.
    DeleteStateMachine,
    /// Makes, changes or deletes an alias; asked of its state machine.
    WriteAlias,
    /// Sets or removes tags; asked of the state machine or the activity.
    WriteTags,
    /// Makes or deletes an activity; asked of the activity.
    WriteActivity,
    /// Reads an activity, or lists them; asked of the activity or the host.
    ReadActivity,
    /// Lets a state machine use a role; asked of the role, at publish and at start.
    PassRole,
    /// Starts an execution; asked of the state machine.
    StartExecution,
    /// Stops an execution; asked of the execution.
    StopExecution,
    /// Takes a task that waits for a worker; asked of the activity.
    GetActivityTask,
    /// Answers a Task with its result; asked of the execution.
    SendTaskSuccess,
    /// Answers a Task with an error; asked of the execution.
    SendTaskFailure,
    /// Gives a sign of life for a Task; asked of the execution.
    SendTaskHeartbeat,
    /// Reads an execution and its history, or lists them; asked of the execution, the state
    /// machine or the host.
    ReadExecution,
    /// Runs one state of a definition on its own, with mocked work; asked of the host.
    TestState,
    /// Reads the audit log; asked of the host.
    ReadAudit,
    /// Reads everything the host keeps, as a backup; asked of the host.
    ReadBackup,
    /// Reads what the host measures of itself; asked of the host.
    ReadMetrics,
}
