use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::manifest::Manifest;
use crate::role::Role;

fn needs(value: Value) -> Capabilities {
    Manifest::from_json(&value).unwrap().needs().clone()
}

fn grants(value: Value) -> Capabilities {
    Role::parse(&value).unwrap().grants().clone()
}

#[track_caller]
fn check(needs_value: Value, grants_value: Value, expected: &[&str]) -> Vec<Problem> {
    let problems = needs_within(&needs(needs_value), &grants(grants_value));
    let pointers: Vec<_> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(pointers, expected, "{problems:?}");
    problems
}

fn http(origins: &[&str], methods: &[&str], paths: &[&str]) -> Value {
    json!({"origins": origins, "methods": methods, "paths": paths})
}

fn with_reason(mut entry: Value) -> Value {
    entry["reason"] = "because".into();
    entry
}

fn need_http(origins: &[&str], methods: &[&str], paths: &[&str]) -> Value {
    json!({"http": [with_reason(http(origins, methods, paths))]})
}

#[test]
fn nothing_is_granted_by_default() {
    let nothing = Capabilities::default();
    assert_eq!(nothing.to_json(), json!({}));
    let origin = Origin::parse("https://a").unwrap();
    assert_eq!(
        nothing.http_request("GET", &origin, "/").unwrap_err().rule,
        "http.not-granted"
    );
}

#[test]
fn every_combination_must_be_inside_one_entry() {
    let granted = json!({"http": [
        http(&["https://a"], &["GET"], &["/v1/**"]),
        http(&["https://*.b"], &["POST"], &["/orders"]),
    ]});
    check(
        need_http(&["https://a"], &["GET"], &["/v1/orders/*", "/v1"]),
        granted.clone(),
        &[],
    );
    check(
        need_http(&["https://x.b"], &["POST"], &["/orders"]),
        granted.clone(),
        &[],
    );
    check(
        need_http(&["https://c"], &["GET"], &["/v1"]),
        granted.clone(),
        &["/http/0/origins/0"],
    );
    check(
        need_http(&["https://a"], &["POST"], &["/v1"]),
        granted.clone(),
        &["/http/0/methods/0"],
    );
    check(
        need_http(&["https://a"], &["GET"], &["/v1", "/orders"]),
        granted.clone(),
        &["/http/0/paths/1"],
    );
    let problems = check(
        need_http(
            &["https://a", "https://c", "https://*.b"],
            &["GET", "POST"],
            &["/v1"],
        ),
        granted.clone(),
        &[
            "/http/0/methods/1",
            "/http/0/origins/1",
            "/http/0/methods/0",
            "/http/0/paths/0",
        ],
    );
    assert!(
        problems[0].message.contains("`POST` for `https://a`"),
        "{}",
        problems[0]
    );
    check(
        need_http(&["https://a"], &["GET"], &["/v1"]),
        json!({}),
        &["/http/0/origins/0"],
    );
}

#[test]
fn private_addresses_must_be_granted_for_the_same_requests() {
    let entry = |private: bool| {
        let mut entry = with_reason(http(&["https://a"], &["GET"], &["/"]));
        entry["private_addresses"] = private.into();
        json!({"http": [entry]})
    };
    let role = |private: bool| {
        let mut entry = http(&["https://a"], &["GET"], &["/"]);
        entry["private_addresses"] = private.into();
        json!({"http": [entry]})
    };
    check(entry(true), role(true), &[]);
    check(entry(false), role(true), &[]);
    check(entry(true), role(false), &["/http/0/private_addresses"]);
}

#[test]
fn volumes_must_be_granted_at_the_same_mount_with_the_access_needed() {
    let need = |volume: &str, mount: &str, access: &str| json!({"filesystem": [{"volume": volume, "mount": mount, "access": access, "reason": "x"}]});
    let role = |access: &str| json!({"filesystem": [{"volume": "invoices", "mount": "/in", "access": access}]});
    check(need("invoices", "/in", "read"), role("read"), &[]);
    check(need("invoices", "/in", "read"), role("read-write"), &[]);
    check(
        need("invoices", "/in", "read-write"),
        role("read"),
        &["/filesystem/0/access"],
    );
    check(
        need("invoices", "/other", "read"),
        role("read"),
        &["/filesystem/0/mount"],
    );
    check(
        need("others", "/in", "read"),
        role("read"),
        &["/filesystem/0/volume"],
    );
}

