//! Aliases: names that route starts to one or two versions.

use std::fmt;

use asl::Timestamp;
use auth::names::Name;
use auth::policy::{Permit, WriteAlias};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Registration;
use crate::authority::Authority;
use crate::error::Created;
use crate::{Engine, Error};

/// Aliases of one state machine; the service's limit.
const ALIASES_MAX: usize = 100;
const ROUTES_MAX: usize = 2;
const WEIGHTS: u64 = 100;

/// The name of an alias: 1 to 80 of the characters `A-Z a-z 0-9 - _ .`, not digits alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AliasName(String);

/// Where a start through an alias goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Routing(Vec<Route>);

/// One version, and how many of a hundred starts it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The version.
    pub version: u64,
    /// 0 to 100.
    pub weight: u64,
}

/// Why routes do not make a routing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoutingProblem {
    /// None, or more than two.
    Count,
    /// One version stands twice.
    Repeated,
    /// The weights do not add up to a hundred.
    Sum,
}

/// A name that routes starts to versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alias {
    /// Its name.
    pub name: AliasName,
    /// What its maker said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where starts go.
    pub routing: Routing,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What is to change of an alias; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct AliasChange {
    /// What to say of it.
    pub description: Option<String>,
    /// Where starts go.
    pub routing: Option<Routing>,
}

impl AliasName {
    /// Parses a name.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let is_name = (1..=80).contains(&text.len()) && text.bytes().all(is_plain) && !is_number;
        is_name.then(|| Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AliasName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Routing {
    /// One or two routes to different versions, a hundred together.
    ///
    /// # Errors
    /// The first rule that the routes break.
    pub fn new(routes: Vec<Route>) -> Result<Self, RoutingProblem> {
        if routes.is_empty() || routes.len() > ROUTES_MAX {
            return Err(RoutingProblem::Count);
        }
        let mut versions: Vec<_> = routes.iter().map(|route| route.version).collect();
        versions.sort_unstable();
        versions.dedup();
        if versions.len() < routes.len() {
            return Err(RoutingProblem::Repeated);
        }
        let sum = routes
            .iter()
            .fold(0_u64, |sum, route| sum.saturating_add(route.weight));
        match sum {
            WEIGHTS => Ok(Self(routes)),
            _ => Err(RoutingProblem::Sum),
        }
    }

    /// The routes, in the order in which they were given.
    pub fn routes(&self) -> &[Route] {
        &self.0
    }

    /// The versions routed to.
    pub(super) fn versions(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|route| route.version)
    }

    /// The version that a start goes to, as `chance` has it.
    pub(super) fn pick(&self, chance: u64) -> u64 {
        let mut left = chance % WEIGHTS;
        for route in &self.0 {
            if left < route.weight {
                return route.version;
            }
            left -= route.weight;
        }
        // INVARIANT: the weights add up to more than what is left at the beginning.
        self.versions().last().unwrap_or_default()
    }
}

impl Engine {
    /// Makes an alias; the same again is no second one.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the state machine or a version, [`Error::Deleting`],
    /// [`Error::Conflict`] if another alias has the name, [`Error::TooLarge`] for one too many.
    pub async fn create_alias(
        &self,
        permit: Permit<WriteAlias>,
        machine: Name,
        name: AliasName,
        description: Option<String>,
        routing: Routing,
    ) -> Result<Created<Alias>, Error> {
        let engine = self.clone();
        self.to_its_end(async move {
            let _lane = engine.shared.change().await;
            let authority = engine.shared.authority();
            let mut changed = changed(&authority, &machine)?;
            check_versions(&changed, &routing)?;
            if let Some(known) = changed.aliases.get(&name) {
                let is_same = known.routing == routing && known.description == description;
                return match is_same {
                    true => Ok(Created::Same(known.clone())),
                    false => Err(Error::Conflict(format!(
                        "another alias has the name `{name}`"
                    ))),
                };
            }
            if changed.aliases.len() >= ALIASES_MAX {
                return Err(Error::TooLarge(format!(
                    "state machine `{machine}` has {ALIASES_MAX} aliases, delete one first"
                )));
            }
            let now = engine.shared.ports.clock.now();
            let alias = Alias {
                name: name.clone(),
                description,
                routing,
                created_at: now,
                updated_at: now,
            };
            changed.aliases.insert(name, alias.clone());
            let record = engine.allowed(&permit, told(&alias));
            engine.register(&authority, changed, record).await?;
            Ok(Created::New(alias))
        })
        .await
    }

