//! `NAME@VERSION` on the command line.

use std::str::FromStr;

use auth::names::Name;
use semver::Version;

/// One version of a component.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) name: Name,
    pub(super) version: Version,
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((name, version)) = text.split_once('@') else {
            return Err("use NAME@VERSION, such as `charge-card@1.2.0`".to_owned());
        };
        let shown = version.escape_debug();
        let unreadable = |_| format!("`{shown}` is not a version, use one such as `1.2.0`");
        Ok(Self {
            name: Name::parse(name)?,
            version: Version::parse(version).map_err(unreadable)?,
        })
    }
}
