//! What a configuration may say, and what is reported when it is wrong.

use engine::{MachineNames, MachineRule};

use super::*;

fn sources(mode: Mode, file: Option<PathBuf>, variables: &[(&str, &str)]) -> Sources {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Sources {
        mode,
        file,
        environment: variables.iter().map(owned).collect(),
        listen: None,
        data: None,
        mock_config: None,
    }
}

fn load(mode: Mode, text: &str, variables: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sluice.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(&sources(mode, Some(path), variables))
}

/// Checks that exactly these pointers are reported.
fn refused(mode: Mode, text: &str, pointers: &[&str]) {
    let problems = load(mode, text, &[]).unwrap_err();
    let mut found: Vec<_> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    found.sort_unstable();
    let mut expected = pointers.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected, "{problems:?}");
}

const STORE: &str = "[store]\npath = \"data\"\n";

#[test]
fn a_laptop_needs_no_configuration() {
    let config = Config::load(&sources(Mode::Development, None, &[])).unwrap();
    assert!(config.server.listen.ip().is_loopback());
    assert_eq!(config.store.path, Path::new(".sluice"));
    assert_eq!(config.aws.account, "000000000000");
    assert_eq!(
        config.policy.policies.digest(),
        auth::policy::Policies::development().digest()
    );
}

#[test]
fn a_server_without_policy_or_providers_lets_nobody_in() {
    let config = load(Mode::Serve, STORE, &[]).unwrap();
    assert!(config.identity.oidc.is_empty());
    assert!(!config.policy.is_configured);
    assert_eq!(
        config.policy.policies.digest(),
        auth::policy::Policies::none().digest()
    );
    refused(Mode::Serve, "", &["/store"]);
}

#[test]
fn every_problem_is_reported_together() {
    let text = r#"
        [server]
        listen = "nowhere"
        drain_ms = -1
        port = 80
        [store]
        path = ""
        [[identity.oidc]]
        issuer = "http://idp.example"
        audience = ["api://sluice", 7]
        [[identity.oidc]]
        audience = "x"
        kind = "robot"
        [policy]
        files = ["nothing/*.cedar"]
        [aws]
        account = "12"
        region = "US EAST"
        [volumes]
        invoices = "/does/not/exist"
        [databases]
        ledger = "postgres://x"
        [limits]
        input_bytes_max = 0
        [sever]
    "#;
    refused(
        Mode::Serve,
        text,
        &[
            "/server/listen",
            "/server/drain_ms",
            "/server/port",
            "/store/path",
            "/identity/oidc/0/audience/1",
            "/identity/oidc/1",
            "/identity/oidc/1/kind",
            "/policy/files/0",
            "/aws/account",
            "/aws/region",
            "/volumes/invoices",
            "/databases/ledger",
            "/limits/input_bytes_max",
            "/sever",
        ],
    );
}

#[test]
fn state_machines_have_limits_of_their_own() {
    let limits = |text: &str| format!("{STORE}[limits]\n{text}\n");
    let good = limits("state_machine_attempts_max = 8\nstate_machine_attempts = { orders = 2 }");
    let config = load(Mode::Serve, &good, &[]).unwrap();
    assert_eq!(config.limits.sharing.state_machine_attempts_max, Some(8));
    let orders = Name::parse("orders").unwrap();
    assert_eq!(
        config.limits.sharing.state_machine_attempts.get(&orders),
        Some(&2)
    );
    let bad =
        limits("state_machine_attempts_max = 0\nstate_machine_attempts = { \"a b\" = 1, c = 0 }");
    refused(
        Mode::Serve,
        &bad,
        &[
            "/limits/state_machine_attempts_max",
            "/limits/state_machine_attempts/a b",
            "/limits/state_machine_attempts/c",
        ],
    );
}

#[test]
fn a_share_is_of_a_hundred() {
    let limits = |text: &str| format!("{STORE}[limits]\n{text}\n");
    let good = limits("principal_share_percent = 100\ncommits_waiting_max = 1");
    let sharing = load(Mode::Serve, &good, &[]).unwrap().limits.sharing;
    assert_eq!(
        (sharing.principal_share_percent, sharing.commits_waiting_max),
        (100, 1)
    );
    assert_eq!(
        (sharing.attempts_waiting_max, sharing.workers_waiting_max),
        (100_000, 1_000)
    );
    refused(
        Mode::Serve,
        &limits(
            "principal_share_percent = 101\nattempts_waiting_max = 0\nworkers_waiting_max = -1",
        ),
        &[
            "/limits/principal_share_percent",
            "/limits/attempts_waiting_max",
            "/limits/workers_waiting_max",
        ],
    );
}

