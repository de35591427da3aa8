//! ARNs in requests: what they name, if it can be of this host.

use auth::names::{Name, ServiceName};
use engine::{AliasName, Qualifier};

use super::fault::Fault;
use crate::config::Aws;

/// The account and region of an ARN, and what stands behind them.
struct Parsed<'a> {
    is_ours: bool,
    parts: Vec<&'a str>,
}

/// A state machine, and which revision of it.
pub(super) struct MachineArn {
    pub(super) name: Name,
    pub(super) qualifier: Option<Qualifier>,
}

/// What can be tagged.
pub(super) enum Tagged {
    Machine(Name),
    Activity(ServiceName),
}

/// A state machine, one of its versions or an alias.
///
/// # Errors
/// InvalidArn, or StateMachineDoesNotExist for what can be nobody's name here.
pub(super) fn machine(aws: &Aws, text: &str) -> Result<MachineArn, Fault> {
    let Parsed { is_ours, parts } = parse(aws, text, "stateMachine")?;
    let missing = || Fault::machine_missing(text);
    let (name, qualifier) = match parts.as_slice() {
        [name] => (name, None),
        [name, qualifier] => (name, Some(qualifier)),
        _ => return Err(Fault::invalid_arn(&format!("Invalid ARN: {text}"))),
    };
    let qualifier = qualifier.map(|text| match text.parse() {
        Ok(version) => Some(Qualifier::Version(version)),
        Err(_) => AliasName::parse(text).map(Qualifier::Alias),
    });
    match (is_ours, Name::parse(name), qualifier) {
        (true, Ok(name), None) => Ok(MachineArn {
            name,
            qualifier: None,
        }),
        (true, Ok(name), Some(Some(qualifier))) => Ok(MachineArn {
            name,
            qualifier: Some(qualifier),
        }),
        (false, ..) | (_, Err(_), _) | (_, _, Some(None)) => Err(missing()),
    }
}

/// A state machine itself, none of its versions or aliases.
///
/// # Errors
/// As [`machine`] says.
pub(super) fn unqualified(aws: &Aws, text: &str) -> Result<Name, Fault> {
    match machine(aws, text)? {
        MachineArn {
            name,
            qualifier: None,
        } => Ok(name),
        MachineArn {
            qualifier: Some(_), ..
        } => Err(Fault::invalid_arn(&format!(
            "Qualifier not valid in this context: {text}"
        ))),
    }
}

/// A version of a state machine.
///
/// # Errors
/// As [`machine`] says.
pub(super) fn version(aws: &Aws, text: &str) -> Result<(Name, u64), Fault> {
    match machine(aws, text)? {
        MachineArn {
            name,
            qualifier: Some(Qualifier::Version(version)),
        } => Ok((name, version)),
        _ => Err(Fault::invalid_arn(&format!(
            "Not a state machine version ARN: {text}"
        ))),
    }
}

/// An alias of a state machine.
///
/// # Errors
/// As [`machine`] says.
pub(super) fn alias(aws: &Aws, text: &str) -> Result<(Name, AliasName), Fault> {
    match machine(aws, text)? {
        MachineArn {
            name,
            qualifier: Some(Qualifier::Alias(alias)),
        } => Ok((name, alias)),
        _ => Err(Fault::invalid_arn(&format!(
            "Not a state machine alias ARN: {text}"
        ))),
    }
}

/// Refuses what is no ARN of a standard execution.
///
/// # Errors
/// InvalidArn.
pub(super) fn execution(aws: &Aws, text: &str) -> Result<(), Fault> {
    parse(aws, text, "execution").map(|_| ())
}

/// The state machine of a map run.
///
/// # Errors
/// InvalidArn, or ResourceNotFound for what can be no map run here.
pub(super) fn map_run(aws: &Aws, text: &str) -> Result<Name, Fault> {
    let Parsed { is_ours, parts } = parse(aws, text, "mapRun")?;
    let machine = match parts.as_slice() {
        [machine, _] if is_ours => machine.split_once('/'),
        _ => None,
    };
    let name = machine.and_then(|(machine, _)| Name::parse(machine).ok());
    name.ok_or_else(|| Fault::resource_missing(text))
}

/// An activity.
///
/// # Errors
/// InvalidArn, or ActivityDoesNotExist for what can be nobody's name here.
pub(super) fn activity(aws: &Aws, text: &str) -> Result<ServiceName, Fault> {
    let Parsed { is_ours, parts } = parse(aws, text, "activity")?;
    let name = match parts.as_slice() {
        [name] if is_ours => ServiceName::parse(name).ok(),
        _ => None,
    };
    name.ok_or_else(|| activity_missing(text))
}

