use wasmparser::{ComponentTypeRef, Parser, Payload};

use super::*;

/// The interfaces that every compiler emits and that give no power until something is granted.
const POWERLESS: [&str; 5] = [
    "sluice:step/types@",
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:io/",
    "wasi:random/",
];

/// The imported interfaces of the outermost component, and every manifest anywhere in it.
fn read(wasm: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut imports, mut manifests, mut depth) = (Vec::new(), Vec::new(), 0);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(reader) if depth == 0 => {
                let all = reader.into_iter().map(Result::unwrap);
                let interfaces =
                    all.filter(|import| matches!(import.ty, ComponentTypeRef::Instance(_)));
                imports.extend(interfaces.map(|import| import.name.name.to_owned()));
            }
            Payload::CustomSection(section) if section.name() == "sluice:manifest" => {
                manifests.push(String::from_utf8(section.data().to_vec()).unwrap());
            }
            _ => {}
        }
    }
    (imports, manifests)
}

#[test]
fn every_example_builds_and_carries_its_manifest() {
    let guests = Guests::build().unwrap();
    let expected = [
        "check-policy",
        "fetch-manifest",
        "greedy",
        "hello",
        "notify",
        "record-release",
        "scan-licences",
        "verify-checksum",
    ];
    assert_eq!(guests.names().collect::<Vec<_>>(), expected);
    for name in expected {
        let (imports, manifests) = read(&guests.bytes(name).unwrap());
        let source = ["", "release-pipeline"]
            .map(|parent| folder().join(parent).join(name).join("manifest.toml"));
        let source = source.iter().find_map(|file| fs::read_to_string(file).ok());
        assert_eq!(manifests, source.into_iter().collect::<Vec<_>>(), "{name}");
        assert!(
            !imports
                .iter()
                .any(|import| import.starts_with("wasi:sockets")),
            "{name}: {imports:?}"
        );
    }
}

#[test]
fn a_step_without_a_manifest_imports_nothing_with_power() {
    let guests = Guests::build().unwrap();
    let (imports, _) = read(&guests.bytes("hello").unwrap());
    let is_powerless = |import: &String| POWERLESS.iter().any(|prefix| import.starts_with(prefix));
    assert!(
        !imports.is_empty() && imports.iter().all(is_powerless),
        "{imports:?}"
    );
}

#[test]
fn only_the_steps_that_call_out_import_http() {
    let guests = Guests::build().unwrap();
    for name in guests.names() {
        let (imports, _) = read(&guests.bytes(name).unwrap());
        let calls = imports
            .iter()
            .any(|import| import.starts_with("wasi:http/"));
        assert_eq!(
            calls,
            ["fetch-manifest", "notify"].contains(&name),
            "{name}: {imports:?}"
        );
    }
}

#[test]
fn an_unknown_example_is_refused_by_name() {
    let guests = Guests {
        components: BTreeMap::new(),
    };
    assert!(
        guests
            .path("absent")
            .unwrap_err()
            .to_string()
            .contains("`absent`")
    );
}

/// Each step of the pipeline with the role its Tasks name.
const PAIRS: [(&str, &str); 6] = [
    ("check-policy", "release-policy"),
    ("fetch-manifest", "release-fetcher"),
    ("notify", "release-notifier"),
    ("record-release", "release-recorder"),
    ("scan-licences", "release-inspector"),
    ("verify-checksum", "release-inspector"),
];

fn text(file: &str) -> String {
    fs::read_to_string(folder().join(file)).unwrap()
}

fn manifest(file: &str) -> auth::manifest::Manifest {
    auth::manifest::Manifest::parse(&text(file)).unwrap()
}

fn role(name: &str) -> auth::role::Role {
    let role = document::parse_toml(&text(&format!("release-pipeline/roles/{name}.toml"))).unwrap();
    auth::role::Role::parse(&role).unwrap()
}

#[test]
fn the_definitions_are_valid_and_without_warnings() {
    for file in [
        "release-pipeline/definition.asl.json",
        "greedy/definition.asl.json",
    ] {
        let definition = document::parse_json(text(file).as_bytes()).unwrap();
        let parsed = asl::StateMachine::parse(&definition).unwrap();
        assert_eq!(parsed.warnings, [], "{file}");
    }
}

#[test]
fn the_pipelines_tasks_run_exactly_the_listed_steps_under_the_listed_roles() {
    let definition =
        document::parse_json(text("release-pipeline/definition.asl.json").as_bytes()).unwrap();
    let machine = asl::StateMachine::parse(&definition).unwrap().machine;
    let mut pairs: Vec<_> = machine
        .tasks()
        .map(|(_, task)| {
            let asl::definition::Text::Fixed(role) = &task.credentials.as_ref().unwrap().role_arn
            else {
                panic!("the role is not fixed")
            };
            (task.resource.clone(), role.clone())
        })
        .collect();
    pairs.sort();
    pairs.dedup();
    let expected =
        PAIRS.map(|(step, role)| (format!("component:{step}@{VERSION}"), role.to_owned()));
    assert_eq!(pairs, expected);
}

#[test]
fn every_role_grants_what_its_steps_need_and_nothing_to_the_others() {
    for (step, own) in PAIRS {
        let needs = manifest(&format!("release-pipeline/{step}/manifest.toml"));
        for (_, name) in PAIRS {
            let problems = auth::capability::needs_within(needs.needs(), role(name).grants());
            assert_eq!(
                problems.is_empty(),
                name == own,
                "{step} under {name}: {problems:?}"
            );
        }
    }
}

#[test]
fn the_greedy_step_needs_more_than_its_role_grants() {
    let needs = manifest("greedy/manifest.toml");
    let problems =
        auth::capability::needs_within(needs.needs(), role("release-inspector").grants());
    assert!(problems.len() >= 2, "{problems:?}");
}