#[test]
fn mounts_are_absolute_normal_and_unique() {
    let parse = |mount: &str| {
        Role::parse(&json!({"filesystem": [{"volume": "v", "mount": mount, "access": "read"}]}))
            .map(|_| ())
    };
    for mount in ["/", "/a", "/a/b c", "/ä"] {
        assert_eq!(parse(mount), Ok(()), "{mount}");
    }
    for mount in [
        "", "a", "./a", "/a/", "//", "/a//b", "/a/./b", "/..", "/a/../b", "/a\\b", "/c:", "/a\0",
        "/a\n",
    ] {
        assert!(parse(mount).is_err(), "{mount:?}");
    }
    let entry = json!({"volume": "v", "mount": "/a", "access": "read"});
    let problems = Role::parse(&json!({"filesystem": [entry, entry]})).unwrap_err();
    assert_eq!(problems[0].pointer, "/filesystem/1/mount");
}

#[test]
fn more_than_a_limit_of_the_role_or_its_default_is_a_problem() {
    check(
        json!({"limits": {"memory": "64MiB", "time": "30s"}}),
        json!({}),
        &[],
    );
    check(
        json!({"limits": {"memory": "65MiB"}}),
        json!({}),
        &["/limits/memory"],
    );
    check(
        json!({"limits": {"memory": "65MiB"}}),
        json!({"limits": {"memory": "1GiB"}}),
        &[],
    );
    check(json!({}), json!({"limits": {"memory": "1MiB"}}), &[]);
    check(
        json!({"limits": {"cpu": "6s", "output": "1MiB", "logs": "1MiB", "http_requests": 101, "concurrency": 17}}),
        json!({}),
        &[
            "/limits/cpu",
            "/limits/output",
            "/limits/logs",
            "/limits/http_requests",
            "/limits/concurrency",
        ],
    );
}

#[test]
fn limits_that_cannot_be_are_refused() {
    for (name, value) in [
        ("memory", json!("0B")),
        ("memory", json!("5GiB")),
        ("memory", json!(-1)),
        ("memory", json!(1.5)),
        ("memory", json!(u64::MAX)),
        ("time", json!(30)),
        ("time", json!("25h")),
        ("concurrency", json!(0)),
        ("concurrency", json!("16")),
        ("http_requests", json!("1KiB")),
        ("http_requests", Value::Null),
    ] {
        let problems = Role::parse(&json!({"limits": {name: value}})).unwrap_err();
        assert_eq!(problems[0].pointer, format!("/limits/{name}"));
    }
}

#[test]
fn configuration_is_by_key_and_the_role_has_the_values() {
    let need = json!({"config": {"region": "which region", "tier": {"reason": "which tier"}}});
    check(
        need.clone(),
        json!({"config": {"region": "eu"}}),
        &["/config/tier"],
    );
    let role = json!({"config": {"region": "eu", "tier": "1", "secret": "s"}});
    check(need.clone(), role.clone(), &[]);
    let effective = effective(&needs(need), &grants(role));
    assert_eq!(effective.config.value("region"), Some("eu"));
    assert_eq!(effective.config.value("secret"), None);
}

#[test]
fn ambient_switches_must_be_granted() {
    check(
        json!({"ambient": {"clock": true, "reason": "dates"}}),
        json!({"ambient": {"clock": true}}),
        &[],
    );
    check(
        json!({"ambient": {"clock": true, "random": true, "caller": true}}),
        json!({"ambient": {"clock": true}}),
        &["/ambient/random", "/ambient/caller"],
    );
}

#[test]
fn a_need_that_is_only_partly_granted_is_left_out_whole() {
    let both = need_http(&["https://a", "https://b"], &["GET"], &["/"]);
    let effective = effective(
        &needs(both),
        &grants(json!({"http": [http(&["https://a"], &["GET"], &["/"])]})),
    );
    assert!(effective.http.is_empty());
}

#[test]
fn a_request_is_decided_on_origin_method_and_path() {
    let allowed = needs(need_http(
        &["https://orders.internal:8443"],
        &["POST"],
        &["/v1/orders/*"],
    ));
    let decide = |method: &str, origin: &str, path: &str| {
        allowed
            .http_request(method, &Origin::parse(origin).unwrap(), path)
            .map_err(|refused| refused.rule)
    };
    let evidence = decide(
        "POST",
        "https://orders.internal:8443",
        "/v1/orders/7?x=/../",
    )
    .unwrap();
    assert_eq!(
        (evidence.rule(), evidence.private_addresses()),
        ("http/0", false)
    );
    for (method, origin, path, rule) in [
        (
            "POST",
            "https://orders.internal",
            "/v1/orders/7",
            "http.origin",
        ),
        (
            "POST",
            "http://orders.internal:8443",
            "/v1/orders/7",
            "http.origin",
        ),
        (
            "GET",
            "https://orders.internal:8443",
            "/v1/orders/7",
            "http.method",
        ),
        (
            "post",
            "https://orders.internal:8443",
            "/v1/orders/7",
            "http.method",
        ),
        (
            "CONNECT",
            "https://orders.internal:8443",
            "/v1/orders/7",
            "http.method",
        ),
        (
            "POST",
            "https://orders.internal:8443",
            "/v1/admin",
            "http.path",
        ),
        (
            "POST",
            "https://orders.internal:8443",
            "/v1/orders/../admin",
            "http.path-ambiguous",
        ),
        (
            "POST",
            "https://orders.internal:8443",
            "/v1/orders/%2e%2e",
            "http.path-ambiguous",
        ),
        (
            "POST",
            "https://orders.internal:8443",
            "/v1/orders/a%2Fb",
            "http.path-ambiguous",
        ),
        (
            "POST",
            "https://orders.internal:8443",
            "//v1/orders/7",
            "http.path-ambiguous",
        ),
        (
            "POST",
            "https://orders.internal:8443",
            "/v1\\orders/7",
            "http.path-ambiguous",
        ),
    ] {
        assert_eq!(
            decide(method, origin, path),
            Err(rule),
            "{method} {origin}{path}"
        );
    }
}