#[test]
fn issuers_are_held_to_their_rules() {
    let issuer = |entry: &str| format!("{STORE}[[identity.oidc]]\naudience = \"a\"\n{entry}\n");
    let good = issuer("issuer = \"https://idp.example\"");
    let config = load(Mode::Serve, &good, &[]).unwrap();
    assert_eq!(config.identity.oidc.len(), 1);
    refused(
        Mode::Serve,
        &issuer("issuer = \"http://idp.example\""),
        &["/identity/oidc/0/issuer"],
    );
    let secret = issuer("issuer = \"https://idp.example\"\nalgorithms = [\"HS256\"]");
    refused(Mode::Serve, &secret, &["/identity/oidc/0/algorithms/0"]);
    let twice =
        format!("{good}[[identity.oidc]]\naudience = \"b\"\nissuer = \"https://idp.example\"\n");
    refused(Mode::Serve, &twice, &["/identity/oidc/1"]);
}

#[test]
fn only_the_laptop_is_kept_on_loopback() {
    let open = "[server]\nlisten = \"0.0.0.0:80\"\n";
    refused(Mode::Development, open, &["/server/listen"]);
    assert!(load(Mode::Serve, &format!("{open}{STORE}"), &[]).is_ok());
}

#[test]
fn a_variable_wins_and_is_named_when_it_is_wrong() {
    let text = format!("[server]\nlisten = \"127.0.0.1:1\"\n{STORE}");
    let listen = |value| [("SLUICE__SERVER__LISTEN", value)];
    for mode in [Mode::Serve, Mode::Development] {
        let config = load(mode, &text, &listen("127.0.0.1:2")).unwrap();
        assert_eq!(config.server.listen.port(), 2);
    }
    let problems = load(Mode::Serve, &text, &listen("x")).unwrap_err();
    assert!(
        problems[0]
            .message
            .contains("set by `SLUICE__SERVER__LISTEN`"),
        "{problems:?}"
    );
    let unknown = [("SLUICE__SEVER__LISTEN", "x")];
    assert_eq!(
        load(Mode::Serve, &text, &unknown).unwrap_err()[0].pointer,
        "/sever"
    );
}

#[test]
fn flags_pass_the_same_checks_and_win_over_everything() {
    let mut given = sources(
        Mode::Development,
        None,
        &[("SLUICE__SERVER__LISTEN", "127.0.0.1:1")],
    );
    given.listen = Some("127.0.0.1:0".to_owned());
    given.data = Some(PathBuf::from("elsewhere"));
    let config = Config::load(&given).unwrap();
    assert_eq!(config.server.listen.port(), 0);
    assert!(config.store.path.is_absolute() && config.store.path.ends_with("elsewhere"));
    given.listen = Some("192.0.2.1:0".to_owned());
    assert_eq!(
        Config::load(&given).unwrap_err()[0].pointer,
        "/server/listen"
    );
}

#[test]
fn paths_begin_in_the_files_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("invoices")).unwrap();
    let path = folder.path().join("sluice.toml");
    std::fs::write(
        &path,
        format!("{STORE}[volumes]\ninvoices = \"invoices\"\n"),
    )
    .unwrap();
    let config = Config::load(&sources(Mode::Serve, Some(path), &[])).unwrap();
    assert_eq!(config.store.path, folder.path().join("data"));
    let volume = config.volumes.values().next().unwrap();
    assert_eq!(volume, &folder.path().join("invoices"));
}

#[test]
fn policy_files_are_read_and_their_problems_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sluice.toml");
    std::fs::write(&path, format!("{STORE}[policy]\nfiles = [\"*.cedar\"]\n")).unwrap();
    let policy = folder.path().join("a.cedar");
    let given = sources(Mode::Serve, Some(path), &[]);
    std::fs::write(
        &policy,
        "permit (principal, action == Action::\"ReadAudit\", resource);",
    )
    .unwrap();
    assert!(Config::load(&given).unwrap().policy.is_configured);
    std::fs::write(&policy, "permit (").unwrap();
    let problems = Config::load(&given).unwrap_err();
    assert!(
        problems[0].pointer.starts_with("/policy/files"),
        "{problems:?}"
    );
}

