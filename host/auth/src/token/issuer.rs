//! What the tokens of one issuer must look like.

use document::{Problem, Problems};

use crate::token::Algorithm;
use crate::token::issuer_url::{self, Provider};

const LIFETIME_SECONDS_DEFAULT: i64 = 24 * 60 * 60;
const LIFETIME_SECONDS_MAX: i64 = 7 * 24 * 60 * 60;
const SKEW_SECONDS_DEFAULT: i64 = 60;
const SKEW_SECONDS_MAX: i64 = 300;

/// How an issuer's tokens are to be read, as configured. [`IssuerSettings::new`] has safe defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerSettings {
    /// The issuer, byte for byte as its tokens and its discovery document have it.
    pub issuer: String,
    /// The names under which the issuer knows this host; a token must be for one of them.
    pub audiences: Vec<String>,
    /// JOSE names; a key without an algorithm of its own gets the first one that fits it.
    pub algorithms: Vec<String>,
    /// What the header's `typ` must be.
    pub token_type: TokenType,
    /// The claim that holds the groups.
    pub groups_claim: String,
    /// The claims that together are a person's or agent's subject.
    pub subject_claims: Vec<String>,
    /// The claims that together are a service's subject.
    pub service_subject_claims: Vec<String>,
    /// How people, services and agents are told apart.
    pub kind: KindRule,
    /// Where the scopes are.
    pub scope: ScopeClaim,
    /// The claim that names the client application.
    pub client_claim: String,
    /// What the claim `ver` must be, where it says anything.
    pub version: Option<String>,
    /// Scopes that every token needs, unless it is a service's and has the required roles.
    pub required_scopes: Vec<String>,
    /// Roles that every service's token needs.
    pub required_roles: Vec<String>,
    /// Tenants (claim `tid`) whose tokens are believed; empty for all.
    pub tenants: Vec<String>,
    /// Clients whose tokens are believed; empty for all.
    pub clients: Vec<String>,
    /// Other issuers that this one may name in `act`; it may always name itself.
    pub actor_issuers: Vec<String>,
    /// The longest time from `iat` to `exp`, in seconds.
    pub lifetime_seconds_max: i64,
    /// How far clocks may be apart, in seconds.
    pub skew_seconds: i64,
}

/// What the header's `typ` must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// `at+jwt`, the access tokens of RFC 9068.
    AtJwt,
    /// `JWT`, as Entra has it.
    Jwt,
    /// None, as Okta's custom servers have it.
    Absent,
    /// Any of these; every other type is refused.
    Any,
}

/// How people, services and agents are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KindRule {
    /// A claim of this name says `user`, `service` or `agent`.
    Claim(String),
    /// A token whose subject is its client is a service's (RFC 9068 section 2.2), or one with
    /// `idtyp` `app`; every other is a person's.
    Standard,
    /// Entra: `idtyp` `app` or no scopes for a service, the facet claims for agents.
    Entra,
    /// Okta: no `uid` for a service.
    Okta,
}

/// Where the scopes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeClaim {
    /// `scope`, one string (RFC 9068).
    ScopeText,
    /// `scp`, one string (Entra).
    ScpText,
    /// `scp`, an array (Okta).
    ScpList,
}

impl IssuerSettings {
    /// Safe defaults, fit for Entra or Okta where the issuer's host is theirs and for RFC 9068 elsewhere.
    pub fn new(issuer: &str, audience: &str) -> Self {
        let standard = Self {
            issuer: issuer.to_owned(),
            audiences: vec![audience.to_owned()],
            algorithms: names(&["RS256", "ES256"]),
            token_type: TokenType::Any,
            groups_claim: "groups".to_owned(),
            subject_claims: names(&["sub"]),
            service_subject_claims: names(&["sub"]),
            kind: KindRule::Standard,
            scope: ScopeClaim::ScopeText,
            client_claim: "client_id".to_owned(),
            version: None,
            required_scopes: Vec::new(),
            required_roles: Vec::new(),
            tenants: Vec::new(),
            clients: Vec::new(),
            actor_issuers: Vec::new(),
            lifetime_seconds_max: LIFETIME_SECONDS_DEFAULT,
            skew_seconds: SKEW_SECONDS_DEFAULT,
        };
        match Provider::of(issuer) {
            Provider::Standard => standard,
            Provider::EntraV2 => standard.entra("azp", "2.0"),
            Provider::EntraV1 => standard.entra("appid", "1.0"),
            Provider::Okta => Self {
                algorithms: names(&["RS256"]),
                subject_claims: names(&["uid"]),
                service_subject_claims: names(&["cid"]),
                kind: KindRule::Okta,
                scope: ScopeClaim::ScpList,
                client_claim: "cid".to_owned(),
                ..standard
            },
        }
    }

