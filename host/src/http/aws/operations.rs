//! The table of operations: one line each.

use serde_json::Value;

use super::call::Call;
use super::fault::Fault;
use super::{
    activities, aliases, describe, executions, history, listing, machines, map_runs, start, tags,
    tasks, test_state, validation, versions,
};

/// Every operation, for those who count calls.
const NAMES: [&str; 36] = [
    "CreateActivity",
    "CreateStateMachine",
    "CreateStateMachineAlias",
    "DeleteActivity",
    "DeleteStateMachine",
    "DeleteStateMachineAlias",
    "DeleteStateMachineVersion",
    "DescribeActivity",
    "DescribeExecution",
    "DescribeMapRun",
    "DescribeStateMachine",
    "DescribeStateMachineAlias",
    "DescribeStateMachineForExecution",
    "GetActivityTask",
    "GetExecutionHistory",
    "ListActivities",
    "ListExecutions",
    "ListMapRuns",
    "ListStateMachineAliases",
    "ListStateMachineVersions",
    "ListStateMachines",
    "ListTagsForResource",
    "PublishStateMachineVersion",
    "SendTaskFailure",
    "SendTaskHeartbeat",
    "SendTaskSuccess",
    "StartExecution",
    "StartSyncExecution",
    "StopExecution",
    "TagResource",
    "TestState",
    "UntagResource",
    "UpdateMapRun",
    "UpdateStateMachine",
    "UpdateStateMachineAlias",
    "ValidateStateMachineDefinition",
];

/// The operation of this name, if it is here.
pub(super) fn known(name: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|known| *known == name)
}

/// Carries an operation out.
///
/// # Errors
/// As the operation says; UnknownOperationException for one that is not here.
pub(super) async fn dispatch(operation: &str, call: Call) -> Result<Value, Fault> {
    match operation {
        "CreateActivity" => activities::create(call).await,
        "CreateStateMachine" => machines::create(call).await,
        "CreateStateMachineAlias" => aliases::create(call).await,
        "DeleteActivity" => activities::delete(call).await,
        "DeleteStateMachine" => machines::delete(call).await,
        "DeleteStateMachineAlias" => aliases::delete(call).await,
        "DeleteStateMachineVersion" => versions::delete(call).await,
        "DescribeActivity" => activities::describe(call).await,
        "DescribeExecution" => executions::describe(call).await,
        "DescribeMapRun" => map_runs::describe(call).await,
        "DescribeStateMachine" => describe::machine(call).await,
        "DescribeStateMachineAlias" => aliases::describe(call).await,
        "DescribeStateMachineForExecution" => describe::for_execution(call).await,
        "GetActivityTask" => tasks::get_activity_task(call).await,
        "GetExecutionHistory" => history::read(call).await,
        "ListActivities" => activities::list(call).await,
        "ListExecutions" => listing::executions(call).await,
        "ListMapRuns" => map_runs::list(call).await,
        "ListStateMachineAliases" => aliases::list(call).await,
        "ListStateMachineVersions" => versions::list(call).await,
        "ListStateMachines" => listing::machines(call).await,
        "ListTagsForResource" => tags::list(call).await,
        "PublishStateMachineVersion" => versions::publish(call).await,
        "SendTaskFailure" => tasks::fail(call).await,
        "SendTaskHeartbeat" => tasks::heartbeat(call).await,
        "SendTaskSuccess" => tasks::succeed(call).await,
        "StartExecution" => start::start(call).await,
        "StartSyncExecution" => start::start_sync(call).await,
        "StopExecution" => executions::stop(call).await,
        "TagResource" => tags::tag(call).await,
        "TestState" => test_state::test_state(call).await,
        "UntagResource" => tags::untag(call).await,
        "UpdateMapRun" => map_runs::update(call).await,
        "UpdateStateMachine" => machines::update(call).await,
        "UpdateStateMachineAlias" => aliases::update(call).await,
        "ValidateStateMachineDefinition" => validation::validate(call).await,
        _ => Err(Fault::unknown_operation()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_table_is_known_and_no_other() {
        let lines = include_str!("operations.rs").lines();
        let arms = lines.filter_map(|line| line.split_once("\" => "));
        let arms: Vec<_> = arms
            .filter_map(|(name, _)| name.trim().strip_prefix('"'))
            .collect();
        assert_eq!(arms, NAMES);
        assert_eq!(known("StartExecution"), Some("StartExecution"));
        assert_eq!(known("startExecution"), None);
    }
}
