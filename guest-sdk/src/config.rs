//! Configuration values that the role gives this step, over `wasi:config/store`.

mod bindings;

use bindings::wasi::config::store;

/// A configuration value could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl std::fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "the configuration could not be read: {}", self.0)
    }
}

impl std::error::Error for ConfigError {}

impl From<store::Error> for ConfigError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Upstream(message) | store::Error::Io(message) => Self(message),
        }
    }
}

/// The value of `key`, or `None` if the role does not set it.
///
/// # Errors
/// The host could not answer.
pub fn get(key: &str) -> Result<Option<String>, ConfigError> {
    inside_a_host()?;
    Ok(store::get(key)?)
}

/// The value of `key`.
///
/// # Errors
/// The role does not set it, or the host could not answer.
pub fn require(key: &str) -> Result<String, ConfigError> {
    get(key)?.ok_or_else(|| {
        ConfigError(format!(
            "`{key}` is not set, name it under `[config]` in manifest and role"
        ))
    })
}

/// Every value this step may read, by key.
///
/// # Errors
/// The host could not answer.
pub fn all() -> Result<Vec<(String, String)>, ConfigError> {
    inside_a_host()?;
    Ok(store::get_all()?)
}

fn inside_a_host() -> Result<(), ConfigError> {
    if cfg!(target_os = "wasi") {
        return Ok(());
    }
    Err(ConfigError(
        "there is none outside a Sluice host".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    #[test]
    fn outside_a_host_there_is_no_configuration() {
        let message = super::require("region").unwrap_err().to_string();
        assert!(message.contains("outside a Sluice host"), "{message}");
    }
}
