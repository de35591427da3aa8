//! Who a believed token names, and whether it reaches as far as this host asks.

use crate::principal::{Caller, Kind, Principal};
use crate::token::actors;
use crate::token::claims::Claims;
use crate::token::header::Header;
use crate::token::{IssuerRules, IssuerSettings, KindRule, Rejected, ScopeClaim};

/// Entra's facet of an agent's own identity, and that of an agent's user account.
pub(super) const AGENT_IDENTITY: &str = "11";
const AGENT_USER: &str = "13";

/// Names the caller.
pub(super) fn caller(
    claims: &Claims<'_>,
    header: &Header<'_>,
    rules: &IssuerRules,
    token_hash: String,
) -> Result<Caller, Rejected> {
    let settings = rules.settings();
    let scopes = scopes(*claims, settings)?;
    let roles = claims.texts("roles")?.unwrap_or_default();
    if scopes.is_empty() && roles.is_empty() && !header.is_marked_access_token {
        return Err(Rejected::token(
            "the token has neither scopes nor roles, as an ID token has not",
        ));
    }
    let kind = kind(*claims, settings, &scopes)?;
    check_reach(kind, &scopes, &roles, settings)?;
    let principal = Principal {
        issuer: rules.issuer().to_owned(),
        subject: subject(*claims, kind, settings)?,
        kind,
        groups: groups(*claims, settings)?,
        display_name: display_name(*claims),
    };
    let actors = actors::chain(*claims, &principal, settings)?;
    Ok(Caller {
        principal,
        actors,
        method: "oidc".to_owned(),
        authenticated_at: claims.seconds("auth_time")?,
        expires_at: claims.seconds("exp")?.unwrap_or_default(),
        token_hash,
    })
}

fn scopes<'a>(claims: Claims<'a>, settings: &IssuerSettings) -> Result<Vec<&'a str>, Rejected> {
    let found = match settings.scope {
        ScopeClaim::ScopeText => claims.words("scope")?,
        ScopeClaim::ScpText => claims.words("scp")?,
        ScopeClaim::ScpList => claims.texts("scp")?,
    };
    Ok(found.unwrap_or_default())
}

fn kind(claims: Claims<'_>, settings: &IssuerSettings, scopes: &[&str]) -> Result<Kind, Rejected> {
    let is_app = claims.text("idtyp")? == Some("app");
    match &settings.kind {
        KindRule::Claim(name) => named_kind(name, claims.required_text(name)?),
        KindRule::Standard => {
            let client = claims.text(&settings.client_claim)?;
            let is_client = client.is_some() && client == claims.text("sub")?;
            Ok(if is_app || is_client {
                Kind::Service
            } else {
                Kind::User
            })
        }
        KindRule::Entra => {
            if is_app && !scopes.is_empty() {
                return Err(Rejected::token(
                    "an application's token has scopes (claim `scp`)",
                ));
            }
            let facets = claims.words("xms_sub_fct")?.unwrap_or_default();
            if facets.contains(&AGENT_IDENTITY) || facets.contains(&AGENT_USER) {
                return Ok(Kind::Agent);
            }
            Ok(if is_app || scopes.is_empty() {
                Kind::Service
            } else {
                Kind::User
            })
        }
        KindRule::Okta => Ok(if claims.has("uid") {
            Kind::User
        } else {
            Kind::Service
        }),
    }
}

/// The kind of this name in claims.
pub(super) fn named_kind(claim: &str, name: &str) -> Result<Kind, Rejected> {
    match name {
        "user" => Ok(Kind::User),
        "service" => Ok(Kind::Service),
        "agent" => Ok(Kind::Agent),
        _ => Err(Rejected::token(format!(
            "claim `{claim}` is not `user`, `service` or `agent`"
        ))),
    }
}

/// Roles never stand in for a person's scopes; a service's roles do where roles are asked for.
fn check_reach(
    kind: Kind,
    scopes: &[&str],
    roles: &[&str],
    settings: &IssuerSettings,
) -> Result<(), Rejected> {
    let (asked, held, what) = match kind {
        Kind::Service if !settings.required_roles.is_empty() => {
            (&settings.required_roles, roles, "role")
        }
        Kind::Service | Kind::User | Kind::Agent => (&settings.required_scopes, scopes, "scope"),
    };
    let Some(missing) = asked.iter().find(|name| !held.contains(&name.as_str())) else {
        return Ok(());
    };
    let shown = if what == "scope" {
        asked.as_slice()
    } else {
        &[]
    };
    Err(Rejected::scope(
        format!("the token lacks the {what} `{missing}`"),
        shown,
    ))
}

/// A subject of several claims joins them with `/`, which none of them may then contain.
fn subject(claims: Claims<'_>, kind: Kind, settings: &IssuerSettings) -> Result<String, Rejected> {
    let names = match kind {
        Kind::User | Kind::Agent => &settings.subject_claims,
        Kind::Service => &settings.service_subject_claims,
    };
    let parts = names.iter().map(|name| claims.required_text(name));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    if parts.len() > 1 && parts.iter().any(|part| part.contains('/')) {
        return Err(Rejected::token("a claim of the subject contains `/`"));
    }
    Ok(parts.join("/"))
}

/// Groups that were left out for their number (Entra's overage) are refused: deciding without
/// them could skip a `forbid`, and the address where they are said to be is never asked.
pub(super) fn groups(
    claims: Claims<'_>,
    settings: &IssuerSettings,
) -> Result<Vec<String>, Rejected> {
    let name = settings.groups_claim.as_str();
    let is_elsewhere = claims.value("_claim_names").is_some_and(|names| {
        names
            .as_object()
            .is_none_or(|names| names.contains_key(name))
    });
    let is_implied = name == "groups"
        && claims
            .value("hasgroups")
            .is_some_and(|has| has.as_bool() != Some(false));
    if is_elsewhere || is_implied {
        return Err(Rejected::token(
            "groups_overage: the token leaves groups out, use application roles or assign fewer groups",
        ));
    }
    let found = claims.texts(name)?.unwrap_or_default();
    Ok(found.into_iter().map(str::to_owned).collect())
}

/// Nothing is decided on it, so that a strange one is left out rather than refused.
fn display_name(claims: Claims<'_>) -> Option<String> {
    let names = ["name", "preferred_username", "upn", "unique_name"];
    let mut found = names
        .iter()
        .filter_map(|name| claims.text(name).ok().flatten());
    found.next().map(str::to_owned)
}
