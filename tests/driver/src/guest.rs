//! Small components, written so that a test knows exactly what they do.

/// Answers its input.
pub fn echo() -> Vec<u8> {
    step("", "", ECHO)
}

/// Another component of the same behaviour, told apart by `mark`.
pub fn echo_marked(mark: u32) -> Vec<u8> {
    step("", "", &format!("(drop (i32.const {mark})) {ECHO}"))
}

/// Answers its input, and asks for what `manifest` says.
pub fn echo_needing(manifest: &str) -> Vec<u8> {
    step("", manifest, ECHO)
}

/// Answers its input, and imports `interface`.
pub fn echo_importing(interface: &str) -> Vec<u8> {
    step(&format!("(import \"{interface}\" (instance))"), "", ECHO)
}

/// Runs until it is stopped in its first attempt; later ones answer their input.
pub fn endless_once() -> Vec<u8> {
    let manifest = "[limits]\ncpu = \"10m\"\ntime = \"10m\"\n";
    let once =
        "(if (i32.eq (i32.load offset=32 (local.get $args)) (i32.const 1)) (then (loop (br 0))))";
    step("", manifest, &format!("{once} {ECHO}"))
}

/// Counts for a second or so, then answers its idempotency key.
pub fn slow_and_idempotent() -> Vec<u8> {
    let manifest = "idempotent = true\n[limits]\ncpu = \"10m\"\ntime = \"10m\"\n";
    let key = r#"
        (i32.store8 (i32.const 4096) (i32.const 34))
        (memory.copy (i32.const 4097)
            (i32.load offset=36 (local.get $args)) (i32.load offset=40 (local.get $args)))
        (i32.store8
            (i32.add (i32.const 4097) (i32.load offset=40 (local.get $args))) (i32.const 34))
        (i32.store (i32.const 20) (i32.const 4096))
        (i32.store (i32.const 24) (i32.add (i32.const 2) (i32.load offset=40 (local.get $args))))"#;
    step("", manifest, &format!("{COUNT} {key}"))
}

/// Counts for a second or so, then answers its input.
pub fn slow() -> Vec<u8> {
    let manifest = "[limits]\ncpu = \"10m\"\ntime = \"10m\"\n";
    step("", manifest, &format!("{COUNT} {ECHO}"))
}

/// A program that exports only `wasi:cli/run` and ends well.
pub fn command() -> Vec<u8> {
    component(
        r#"(core module $m (func (export "f") (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (func $run (result (result)) (canon lift (core func $i "f")))
        (instance $exports (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $exports))"#,
    )
}

/// Not a component.
pub fn core_module() -> Vec<u8> {
    wat::parse_str("(module)").unwrap()
}

const COUNT: &str = r#"
    (local $n i64)
    (loop $again
        (local.set $n (i64.add (local.get $n) (i64.const 1)))
        (br_if $again (i64.lt_u (local.get $n) (i64.const 2000000000))))"#;

/// Input's address and length are the last two words of the arguments in memory.
const ECHO: &str = "(i32.store (i32.const 20) (i32.load offset=96 (local.get $args)))
    (i32.store (i32.const 24) (i32.load offset=100 (local.get $args)))";

/// A component of world `sluice:step/step` whose `run` answers what `code` puts at 20 and 24.
fn step(imports: &str, manifest: &str, code: &str) -> Vec<u8> {
    let manifest = match manifest {
        "" => String::new(),
        text => format!(
            "(@custom \"sluice:manifest\" \"{}\")",
            text.escape_default()
        ),
    };
    component(&format!(
        r#"{TYPES} {imports} {manifest}
        (core module $m
            (memory (export "memory") 4)
            (global $next (mut i32) (i32.const 65536))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
                (global.set $next (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
            (func (export "run") (param $args i32) (result i32)
                {code}
                (i32.store8 (i32.const 16) (i32.const 0))
                (i32.const 16)))
        (core instance $i (instantiate $m))
        (func $run (param "context" $context) (param "input" string)
            (result (result string (error $failure)))
            (canon lift (core func $i "run") (memory (core memory $i "memory"))
                (realloc (core func $i "realloc"))))
        (export "run" (func $run))"#
    ))
}

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {text})")).unwrap()
}

/// What world `sluice:step/step` imports.
const TYPES: &str = r#"
    (import "sluice:step/types@0.1.0" (instance $types
        (type $k' (enum "user" "service" "agent"))
        (export "principal-kind" (type $k (eq $k')))
        (type $p' (record (field "issuer" string) (field "subject" string) (field "kind" $k)
            (field "groups" (list string))))
        (export "principal" (type $p (eq $p')))
        (type $c' (record (field "principal" $p) (field "actors" (list $p))))
        (export "caller" (type $c (eq $c')))
        (type $x (record (field "execution" string) (field "state-machine" string)
            (field "state" string) (field "component" string) (field "attempt" u32)
            (field "idempotency-key" string) (field "deadline-ms" u64) (field "caller" (option $c))))
        (export "context" (type (eq $x)))
        (type $f (record (field "error" string) (field "cause" string)))
        (export "failure" (type (eq $f)))))
    (alias export $types "context" (type $context))
    (alias export $types "failure" (type $failure))"#;
