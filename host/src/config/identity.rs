//! `[identity]`: whose tokens are believed, and how they are read.

use auth::token::{IssuerRules, IssuerSettings, KindRule, ScopeClaim, TokenType};
use document::{Fields, Node, Problem, Problems};

use super::environment::SettingReading;

const ISSUERS_MAX: usize = 100;

/// Whose tokens are believed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    /// The identity providers; without one, no caller is known.
    pub(crate) oidc: Vec<Provider>,
}

/// One OpenID Connect identity provider.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    /// What its tokens must look like.
    pub(crate) rules: IssuerRules,
    /// The address of its discovery document, where that is not below the issuer.
    pub(crate) discovery: Option<String>,
}

impl Identity {
    pub(super) fn read(section: Option<Node<'_>>, problems: &mut Problems) -> Option<Self> {
        let Some(section) = section else {
            return Some(Self::default());
        };
        let mut fields = section.object(problems)?;
        let mut oidc: Vec<Provider> = Vec::new();
        let mut is_complete = true;
        if let Some(node) = fields.optional("oidc") {
            let entries = node.array(problems)?;
            if entries.len() > ISSUERS_MAX {
                node.problem(format!("more than {ISSUERS_MAX} issuers"), problems);
                return None;
            }
            for entry in &entries {
                let Some(provider) = provider(entry, problems) else {
                    is_complete = false;
                    continue;
                };
                let issuer = provider.rules.issuer();
                if oidc.iter().any(|known| known.rules.issuer() == issuer) {
                    entry.problem(format!("issuer `{issuer}` is configured twice"), problems);
                }
                oidc.push(provider);
            }
        }
        fields.finish(problems);
        is_complete.then_some(Self { oidc })
    }
}

/// What the text of a variable for the setting `name` is read as.
pub(super) fn reading(name: &str) -> SettingReading {
    match name {
        "algorithms"
        | "subject_claims"
        | "service_subject_claims"
        | "required_scopes"
        | "required_roles"
        | "tenants"
        | "clients"
        | "actor_issuers" => SettingReading::List,
        "lifetime_seconds_max" | "skew_seconds" => SettingReading::Scalar,
        _ => SettingReading::Text,
    }
}

fn provider(node: &Node<'_>, problems: &mut Problems) -> Option<Provider> {
    let mut fields = node.object(problems)?;
    let issuer = fields.required("issuer", problems);
    let issuer = issuer.and_then(|node| node.string(problems));
    let audiences = fields.required("audience", problems);
    let audiences = audiences.and_then(|node| one_or_more(&node, problems));
    let settings = IssuerSettings::new(issuer.unwrap_or_default(), "");
    let settings = settings_of(&mut fields, settings, problems);
    let discovery = fields.optional("discovery");
    let discovery = discovery.and_then(|node| discovery_address(&node, problems));
    fields.finish(problems);
    let (_, Some(audiences)) = (issuer?, audiences) else {
        return None;
    };
    match IssuerRules::try_from(IssuerSettings {
        audiences,
        ..settings
    }) {
        Ok(rules) => Some(Provider { rules, discovery }),
        Err(found) => {
            let found = found
                .into_iter()
                .map(|problem| in_our_words(problem, &node.pointer));
            problems.extend(found);
            None
        }
    }
}

fn settings_of(
    fields: &mut Fields<'_>,
    mut settings: IssuerSettings,
    problems: &mut Problems,
) -> IssuerSettings {
    text(fields, "groups_claim", &mut settings.groups_claim, problems);
    text(fields, "client_claim", &mut settings.client_claim, problems);
    for (name, list) in [
        ("algorithms", &mut settings.algorithms),
        ("subject_claims", &mut settings.subject_claims),
        (
            "service_subject_claims",
            &mut settings.service_subject_claims,
        ),
        ("required_scopes", &mut settings.required_scopes),
        ("required_roles", &mut settings.required_roles),
        ("tenants", &mut settings.tenants),
        ("clients", &mut settings.clients),
        ("actor_issuers", &mut settings.actor_issuers),
    ] {
        let values = fields
            .optional(name)
            .and_then(|node| node.strings(problems));
        if let Some(values) = values {
            *list = values;
        }
    }
    let version = fields
        .optional("version")
        .and_then(|node| node.string(problems));
    settings.version = version.map(str::to_owned).or(settings.version);
    for (name, number) in [
        ("lifetime_seconds_max", &mut settings.lifetime_seconds_max),
        ("skew_seconds", &mut settings.skew_seconds),
    ] {
        let value = fields
            .optional(name)
            .and_then(|node| node.unsigned(problems));
        if let Some(value) = value {
            *number = i64::try_from(value).unwrap_or(i64::MAX);
        }
    }
    choices_of(fields, &mut settings, problems);
    settings
}

/// The settings that are one of a few words.
fn choices_of(fields: &mut Fields<'_>, settings: &mut IssuerSettings, problems: &mut Problems) {
    choose(
        fields,
        "token_type",
        &mut settings.token_type,
        &[
            ("at+jwt", TokenType::AtJwt),
            ("JWT", TokenType::Jwt),
            ("absent", TokenType::Absent),
            ("any", TokenType::Any),
        ],
        problems,
    );
    choose(
        fields,
        "scope",
        &mut settings.scope,
        &[
            ("scope-text", ScopeClaim::ScopeText),
            ("scp-text", ScopeClaim::ScpText),
            ("scp-list", ScopeClaim::ScpList),
        ],
        problems,
    );
    choose(
        fields,
        "kind",
        &mut settings.kind,
        &[
            ("standard", KindRule::Standard),
            ("entra", KindRule::Entra),
            ("okta", KindRule::Okta),
        ],
        problems,
    );
    let claim = fields
        .optional("kind_claim")
        .and_then(|node| node.string(problems));
    if let Some(claim) = claim {
        settings.kind = KindRule::Claim(claim.to_owned());
    }
}

fn text(
    fields: &mut Fields<'_>,
    name: &'static str,
    setting: &mut String,
    problems: &mut Problems,
) {
    let value = fields.optional(name).and_then(|node| node.string(problems));
    if let Some(value) = value {
        value.clone_into(setting);
    }
}

/// One of a few words.
fn choose<T: Clone>(
    fields: &mut Fields<'_>,
    name: &'static str,
    setting: &mut T,
    choices: &[(&str, T)],
    problems: &mut Problems,
) {
    let Some(node) = fields.optional(name) else {
        return;
    };
    let Some(word) = node.string(problems) else {
        return;
    };
    match choices.iter().find(|(known, _)| *known == word) {
        Some((_, value)) => *setting = value.clone(),
        None => {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            let message = format!(
                "`{}` is not one of `{}`",
                word.escape_debug(),
                words.join("`, `")
            );
            node.problem(message, problems);
        }
    }
}

/// A string, or an array of them.
fn one_or_more(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    match node.value.is_array() {
        true => node.strings(problems),
        false => Some(vec![node.string(problems)?.to_owned()]),
    }
}

fn discovery_address(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let address = node.string(problems)?;
    if reqwest::Url::parse(address).is_err() {
        node.problem(
            "not an address, use one that begins with https://",
            problems,
        );
    }
    Some(address.to_owned())
}

/// The rules speak of `audiences`, the file of `audience`.
fn in_our_words(problem: Problem, prefix: &str) -> Problem {
    let pointer = problem.pointer.replacen("/audiences", "/audience", 1);
    Problem { pointer, ..problem }.under(prefix)
}