    /// Changes an alias.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the state machine, the alias or a version, [`Error::Deleting`].
    pub async fn update_alias(
        &self,
        permit: Permit<WriteAlias>,
        machine: Name,
        name: AliasName,
        change: AliasChange,
    ) -> Result<Alias, Error> {
        let engine = self.clone();
        self.to_its_end(async move {
            let _lane = engine.shared.change().await;
            let authority = engine.shared.authority();
            let mut changed = changed(&authority, &machine)?;
            if let Some(routing) = &change.routing {
                check_versions(&changed, routing)?;
            }
            let alias = changed.aliases.get_mut(&name);
            let alias = alias.ok_or_else(|| Error::NotFound(format!("alias `{name}`")))?;
            if let Some(description) = change.description {
                alias.description = Some(description);
            }
            if let Some(routing) = change.routing {
                alias.routing = routing;
            }
            alias.updated_at = engine.shared.ports.clock.now();
            let alias = alias.clone();
            let record = engine.allowed(&permit, told(&alias));
            engine.register(&authority, changed, record).await?;
            Ok(alias)
        })
        .await
    }

    /// Deletes an alias.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the state machine or the alias, [`Error::Deleting`].
    pub async fn delete_alias(
        &self,
        permit: Permit<WriteAlias>,
        machine: Name,
        name: AliasName,
    ) -> Result<(), Error> {
        let engine = self.clone();
        self.to_its_end(async move {
            let _lane = engine.shared.change().await;
            let authority = engine.shared.authority();
            let mut changed = changed(&authority, &machine)?;
            if changed.aliases.remove(&name).is_none() {
                return Err(Error::NotFound(format!("alias `{name}`")));
            }
            let record = engine.allowed(&permit, json!({"deleted": name}));
            engine.register(&authority, changed, record).await
        })
        .await
    }
}

/// The next record of a state machine's registration.
fn changed(authority: &Authority, machine: &Name) -> Result<Registration, Error> {
    let (_, registration) = authority.standing(machine).active(machine)?;
    Ok(registration.next())
}

fn check_versions(registration: &Registration, routing: &Routing) -> Result<(), Error> {
    let mut versions = routing.versions();
    match versions.find(|version| registration.version(*version).is_none()) {
        Some(version) => Err(Error::NotFound(format!("version {version}"))),
        None => Ok(()),
    }
}

fn told(alias: &Alias) -> serde_json::Value {
    json!({"alias": alias.name, "routing": alias.routing})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routing(routes: &[(u64, u64)]) -> Result<Routing, RoutingProblem> {
        let routes = routes.iter();
        Routing::new(
            routes
                .map(|&(version, weight)| Route { version, weight })
                .collect(),
        )
    }

    #[test]
    fn weights_add_up_to_a_hundred_over_different_versions() {
        assert!(routing(&[(1, 100)]).is_ok());
        assert!(routing(&[(1, 0), (2, 100)]).is_ok());
        let table: [(&[(u64, u64)], RoutingProblem); 5] = [
            (&[], RoutingProblem::Count),
            (&[(1, 50), (2, 30), (3, 20)], RoutingProblem::Count),
            (&[(1, 50), (1, 50)], RoutingProblem::Repeated),
            (&[(1, 70), (2, 29)], RoutingProblem::Sum),
            (&[(1, u64::MAX), (2, 101)], RoutingProblem::Sum),
        ];
        for (routes, problem) in table {
            assert_eq!(routing(routes), Err(problem), "{routes:?}");
        }
    }

    #[test]
    fn each_version_gets_its_share_of_the_starts() {
        let routing = routing(&[(7, 30), (8, 70)]).unwrap();
        let picks = (0..1000).map(|chance| routing.pick(chance));
        assert_eq!(picks.filter(|version| *version == 7).count(), 300);
        assert_eq!(
            super::tests::routing(&[(7, 0), (8, 100)]).unwrap().pick(0),
            8
        );
    }

    #[test]
    fn an_alias_is_never_mistaken_for_a_version() {
        for text in ["live", "v1.2", "1-a", &"x".repeat(80)] {
            assert!(AliasName::parse(text).is_some(), "{text}");
        }
        for text in ["", "12", "a b", "a:b", "ä", &"x".repeat(81)] {
            assert!(AliasName::parse(text).is_none(), "{text}");
        }
    }
}
