//! The ARNs under which things are known on this host.

use asl::ExecutionId;
use auth::names::{Name, ServiceName};

use crate::Config;
use crate::shared::Shared;

impl Shared {
    pub(crate) fn state_machine_arn(&self, name: &Name) -> String {
        let Config {
            region, account, ..
        } = &self.config;
        format!("arn:aws:states:{region}:{account}:stateMachine:{name}")
    }

    pub(crate) fn role_arn(&self, name: &Name) -> String {
        format!("arn:aws:iam::{}:role/{name}", self.config.account)
    }

    /// The ARN of an execution whose name is not its own: the id comes behind it.
    pub(crate) fn express_arn(&self, machine: &Name, name: &str, id: &ExecutionId) -> String {
        let Config {
            region, account, ..
        } = &self.config;
        format!("arn:aws:states:{region}:{account}:express:{machine}:{name}:{id}")
    }

    pub(crate) fn activity_arn(&self, name: &ServiceName) -> String {
        let Config {
            region, account, ..
        } = &self.config;
        format!("arn:aws:states:{region}:{account}:activity:{name}")
    }

    pub(crate) fn execution_arn(&self, machine: &Name, name: &str) -> String {
        let Config {
            region, account, ..
        } = &self.config;
        format!("arn:aws:states:{region}:{account}:execution:{machine}:{name}")
    }
}
