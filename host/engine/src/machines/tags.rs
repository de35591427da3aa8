//! Tags: what people note on a state machine or an activity.

use auth::names::Name;
use auth::policy::{Permit, WriteTags};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Engine, Error};

/// Tags on one resource; the service's limit.
pub const TAGS_MAX: usize = 50;

/// Tags in the order in which they were set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(Vec<(String, String)>);

impl Tags {
    /// The tags as keys and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// These tags with `added` set and `removed` gone.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above [`TAGS_MAX`].
    pub(crate) fn changed(&self, added: &Tags, removed: &[String]) -> Result<Self, Error> {
        let mut tags = self.clone();
        tags.0.retain(|(key, _)| !removed.contains(key));
        for (key, value) in &added.0 {
            match tags.0.iter_mut().find(|(known, _)| known == key) {
                Some((_, known)) => known.clone_from(value),
                None => tags.0.push((key.clone(), value.clone())),
            }
        }
        match tags.0.len() {
            0..=TAGS_MAX => Ok(tags),
            count => Err(Error::TooLarge(format!(
                "{count} tags, at most {TAGS_MAX} are allowed"
            ))),
        }
    }
}

impl FromIterator<(String, String)> for Tags {
    /// The last of several values of one key stands.
    fn from_iter<T: IntoIterator<Item = (String, String)>>(tags: T) -> Self {
        let mut found: Vec<(String, String)> = Vec::new();
        for (key, value) in tags {
            found.retain(|(known, _)| *known != key);
            found.push((key, value));
        }
        Self(found)
    }
}

impl Engine {
    /// Sets and removes tags of a state machine.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Deleting`], or [`Error::TooLarge`] above [`TAGS_MAX`].
    pub async fn tag_machine(
        &self,
        permit: Permit<WriteTags>,
        name: Name,
        added: Tags,
        removed: Vec<String>,
    ) -> Result<(), Error> {
        let engine = self.clone();
        self.to_its_end(async move {
            let _lane = engine.shared.change().await;
            let authority = engine.shared.authority();
            let (_, registration) = authority.standing(&name).active(&name)?;
            let tags = registration.tags.changed(&added, &removed)?;
            if tags == registration.tags {
                return Ok(());
            }
            let request = json!({"set": added, "removed": removed});
            let mut changed = registration.next();
            changed.tags = tags;
            let record = engine.allowed(&permit, request);
            engine.register(&authority, changed, record).await
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn tags_are_set_replaced_and_removed() {
        let old = tags(&[("a", "1"), ("b", "2")]);
        let new = tags(&[("c", "3"), ("a", "4"), ("c", "5")]);
        let removed = ["b".to_owned(), "x".to_owned()];
        let changed = old.changed(&new, &removed).unwrap();
        assert_eq!(changed, tags(&[("a", "4"), ("c", "5")]));
    }

    #[test]
    fn there_are_never_more_than_the_limit() {
        let many: Tags = (0..TAGS_MAX)
            .map(|n| (n.to_string(), String::new()))
            .collect();
        assert!(Tags::default().changed(&many, &[]).is_ok());
        let more = tags(&[("one", "more")]);
        assert!(matches!(many.changed(&more, &[]), Err(Error::TooLarge(_))));
        assert!(many.changed(&more, &["0".to_owned()]).is_ok());
    }
}