#[test]
fn a_file_that_is_not_toml_is_one_problem_with_its_line() {
    let problems = load(Mode::Serve, "[server]\nlisten = = 1\n", &[]).unwrap_err();
    assert!(problems[0].message.contains("line 2"), "{problems:?}");
    let missing = sources(
        Mode::Serve,
        Some(PathBuf::from("/does/not/exist.toml")),
        &[],
    );
    assert!(
        Config::load(&missing).unwrap_err()[0]
            .message
            .contains("cannot be read")
    );
}

#[test]
fn the_commented_file_is_a_configuration_of_all_defaults() {
    let commented = load(Mode::Serve, COMMENTED, &[]).unwrap();
    let plain = "[store]\npath = \"/var/lib/sluice\"\n";
    let plain = load(Mode::Serve, plain, &[]).unwrap();
    let shown = |config: &Config| {
        let Config {
            server,
            store,
            aws,
            trust,
            volumes,
            limits,
            telemetry,
            ..
        } = config;
        format!("{server:?} {store:?} {aws:?} {trust:?} {volumes:?} {limits:?} {telemetry:?}")
    };
    assert_eq!(shown(&commented), shown(&plain));
}

/// The commented file with its examples of settings switched on.
fn with_examples() -> Value {
    let is_setting = |line: &str| {
        let bare = line.trim_start_matches("# ");
        let name = bare.split(" = ").next().unwrap_or_default();
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        bare.starts_with("[[") || (bare.contains(" = ") && is_name)
    };
    let lines = COMMENTED.lines().map(|line| match is_setting(line) {
        true => line.trim_start_matches("# "),
        false => line,
    });
    parse_toml(&lines.collect::<Vec<_>>().join("\n")).unwrap()
}

#[test]
fn the_commented_file_shows_every_setting() {
    let mut document = with_examples();
    document["databases"] = serde_json::json!({});
    document["volumes"] = serde_json::json!({});
    let mut problems = Problems::default();
    let surroundings = Surroundings {
        mode: Mode::Serve,
        base: Path::new(""),
    };
    Config::from_document(&document, &surroundings, &mut problems);
    let unknown = |problem: &Problem| problem.message.starts_with("unknown");
    assert!(
        !problems.clone().into_vec().iter().any(unknown),
        "{problems:?}"
    );

    // Unknown members are answered with all that are known, which the file must then show.
    for (pointer, value) in [
        ("", &mut document.clone()),
        ("/server", &mut document["server"].clone()),
        ("/limits", &mut document["limits"].clone()),
        ("/telemetry", &mut document["telemetry"].clone()),
        (
            "/identity/oidc/0",
            &mut document["identity"]["oidc"][0].clone(),
        ),
    ] {
        let mut changed = document.clone();
        *changed.pointer_mut(pointer).unwrap() = value.clone();
        changed.pointer_mut(pointer).unwrap()["nobody-asked"] = 1.into();
        let mut problems = Problems::default();
        Config::from_document(&changed, &surroundings, &mut problems);
        let problems = problems.into_vec();
        let known = problems
            .iter()
            .find(|p| p.pointer.ends_with("/nobody-asked"))
            .unwrap();
        let names = known.message.split('`').skip(1).step_by(2);
        for name in names {
            assert!(
                value.get(name).is_some(),
                "{pointer}/{name} is not in the commented file"
            );
        }
    }
}

#[test]
fn variables_are_read_as_the_types_of_the_commented_file() {
    let document = with_examples();
    let mut leaves = Vec::new();
    collect("", &document, &mut leaves);
    for (pointer, value) in leaves {
        let variable = format!("SLUICE__{}", pointer[1..].replace('/', "__").to_uppercase());
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let mut changed = document.clone();
        let mut problems = Problems::default();
        environment::apply(&mut changed, &[(variable, text)], &mut problems);
        assert_eq!(changed.pointer(&pointer), Some(value), "{pointer}");
    }
}

fn collect<'a>(pointer: &str, value: &'a Value, leaves: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                collect(&format!("{pointer}/{name}"), value, leaves);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, value) in items.iter().enumerate() {
                collect(&format!("{pointer}/{index}"), value, leaves);
            }
        }
        leaf => leaves.push((pointer.to_owned(), leaf)),
    }
}