#[test]
fn connect_and_wildcard_methods_cannot_be_granted() {
    for method in ["CONNECT", "*", "get", "", "A B", "1GET"] {
        let role = json!({"http": [http(&["https://a"], &[method], &["/"])]});
        assert_eq!(
            Role::parse(&role).unwrap_err()[0].pointer,
            "/http/0/methods/0",
            "{method}"
        );
    }
}

#[test]
fn documents_are_bounded() {
    let entry = http(&["https://a"], &["GET"], &["/"]);
    let problems = Role::parse(&json!({"http": vec![entry; 33]})).unwrap_err();
    assert_eq!(problems[0].pointer, "/http");
    let paths: Vec<_> = (0..32).map(|number| format!("/{number}")).collect();
    let entry = json!({"origins": ["https://a"], "methods": ["GET"], "paths": paths});
    assert!(Role::parse(&json!({"http": vec![entry.clone(); 4]})).is_ok());
    assert_eq!(
        Role::parse(&json!({"http": vec![entry; 5]})).unwrap_err()[0].pointer,
        "/http"
    );
    let origins: Vec<_> = (0..33).map(|number| format!("https://h{number}")).collect();
    let entry = json!({"origins": origins, "methods": ["GET"], "paths": ["/"]});
    assert_eq!(
        Role::parse(&json!({"http": [entry]})).unwrap_err()[0].pointer,
        "/http/0/origins"
    );
}

fn any_http() -> impl Strategy<Value = Value> {
    let origin = prop::sample::select(vec![
        "https://a.x",
        "https://*.x",
        "https://b.x",
        "http://a.x",
        "https://a.x:8443",
    ]);
    let method = prop::sample::select(vec!["GET", "POST"]);
    let path = prop::sample::select(vec![
        "/", "/a", "/a/*", "/a/**", "/**", "/*/b", "/a/b", "/a/", "/**/b",
    ]);
    let some = 1..3;
    (
        prop::collection::btree_set(origin, some.clone()),
        prop::collection::btree_set(method, some.clone()),
        prop::collection::btree_set(path, some),
        any::<bool>(),
    )
        .prop_map(|(origins, methods, paths, private)| {
            json!({"origins": origins, "methods": methods, "paths": paths, "private_addresses": private})
        })
}

fn any_capabilities() -> impl Strategy<Value = Value> {
    let volume = (
        prop::sample::select(vec!["v", "w"]),
        prop::sample::select(vec!["/a", "/b"]),
        any::<bool>(),
    );
    (
        prop::collection::vec(any_http(), 0..4),
        prop::option::of(volume),
        prop::collection::btree_map(prop::sample::select(vec!["k", "l"]), "[a-z]{1,3}", 0..3),
        prop::option::of(1_u64..200),
        prop::option::of(1_u64..200),
        any::<[bool; 3]>(),
    )
        .prop_map(|(http, volume, config, memory, requests, [clock, random, caller])| {
            let mut value = json!({
                "http": http, "config": config, "ambient": {"clock": clock, "random": random, "caller": caller},
                "limits": {},
            });
            if let Some((volume, mount, is_write)) = volume {
                let access = if is_write { "read-write" } else { "read" };
                value["filesystem"] = json!([{"volume": volume, "mount": mount, "access": access}]);
            }
            if let Some(memory) = memory {
                value["limits"]["memory"] = format!("{memory}MiB").into();
            }
            if let Some(requests) = requests {
                value["limits"]["http_requests"] = requests.into();
            }
            value
        })
}

fn as_manifest(mut value: Value) -> Value {
    for kind in ["http", "filesystem"] {
        for entry in value
            .get_mut(kind)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            entry["reason"] = "because".into();
        }
    }
    value
}

