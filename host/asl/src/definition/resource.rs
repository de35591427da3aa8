//! What a Task's `Resource` names.

/// What a Task calls, by the form of its `Resource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `component:NAME…`.
    Component,
    /// `arn:aws:lambda:…:function:NAME`: the component of that name.
    Function(String),
    /// `arn:aws:states:…:activity:NAME`: workers that ask for tasks.
    Activity,
    /// `arn:aws:states:::SERVICE:ACTION`: an integration of the service.
    Integration(Integration),
}

/// `arn:aws:states:::SERVICE:ACTION[.PATTERN]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integration {
    /// Such as `lambda`, `states`, `aws-sdk:dynamodb`.
    pub service: String,
    /// Such as `invoke`, without the pattern.
    pub action: String,
    /// When the Task counts as done.
    pub pattern: Pattern,
}

/// When a Task that calls an integration counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// With the response.
    RequestResponse,
    /// `.sync`: with the end of the job.
    Sync,
    /// `.sync:2`: likewise, with the job's output parsed.
    Sync2,
    /// `.waitForTaskToken`: when somebody sends the token back.
    WaitForTaskToken,
}

impl Call {
    /// What `resource` names; anything of no other form is a component's name.
    pub fn parse(resource: &str) -> Self {
        let mut parts = resource.splitn(6, ':');
        let head = [parts.next(), parts.next(), parts.next()];
        let [region, account, rest] = [parts.next(), parts.next(), parts.next()];
        let rest = rest.unwrap_or_default();
        match (head, region, account) {
            ([Some("arn"), Some(_), Some("lambda")], Some(_), Some(_)) => {
                let name = rest.strip_prefix("function:").unwrap_or(rest);
                let name = name.split(':').next().unwrap_or(name);
                Self::Function(name.to_owned())
            }
            ([Some("arn"), Some(_), Some("states")], Some(_), Some(_))
                if rest.starts_with("activity:") =>
            {
                Self::Activity
            }
            ([Some("arn"), Some(_), Some("states")], Some(""), Some("")) => {
                Self::Integration(Integration::parse(rest))
            }
            _ => Self::Component,
        }
    }

    /// Whether somebody who has the Task's token may answer it.
    pub fn has_token(&self) -> bool {
        match self {
            Self::Component | Self::Function(_) => false,
            Self::Activity => true,
            Self::Integration(integration) => integration.pattern != Pattern::RequestResponse,
        }
    }
}

impl Integration {
    fn parse(text: &str) -> Self {
        let (text, pattern) = if let Some(text) = text.strip_suffix(".sync:2") {
            (text, Pattern::Sync2)
        } else if let Some(text) = text.strip_suffix(".sync") {
            (text, Pattern::Sync)
        } else if let Some(text) = text.strip_suffix(".waitForTaskToken") {
            (text, Pattern::WaitForTaskToken)
        } else {
            (text, Pattern::RequestResponse)
        };
        let (service, action) = text.rsplit_once(':').unwrap_or((text, ""));
        Self {
            service: service.to_owned(),
            action: action.to_owned(),
            pattern,
        }
    }
}

impl Pattern {
    /// What follows the action in the resource, such as `.sync`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::RequestResponse => "",
            Self::Sync => ".sync",
            Self::Sync2 => ".sync:2",
            Self::WaitForTaskToken => ".waitForTaskToken",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_told_by_its_form() {
        let check = |text: &str, expected: Call| assert_eq!(Call::parse(text), expected, "{text}");
        let integration = |service: &str, action: &str, pattern| {
            Call::Integration(Integration {
                service: service.to_owned(),
                action: action.to_owned(),
                pattern,
            })
        };
        check("component:step@1.0.0", Call::Component);
        check(
            "arn:aws:lambda:us-east-1:111111111111:function:charge:7",
            Call::Function("charge".to_owned()),
        );
        check(
            "arn:aws:states:us-east-1:111111111111:activity:work",
            Call::Activity,
        );
        check(
            "arn:aws:states:::lambda:invoke.waitForTaskToken",
            integration("lambda", "invoke", Pattern::WaitForTaskToken),
        );
        check(
            "arn:aws:states:::states:startExecution.sync:2",
            integration("states", "startExecution", Pattern::Sync2),
        );
        check(
            "arn:aws:states:::aws-sdk:sfn:startExecution",
            integration("aws-sdk:sfn", "startExecution", Pattern::RequestResponse),
        );
    }
}