/// The activity does not exist.
pub(super) fn activity_missing(arn: &str) -> Fault {
    Fault::new(
        "ActivityDoesNotExist",
        format!("Activity Does Not Exist: '{arn}'"),
    )
}

/// A state machine or an activity.
///
/// # Errors
/// InvalidArn, or ResourceNotFound for what cannot be tagged here.
pub(super) fn tagged(aws: &Aws, text: &str) -> Result<Tagged, Fault> {
    let kind = split(text)?.kind;
    let found = match kind {
        "activity" => activity(aws, text).ok().map(Tagged::Activity),
        _ => match parse(aws, text, "stateMachine")? {
            Parsed {
                is_ours: true,
                parts,
            } => match parts.as_slice() {
                [name] => Name::parse(name).ok().map(Tagged::Machine),
                _ => None,
            },
            Parsed { .. } => None,
        },
    };
    found.ok_or_else(|| Fault::resource_missing(text))
}

fn parse<'a>(aws: &Aws, text: &'a str, expected: &str) -> Result<Parsed<'a>, Fault> {
    let Split {
        region,
        account,
        kind,
        parts,
    } = split(text)?;
    if kind != expected {
        return Err(Fault::invalid_arn(&format!(
            "Resource type not valid in this context: {kind}"
        )));
    }
    Ok(Parsed {
        is_ours: region == aws.region && account == aws.account,
        parts,
    })
}

struct Split<'a> {
    region: &'a str,
    account: &'a str,
    kind: &'a str,
    parts: Vec<&'a str>,
}

fn split(text: &str) -> Result<Split<'_>, Fault> {
    let invalid = || Fault::invalid_arn(&format!("Invalid ARN prefix: {text}"));
    let mut parts = text.split(':');
    let mut next = || parts.next();
    let (Some("arn"), Some(_), Some("states")) = (next(), next(), next()) else {
        return Err(invalid());
    };
    let (Some(region), Some(account), Some(kind)) = (next(), next(), next()) else {
        return Err(invalid());
    };
    Ok(Split {
        region,
        account,
        kind,
        parts: parts.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: &str = "arn:aws:states:us-east-1:111111111111:stateMachine:release";

    fn aws() -> Aws {
        Aws {
            account: "111111111111".to_owned(),
            region: "us-east-1".to_owned(),
        }
    }

    fn told<T>(result: Result<T, Fault>) -> String {
        match result {
            Ok(_) => "ok".to_owned(),
            Err(fault) => format!("{} {}", fault.told().1, fault.told().2),
        }
    }

    #[test]
    fn a_state_machine_is_named_alone_by_version_or_by_alias() {
        let qualifier = |suffix: &str| {
            let arn = format!("{MACHINE}{suffix}");
            machine(&aws(), &arn).unwrap().qualifier
        };
        assert_eq!(qualifier(""), None);
        assert_eq!(qualifier(":12"), Some(Qualifier::Version(12)));
        let alias = AliasName::parse("live").unwrap();
        assert_eq!(qualifier(":live"), Some(Qualifier::Alias(alias)));
        assert!(told(unqualified(&aws(), &format!("{MACHINE}:12"))).starts_with("InvalidArn"));
        assert!(told(version(&aws(), &format!("{MACHINE}:live"))).starts_with("InvalidArn"));
    }

    #[test]
    fn what_is_no_arn_or_names_something_else_is_refused() {
        let table = [
            (
                "release",
                "InvalidArn Invalid Arn: 'Invalid ARN prefix: release'",
            ),
            (
                "arn:aws:sqs:r:a:x",
                "InvalidArn Invalid Arn: 'Invalid ARN prefix: arn:aws:sqs:r:a:x'",
            ),
            (
                "arn:aws:states:us-east-1:111111111111:express:m:n:i",
                "InvalidArn Invalid Arn: 'Resource type not valid in this context: express'",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(told(machine(&aws(), text)), expected);
            assert_eq!(told(execution(&aws(), text)), expected);
        }
    }

    #[test]
    fn another_account_or_an_impossible_name_has_nothing_here() {
        let other = MACHINE.replace("111111111111", "222222222222");
        let odd = format!("{MACHINE}.v2");
        for arn in [other.as_str(), odd.as_str(), &format!("{MACHINE}:ä")] {
            let expected =
                format!("StateMachineDoesNotExist State Machine Does Not Exist: '{arn}'");
            assert_eq!(told(machine(&aws(), arn)), expected);
        }
        assert!(told(tagged(&aws(), &format!("{MACHINE}:1"))).starts_with("ResourceNotFound"));
    }
}