#[test]
fn everything_is_kept_unless_a_rule_says_otherwise() {
    let rules = |text: &str| {
        let text = format!("{STORE}{text}");
        load(Mode::Serve, &text, &[]).unwrap().retention
    };
    assert_eq!(rules(""), RetentionRules::default());
    assert_eq!(
        rules("[retention]\nexecutions_days = 0\n"),
        RetentionRules::default()
    );
    let all = "[retention]\nexecutions_days = 90\nexecutions_max = 1000\naudit_days = 365\n";
    let expected = RetentionRules {
        executions_days: Some(90),
        executions_max: Some(1000),
        audit_days: Some(365),
        state_machines: Vec::new(),
    };
    assert_eq!(rules(all), expected);
    let wrong = "[retention]\nexecutions_days = 40000\naudit_days = -1\nexecutions = 1\n";
    refused(
        Mode::Serve,
        &format!("{STORE}{wrong}"),
        &[
            "/retention/executions_days",
            "/retention/audit_days",
            "/retention/executions",
        ],
    );
}

#[test]
fn state_machines_may_have_retention_of_their_own() {
    let own = "[[retention.state_machines]]\nname = \"nightly-*\"\nexecutions_days = 7\n\
        [[retention.state_machines]]\nname = \"orders\"\nexecutions_max = 10\n";
    let rules = load(Mode::Serve, &format!("{STORE}{own}"), &[])
        .unwrap()
        .retention;
    let rule = |names, executions_days, executions_max| MachineRule {
        names: MachineNames::parse(names).unwrap(),
        executions_days,
        executions_max,
    };
    let expected = vec![
        rule("nightly-*", Some(7), None),
        rule("orders", None, Some(10)),
    ];
    assert_eq!(rules.state_machines, expected);
    assert_eq!((rules.executions_days, rules.executions_max), (None, None));
    for (wrong, pointer) in [
        ("executions_days = 7", "/retention/state_machines/0"),
        ("name = \"*\"", "/retention/state_machines/0/name"),
        ("name = \"a b\"", "/retention/state_machines/0/name"),
        (
            "name = \"a\"\nexecutions_days = -1",
            "/retention/state_machines/0/executions_days",
        ),
        (
            "name = \"a\"\naudit_days = 1",
            "/retention/state_machines/0/audit_days",
        ),
        (
            "name = \"a\"\n[[retention.state_machines]]\nname = \"a\"",
            "/retention/state_machines/1/name",
        ),
    ] {
        let text = format!("{STORE}[[retention.state_machines]]\n{wrong}\n");
        refused(Mode::Serve, &text, &[pointer]);
    }
}

#[test]
fn logs_have_a_format_and_a_filter_and_nothing_else() {
    let config = load(Mode::Serve, STORE, &[]).unwrap();
    assert_eq!(
        (config.logs.format, config.logs.filter.as_str()),
        (LogFormat::Auto, "info")
    );
    let text = format!("{STORE}[logs]\nformat = \"json\"\nfilter = \"warn,engine=debug\"\n");
    let config = load(Mode::Serve, &text, &[]).unwrap();
    assert_eq!(config.logs.format, LogFormat::Json);
    let text = format!("{STORE}[logs]\nformat = \"xml\"\nfilter = \"engine=loud\"\n");
    refused(Mode::Serve, &text, &["/logs/format", "/logs/filter"]);
    let text = format!("{STORE}[logs]\nfile = \"x\"\n");
    refused(Mode::Serve, &text, &["/logs/file"]);
}

#[test]
fn metrics_may_have_an_address_of_their_own() {
    let config = load(Mode::Serve, STORE, &[]).unwrap();
    assert_eq!(config.metrics.listen, None);
    let text = format!("{STORE}[metrics]\nlisten = \"127.0.0.1:9464\"\n");
    let config = load(Mode::Serve, &text, &[]).unwrap();
    assert_eq!(config.metrics.listen.unwrap().port(), 9464);
    let text = format!("{STORE}[metrics]\nlisten = \"here\"\n");
    refused(Mode::Serve, &text, &["/metrics/listen"]);
    let text = "[metrics]\nlisten = \"192.0.2.1:9464\"\n";
    refused(Mode::Development, text, &["/metrics/listen"]);
}
