//! `[aws]`: the account and region that ARNs speak of.

use auth::names::Name;
use document::{Node, Problems};

use super::text;

const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";

/// The account and region that ARNs speak of.
#[derive(Clone, Debug)]
pub(crate) struct Aws {
    /// Twelve digits.
    pub(crate) account: String,
    /// A region's name.
    pub(crate) region: String,
}

impl Aws {
    /// The ARN of a state machine of this host.
    pub(crate) fn state_machine_arn(&self, name: &Name) -> String {
        let Self { account, region } = self;
        format!("arn:aws:states:{region}:{account}:stateMachine:{name}")
    }

    /// The ARN of an execution of this host.
    pub(crate) fn execution_arn(&self, machine: &Name, name: &str) -> String {
        let Self { account, region } = self;
        format!("arn:aws:states:{region}:{account}:execution:{machine}:{name}")
    }

    pub(super) fn read(section: Option<Node<'_>>, problems: &mut Problems) -> Option<Self> {
        let Some(section) = section else {
            return Some(Self {
                account: ACCOUNT.to_owned(),
                region: REGION.to_owned(),
            });
        };
        let mut fields = section.object(problems)?;
        let account = text(fields.optional("account"), ACCOUNT, problems);
        let region = text(fields.optional("region"), REGION, problems);
        fields.finish(problems);
        let (account, region) = (account?, region?);
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        if !is_account {
            let message = format!("`{}` is not twelve digits", account.escape_debug());
            problems.push("/aws/account", message);
        }
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_region = (1..=64).contains(&region.len()) && region.bytes().all(is_plain);
        if !is_region {
            let message = format!(
                "`{}` is not a region, use 1 to 64 of the characters a-z 0-9 -",
                region.escape_debug()
            );
            problems.push("/aws/region", message);
        }
        (is_account && is_region).then_some(Self { account, region })
    }
}
