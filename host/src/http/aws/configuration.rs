//! The configurations of a state machine or an activity: checked, and completed with what the
//! service says where nothing is said.

use serde_json::{Value, json};

use super::call::Answer;
use super::fault::Fault;
use super::members::{ANY, Members};

const LEVELS: [&str; 4] = ["ALL", "ERROR", "FATAL", "OFF"];
const KEY_TYPES: [&str; 2] = ["AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY"];

/// The three configurations of a request, those that are there.
#[derive(Default)]
pub(super) struct Configurations {
    pub(super) logging: Option<Value>,
    pub(super) tracing: Option<Value>,
    pub(super) encryption: Option<Value>,
}

/// The three configurations as they are written, before their own rules are checked.
pub(super) struct Written {
    logging: Option<Logging>,
    tracing: Option<Value>,
    encryption: Option<Encryption>,
}

struct Logging {
    level: String,
    has_execution_data: bool,
    destinations: Option<Vec<Option<String>>>,
}

/// An `encryptionConfiguration`, before its own rules are checked.
pub(super) struct Encryption {
    kind: String,
    key: Option<String>,
    reuse_seconds: Option<u64>,
}

impl Written {
    pub(super) fn read(members: &mut Members) -> Self {
        Self {
            logging: Logging::read(members),
            tracing: read_tracing(members),
            encryption: Encryption::read(members),
        }
    }

    /// Checks what the service's model does not say.
    ///
    /// # Errors
    /// InvalidLoggingConfiguration or InvalidEncryptionConfiguration.
    pub(super) fn checked(self) -> Result<Configurations, Fault> {
        Ok(Configurations {
            logging: self.logging.map(Logging::checked).transpose()?,
            tracing: self.tracing,
            encryption: self.encryption.map(Encryption::checked).transpose()?,
        })
    }
}

impl Logging {
    fn read(members: &mut Members) -> Option<Self> {
        let mut inner = members.object("loggingConfiguration")?;
        let level = inner.word("level", &LEVELS);
        let has_execution_data = inner.boolean("includeExecutionData");
        let destinations = inner.objects("destinations").map(|destinations| {
            let groups = destinations.into_iter().map(|mut destination| {
                let group = destination.object("cloudWatchLogsLogGroup");
                let arn = group.and_then(|mut group| {
                    let arn = group.text("logGroupArn", 1..=256);
                    destination.absorb(group);
                    arn
                });
                inner.absorb(destination);
                arn
            });
            groups.collect()
        });
        members.absorb(inner);
        Some(Self {
            level: level.unwrap_or_else(|| "OFF".to_owned()),
            has_execution_data: has_execution_data.unwrap_or(false),
            destinations,
        })
    }

    fn checked(self) -> Result<Value, Fault> {
        let count = self.destinations.as_ref().map_or(0, Vec::len);
        if count > 1 || (self.level != "OFF" && count != 1) {
            return Err(Fault::new(
                "InvalidLoggingConfiguration",
                "Invalid Logging Configuration: Must specify exactly one Log Destination.",
            ));
        }
        let destinations = self.destinations.map(|destinations| {
            let destinations = destinations.into_iter().map(|arn| match arn {
                Some(arn) => json!({"cloudWatchLogsLogGroup": {"logGroupArn": arn}}),
                None => json!({}),
            });
            Value::Array(destinations.collect())
        });
        Ok(Answer::default()
            .with_some("destinations", destinations)
            .with("includeExecutionData", self.has_execution_data)
            .with("level", self.level)
            .into_value())
    }
}

fn read_tracing(members: &mut Members) -> Option<Value> {
    let mut inner = members.object("tracingConfiguration")?;
    let is_enabled = inner.boolean("enabled").unwrap_or(false);
    members.absorb(inner);
    Some(json!({"enabled": is_enabled}))
}

impl Encryption {
    pub(super) fn read(members: &mut Members) -> Option<Self> {
        let mut inner = members.object("encryptionConfiguration")?;
        if !inner.has("type") {
            inner.required("type", ANY);
        }
        let kind = inner.word("type", &KEY_TYPES);
        let key = inner.text("kmsKeyId", 1..=2048);
        let reuse_seconds = inner.integer("kmsDataKeyReusePeriodSeconds", 60..=900);
        members.absorb(inner);
        Some(Self {
            kind: kind.unwrap_or_default(),
            key,
            reuse_seconds,
        })
    }

    /// Checks what the service's model does not say.
    ///
    /// # Errors
    /// InvalidEncryptionConfiguration.
    pub(super) fn checked(self) -> Result<Value, Fault> {
        let is_owned = self.kind == "AWS_OWNED_KEY";
        if is_owned != self.key.is_none() || (is_owned && self.reuse_seconds.is_some()) {
            let rule = match is_owned {
                true => "an AWS owned key has neither an id nor a reuse period",
                false => "a customer managed key needs its id",
            };
            return Err(Fault::new(
                "InvalidEncryptionConfiguration",
                format!("Invalid Encryption Configuration: {rule}"),
            ));
        }
        Ok(Answer::default()
            .with("type", self.kind)
            .with_some("kmsKeyId", self.key)
            .with_some("kmsDataKeyReusePeriodSeconds", self.reuse_seconds)
            .into_value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: Value) -> Result<Configurations, Fault> {
        let mut members = Members::of_body(body).unwrap();
        let written = Written::read(&mut members);
        members.finish()?;
        written.checked()
    }

    fn logging(configuration: Value) -> Result<Value, String> {
        let read = read(json!({"loggingConfiguration": configuration}));
        match read {
            Ok(read) => Ok(read.logging.unwrap()),
            Err(fault) => Err(fault.told().1.to_owned()),
        }
    }

    #[test]
    fn a_level_needs_one_destination_and_none_means_off() {
        let group = json!({"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:x"}});
        let off = json!({"includeExecutionData": false, "level": "OFF"});
        assert_eq!(logging(json!({})).unwrap(), off);
        let whole = json!({"destinations": [group], "includeExecutionData": true, "level": "ALL"});
        assert_eq!(logging(whole.clone()).unwrap(), whole);
        let empty = logging(json!({"destinations": []})).unwrap();
        assert_eq!(empty["destinations"], json!([]));
        for refused in [
            json!({"level": "ALL"}),
            json!({"destinations": [group, group]}),
        ] {
            assert_eq!(logging(refused).unwrap_err(), "InvalidLoggingConfiguration");
        }
        assert_eq!(
            logging(json!({"level": "SOME"})).unwrap_err(),
            "ValidationException"
        );
    }

    #[test]
    fn a_customer_managed_key_is_named_and_an_owned_one_is_not() {
        let check = |configuration: Value, is_valid: bool| {
            let read = read(json!({"encryptionConfiguration": configuration}));
            assert_eq!(read.is_ok(), is_valid, "{configuration}");
        };
        check(json!({"type": "AWS_OWNED_KEY"}), true);
        check(
            json!({"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k"}),
            true,
        );
        check(json!({"type": "CUSTOMER_MANAGED_KMS_KEY"}), false);
        check(json!({"type": "AWS_OWNED_KEY", "kmsKeyId": "k"}), false);
        check(json!({}), false);
        check(json!({"type": "X"}), false);
    }
}