    fn entra(self, client_claim: &str, version: &str) -> Self {
        Self {
            algorithms: names(&["RS256"]),
            token_type: TokenType::Jwt,
            subject_claims: names(&["tid", "oid"]),
            service_subject_claims: names(&["tid", "oid"]),
            kind: KindRule::Entra,
            scope: ScopeClaim::ScpText,
            client_claim: client_claim.to_owned(),
            version: Some(version.to_owned()),
            tenants: issuer_url::tenant(&self.issuer)
                .map(str::to_owned)
                .into_iter()
                .collect(),
            ..self
        }
    }
}

/// Settings that were checked.
#[derive(Clone, Debug)]
pub struct IssuerRules {
    settings: IssuerSettings,
    algorithms: Vec<Algorithm>,
}

impl IssuerRules {
    /// The issuer, byte for byte.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// What was configured.
    pub fn settings(&self) -> &IssuerSettings {
        &self.settings
    }

    /// The algorithms that are believed, in order of preference.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }
}

impl TryFrom<IssuerSettings> for IssuerRules {
    type Error = Vec<Problem>;

    fn try_from(settings: IssuerSettings) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        issuer_url::check(&settings.issuer, &mut problems);
        let algorithms = algorithms(&settings.algorithms, &mut problems);
        let at_least_one = [
            ("/audiences", &settings.audiences),
            ("/algorithms", &settings.algorithms),
            ("/subject_claims", &settings.subject_claims),
            ("/service_subject_claims", &settings.service_subject_claims),
        ];
        for (pointer, values) in at_least_one {
            if values.is_empty() {
                problems.push(pointer, "at least one is needed");
            }
        }
        check_texts(&settings, &mut problems);
        let (lifetime, skew) = (settings.lifetime_seconds_max, settings.skew_seconds);
        if !(1..=LIFETIME_SECONDS_MAX).contains(&lifetime) {
            problems.push(
                "/lifetime_seconds_max",
                format!("from 1 to {LIFETIME_SECONDS_MAX} seconds"),
            );
        }
        if !(0..=SKEW_SECONDS_MAX).contains(&skew) {
            problems.push(
                "/skew_seconds",
                format!("from 0 to {SKEW_SECONDS_MAX} seconds"),
            );
        }
        problems.or(Some(Self {
            settings,
            algorithms,
        }))
    }
}

fn algorithms(names: &[String], problems: &mut Problems) -> Vec<Algorithm> {
    let mut found = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match Algorithm::parse(name) {
            Some(algorithm) => found.push(algorithm),
            None => problems.push(
                format!("/algorithms/{index}"),
                format!(
                    "`{}` is not one of {}; algorithms with a shared secret or without a signature are never allowed",
                    name.escape_debug(),
                    Algorithm::ALL.map(Algorithm::name).join(", ")
                ),
            ),
        }
    }
    found
}

/// Empty names would match what an issuer left out.
fn check_texts(settings: &IssuerSettings, problems: &mut Problems) {
    let lists = [
        ("/audiences", &settings.audiences),
        ("/subject_claims", &settings.subject_claims),
        ("/service_subject_claims", &settings.service_subject_claims),
        ("/required_scopes", &settings.required_scopes),
        ("/required_roles", &settings.required_roles),
        ("/tenants", &settings.tenants),
        ("/clients", &settings.clients),
    ];
    for (pointer, values) in lists {
        for (index, value) in values.iter().enumerate() {
            if value.trim().is_empty() {
                problems.push(format!("{pointer}/{index}"), "is empty");
            }
        }
    }
    let kind_claim = match &settings.kind {
        KindRule::Claim(name) => Some(name),
        KindRule::Standard | KindRule::Entra | KindRule::Okta => None,
    };
    let single = [
        ("/groups_claim", Some(&settings.groups_claim)),
        ("/client_claim", Some(&settings.client_claim)),
        ("/kind", kind_claim),
    ];
    for (pointer, value) in single {
        if value.is_some_and(|value| value.trim().is_empty()) {
            problems.push(pointer, "is empty");
        }
    }
    for (index, issuer) in settings.actor_issuers.iter().enumerate() {
        let mut found = Problems::default();
        issuer_url::check(issuer, &mut found);
        let pointer = format!("/actor_issuers/{index}");
        problems.extend(found.into_vec().into_iter().map(|problem| Problem {
            pointer: pointer.clone(),
            ..problem
        }));
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
