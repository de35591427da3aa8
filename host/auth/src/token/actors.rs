//! Who acts for the principal: the `act` chain of RFC 8693 section 4.1, and Entra's own marks.

use crate::principal::{Kind, Principal};
use crate::token::claims::Claims;
use crate::token::identity::{AGENT_IDENTITY, groups, named_kind};
use crate::token::{IssuerSettings, KindRule, Rejected};

const CHAIN_LENGTH_MAX: usize = 4;

/// The current actor first, earlier ones after.
pub(super) fn chain(
    claims: Claims<'_>,
    principal: &Principal,
    settings: &IssuerSettings,
) -> Result<Vec<Principal>, Rejected> {
    let mut actors = Vec::new();
    let mut outer = claims;
    while let Some(value) = outer.value("act") {
        if actors.len() == CHAIN_LENGTH_MAX {
            return Err(Rejected::token(format!(
                "more than {CHAIN_LENGTH_MAX} actors (claim `act`)"
            )));
        }
        let members = value
            .as_object()
            .ok_or_else(|| Rejected::token("claim `act` is not an object"))?;
        outer = Claims::new(members);
        actors.push(actor(outer, settings)?);
    }
    if actors.is_empty() {
        actors.extend(entra_agent(claims, principal, settings)?);
    }
    Ok(actors)
}

fn actor(claims: Claims<'_>, settings: &IssuerSettings) -> Result<Principal, Rejected> {
    let issuer = claims.text("iss")?.unwrap_or(&settings.issuer);
    if issuer != settings.issuer && !settings.actor_issuers.iter().any(|known| known == issuer) {
        return Err(Rejected::token(
            "claim `act` names an issuer that this one may not speak for",
        ));
    }
    Ok(Principal {
        issuer: issuer.to_owned(),
        subject: claims.required_text("sub")?.to_owned(),
        kind: kind(claims, settings)?,
        groups: groups(claims, settings)?,
        display_name: claims.text("name").ok().flatten().map(str::to_owned),
    })
}

fn kind(claims: Claims<'_>, settings: &IssuerSettings) -> Result<Kind, Rejected> {
    match &settings.kind {
        KindRule::Claim(name) => match claims.text(name)? {
            Some(kind) => named_kind(name, kind),
            None => Ok(Kind::Agent),
        },
        KindRule::Standard | KindRule::Entra | KindRule::Okta => Ok(Kind::Agent),
    }
}

/// Entra has no `act`: where an agent acts for a person, the client is the agent. Microsoft
/// advises against granting anything on facets; here they can only take rights away.
fn entra_agent(
    claims: Claims<'_>,
    principal: &Principal,
    settings: &IssuerSettings,
) -> Result<Option<Principal>, Rejected> {
    match (&settings.kind, principal.kind) {
        (KindRule::Entra, Kind::User | Kind::Service) => {}
        (KindRule::Entra, Kind::Agent) => return Ok(None),
        (KindRule::Claim(_) | KindRule::Standard | KindRule::Okta, _) => return Ok(None),
    }
    let facets = claims.words("xms_act_fct")?.unwrap_or_default();
    if !facets.contains(&AGENT_IDENTITY) {
        return Ok(None);
    }
    let (tenant, client) = (
        claims.text("tid")?,
        claims.required_text(&settings.client_claim)?,
    );
    Ok(Some(Principal {
        issuer: principal.issuer.clone(),
        subject: tenant.map_or_else(|| client.to_owned(), |tenant| format!("{tenant}/{client}")),
        kind: Kind::Agent,
        groups: Vec::new(),
        display_name: None,
    }))
}