/// Every request over a few origins, methods and paths, with what `capabilities` says to each.
fn every_decision(capabilities: &Capabilities) -> Vec<(String, Option<bool>)> {
    let mut decisions = Vec::new();
    for origin in [
        "https://a.x",
        "https://b.x",
        "https://c.x",
        "http://a.x",
        "https://a.x:8443",
        "https://d.a.x",
    ] {
        for method in ["GET", "POST", "PUT"] {
            for path in [
                "/", "/a", "/a/", "/a/b", "/a/b/c", "/c/b", "/c", "/c/d/b", "/a/c",
            ] {
                let asked =
                    capabilities.http_request(method, &Origin::parse(origin).unwrap(), path);
                decisions.push((
                    format!("{method} {origin}{path}"),
                    asked.ok().map(|allowed| allowed.private_addresses()),
                ));
            }
        }
    }
    decisions
}

/// Whether `inner` allows only what `outer` allows.
fn never_exceeds(inner: &Capabilities, outer: &Capabilities) -> Result<(), String> {
    for ((request, inner), (_, outer)) in
        every_decision(inner).into_iter().zip(every_decision(outer))
    {
        if inner.is_some() && (outer.is_none() || inner > outer) {
            return Err(request);
        }
    }
    for volume in &inner.filesystem {
        let is_granted = |grant: &&Filesystem| {
            grant.volume() == volume.volume() && grant.access() >= volume.access()
        };
        if !outer.filesystem.iter().any(|grant| is_granted(&grant)) {
            return Err(volume.volume().to_string());
        }
    }
    let keys = inner
        .config
        .iter()
        .find(|(key, _)| outer.config.value(key).is_none());
    let limits = Limit::ALL
        .into_iter()
        .find(|limit| inner.limits.stated(*limit) > Some(outer.limits.of(*limit)));
    let ambient = inner
        .ambient
        .switches()
        .into_iter()
        .zip(outer.ambient.switches())
        .find(|(inner, outer)| inner.1 && !outer.1);
    match (keys, limits, ambient) {
        (None, None, None) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

proptest! {
    #[test]
    fn whatever_a_need_within_a_grant_allows_the_grant_allows(need in any_capabilities(), grant in any_capabilities()) {
        let (need, grant) = (needs(as_manifest(need)), grants(grant));
        if needs_within(&need, &grant).is_empty() {
            prop_assert_eq!(never_exceeds(&need, &grant), Ok(()));
        }
        prop_assert_eq!(needs_within(&need, &need), []);
        prop_assert_eq!(needs_within(&grant, &grant), []);
    }

    #[test]
    fn what_is_effective_never_exceeds_either_side(need in any_capabilities(), grant in any_capabilities()) {
        let (need, grant) = (needs(as_manifest(need)), grants(grant));
        let effective = effective(&need, &grant);
        prop_assert_eq!(never_exceeds(&effective, &grant), Ok(()));
        prop_assert_eq!(needs_within(&effective, &grant), []);
        for limit in Limit::ALL {
            prop_assert!(need.limits.stated(limit).is_none_or(|needed| effective.limits.of(limit) <= needed));
        }
        let mut unlimited = need.clone();
        unlimited.limits = effective.limits.clone();
        prop_assert_eq!(never_exceeds(&effective, &unlimited), Ok(()));
    }

    #[test]
    fn documents_read_back_from_their_json(value in any_capabilities()) {
        let role = Role::parse(&value).unwrap();
        prop_assert_eq!(Role::parse(&role.to_json()), Ok(role));
        let manifest = Manifest::from_json(&as_manifest(value)).unwrap();
        prop_assert_eq!(Manifest::from_json(&manifest.to_json()), Ok(manifest));
    }

    #[test]
    fn reading_never_panics(value in any_json(), text in "(?s).{0,200}") {
        let _ = Manifest::parse(&text);
        let _ = Manifest::from_json(&value);
        let _ = Role::parse(&value);
        let _ = OriginPattern::parse(&text);
    }
}

/// Documents with the vocabulary's member names and anything at all in them.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(?s).{0,12}".prop_map(Value::from),
        "https?://[a-z*.\\[\\]:0-9]{0,12}".prop_map(Value::from),
        "/[a-z*%/.]{0,12}".prop_map(Value::from),
        "[0-9]{1,22}(MiB|GiB|h|ms)".prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "http",
        "origins",
        "methods",
        "paths",
        "filesystem",
        "volume",
        "mount",
        "access",
        "config",
        "limits",
        "memory",
        "time",
        "ambient",
        "clock",
        "reason",
        "inject",
        "name",
        "sql",
        "a/b~c",
    ]);
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..6).prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}
