//! Reading what is uploaded.

use bytes::Bytes;
use ports::{Exports, Inspection, Rejected, Runner as _};
use runtime::RuntimeConfig;

use crate::harness::{
    Bench, STEP_RUN, STEP_TYPES, answering, component, config, echo, guest, step,
};

async fn inspect(wasm: impl Into<Bytes>) -> Result<Inspection, Rejected> {
    Bench::new().runtime.inspect(wasm.into()).await
}

#[track_caller]
fn says(result: Result<Inspection, Rejected>, expected: &str) {
    let Err(Rejected::Invalid(problems)) = &result else {
        panic!("{result:?}")
    };
    assert!(
        problems.iter().any(|problem| problem.contains(expected)),
        "{problems:?}"
    );
}

#[tokio::test]
async fn a_step_is_read() {
    let read = inspect(echo()).await.unwrap();
    assert_eq!(read.imports, ["sluice:step/types@0.1.0"]);
    assert_eq!((read.exports, read.manifest), (Exports::Step, None));
}

#[tokio::test]
async fn a_command_is_read_with_the_manifest_of_its_core_module() {
    let read = inspect(guest("probe")).await.unwrap();
    assert_eq!(read.exports, Exports::Command);
    assert_eq!(read.manifest.as_deref(), Some("name = 'probe'"));
    let version = read
        .imports
        .iter()
        .find(|import| import.starts_with("wasi:io/streams@0.2."))
        .unwrap();
    assert!(
        auth::authority::imports_within(
            std::slice::from_ref(version),
            &auth::manifest::Manifest::none()
        )
        .is_empty()
    );
}

#[tokio::test]
async fn what_is_no_component_is_refused_with_a_reason() {
    says(inspect("").await, "empty");
    says(inspect("hello").await, "not WebAssembly");
    says(inspect("(component)").await, "WebAssembly text");
    says(
        inspect(wat::parse_str("(module)").unwrap()).await,
        "core module",
    );
    says(inspect(&b"\0asm"[..]).await, "truncated");
    says(inspect(component("")).await, "it exports nothing");
    let incoming = r#"(component $c (core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func (export "other") (canon lift (core func $i "f"))))"#;
    says(
        inspect(wat::parse_str(incoming).unwrap()).await,
        "it exports `other`",
    );
}

#[tokio::test]
async fn truncated_bytes_are_refused() {
    let bench = Bench::new();
    let wasm = echo();
    // What ends between two sections may be whole; anything else is malformed.
    for length in 0..wasm.len() {
        match bench
            .runtime
            .inspect(Bytes::copy_from_slice(&wasm[..length]))
            .await
        {
            Ok(read) => assert_eq!(read.exports, Exports::Step, "{length}"),
            Err(Rejected::Invalid(problems)) => assert!(!problems.is_empty(), "{length}"),
            Err(Rejected::Host(problem)) => panic!("{length}: {problem}"),
        }
    }
    says(inspect(wasm[..wasm.len() - 1].to_vec()).await, "at byte");
    says(
        inspect(wasm[..wasm.len() / 2].to_vec()).await,
        "malformed component at byte",
    );
}

#[tokio::test]
async fn damaged_bytes_never_do_more_than_fail() {
    let bench = Bench::new();
    let wasm = echo();
    for index in (0..wasm.len()).step_by(3) {
        let mut damaged = wasm.clone();
        damaged[index] ^= 0x55;
        let _ = bench.runtime.inspect(damaged.into()).await;
    }
}

#[tokio::test]
async fn too_many_bytes_are_refused_unread() {
    let bench = Bench::with(RuntimeConfig {
        upload_bytes_max: 1000,
        ..config()
    });
    says(
        bench.runtime.inspect(vec![0; 1001].into()).await,
        "1001 bytes, at most 1000",
    );
    let bench = Bench::with(RuntimeConfig {
        functions_max: 1,
        ..config()
    });
    says(
        bench.runtime.inspect(echo().into()).await,
        "more than 1 functions",
    );
}

#[tokio::test]
async fn the_imports_of_nested_components_do_not_count_and_unknown_ones_are_listed() {
    let nested = component(&format!(
        r#"{STEP_TYPES}
        (import "acme:thing/api@1.0.0" (instance))
        (component $inner (import "wasi:sockets/tcp@0.2.0" (instance)))
        (core module $m (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "run") (param i32) (result i32) unreachable))
        (core instance $i (instantiate $m)) {STEP_RUN}"#
    ));
    let read = inspect(nested).await.unwrap();
    assert_eq!(
        read.imports,
        ["acme:thing/api@1.0.0", "sluice:step/types@0.1.0"]
    );
}

#[tokio::test]
async fn a_run_of_another_type_is_refused_and_shown() {
    let other = component(
        r#"(core module $m (func (export "f") (result i32) unreachable)) (core instance $i (instantiate $m))
        (func (export "run") (result u32) (canon lift (core func $i "f")))"#,
    );
    says(inspect(other).await, "`func() -> u32`");
}

#[tokio::test]
async fn an_import_of_another_form_is_refused() {
    let other = component(&format!(
        r#"{STEP_TYPES}
        (import "wasi:random/random@0.2.0" (instance (export "get-random-u64" (func (result string)))))
        (core module $m (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "run") (param i32) (result i32) unreachable))
        (core instance $i (instantiate $m)) {STEP_RUN}"#
    ));
    says(inspect(other).await, "another form");
}

#[tokio::test]
async fn two_manifests_are_refused() {
    let twice = component(&format!(
        r#"{STEP_TYPES}
        (@custom "sluice:manifest" "a = 1")
        (core module $m (@custom "sluice:manifest" "b = 1") (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "run") (param i32) (result i32) unreachable))
        (core instance $i (instantiate $m)) {STEP_RUN}"#
    ));
    says(inspect(twice).await, "2 sections `sluice:manifest`");
}

#[tokio::test]
async fn deep_nesting_and_too_many_memories_are_refused() {
    let deep = format!(
        "(component {} {} )",
        "(component ".repeat(40),
        ")".repeat(40)
    );
    says(
        inspect(wat::parse_str(deep).unwrap()).await,
        "nested more than 16 deep",
    );
    let memories = component(&format!(
        r#"{STEP_TYPES}
        (core module $m (memory (export "memory") 1) {}
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "run") (param i32) (result i32) unreachable))
        (core instance $i (instantiate $m)) (core instance (instantiate $m)) {STEP_RUN}"#,
        "(memory 1)".repeat(4)
    ));
    says(
        inspect(memories).await,
        "exceeds the configured maximum of 8",
    );
}

#[tokio::test]
async fn memories_and_tables_of_64_bits_are_refused() {
    for field in ["(memory i64 1)", "(table i64 1 funcref)"] {
        says(
            inspect(component(&format!("(core module {field})"))).await,
            "malformed component",
        );
    }
}

#[tokio::test]
async fn a_function_too_long_to_compile_is_refused() {
    let long = |bytes: usize| {
        let code = "i64.const -9223372036854775808 drop ".repeat(bytes / 12 + 1);
        step(&format!("{} (func {code})", answering("")))
    };
    says(inspect(long(2 << 20)).await, "split it");
    inspect(long(1 << 10)).await.unwrap();
}
