//! Who asks, for simulations: members of the groups of the development policy.

use auth::names::Name;
use auth::principal::{Caller, Kind, Principal};

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A member of one of the development policy's groups.
pub(crate) fn caller(group: &str) -> Caller {
    Caller {
        principal: Principal {
            issuer: "https://issuer.example".to_owned(),
            subject: format!("one-of-{group}"),
            kind: Kind::User,
            groups: vec![group.to_owned()],
            display_name: None,
        },
        actors: Vec::new(),
        method: "oidc".to_owned(),
        authenticated_at: None,
        expires_at: i64::MAX,
        token_hash: String::new(),
    }
}
