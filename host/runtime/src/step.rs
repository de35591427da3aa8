//! The step interface as generated from `wit/step.wit`, and its shape for comparison.

use wasmtime::component::types::{ComponentFunc, Type};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "step",
        exports: { default: async },
    });
}

pub(crate) use bindings::StepPre;
pub(crate) use bindings::sluice::step::types::{
    Caller, Context, Failure, Principal, PrincipalKind,
};

/// Says how an exported `run` differs from the one of world `sluice:step/step@0.1.0`.
pub(crate) fn difference(run: &ComponentFunc) -> Option<String> {
    let parameters: Vec<String> = run.params().map(|(_, kind)| describe(&kind, 0)).collect();
    let results: Vec<String> = run.results().map(|kind| describe(&kind, 0)).collect();
    let found = format!("func({}) -> {}", parameters.join(", "), results.join(", "));
    (found != EXPECTED).then(|| format!("it is `{found}`, not `{EXPECTED}`"))
}

const EXPECTED: &str = "func(record { execution: string, state-machine: string, state: string, \
    component: string, attempt: u32, idempotency-key: string, deadline-ms: u64, caller: \
    option<record { principal: record { issuer: string, subject: string, kind: enum { user, \
    service, agent }, groups: list<string> }, actors: list<record { issuer: string, subject: \
    string, kind: enum { user, service, agent }, groups: list<string> }> }> }, string) -> \
    result<string, record { error: string, cause: string }>";

/// How deep a type is described; the expected one is less deep.
const DEPTH_MAX: usize = 8;

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a foreign enum; other kinds are never expected"
)]
fn describe(kind: &Type, depth: usize) -> String {
    if depth > DEPTH_MAX {
        return "…".to_owned();
    }
    let inner = |kind: &Type| describe(kind, depth + 1);
    let optional = |kind: Option<Type>| kind.map_or_else(|| "_".to_owned(), |kind| inner(&kind));
    match kind {
        Type::String => "string".to_owned(),
        Type::U32 => "u32".to_owned(),
        Type::U64 => "u64".to_owned(),
        Type::List(list) => format!("list<{}>", inner(&list.ty())),
        Type::Option(option) => format!("option<{}>", inner(&option.ty())),
        Type::Result(result) => {
            format!(
                "result<{}, {}>",
                optional(result.ok()),
                optional(result.err())
            )
        }
        Type::Record(record) => {
            let fields: Vec<String> = record
                .fields()
                .map(|field| format!("{}: {}", field.name, inner(&field.ty)))
                .collect();
            format!("record {{ {} }}", fields.join(", "))
        }
        Type::Enum(cases) => {
            let names: Vec<&str> = cases.names().collect();
            format!("enum {{ {} }}", names.join(", "))
        }
        _ => "another kind of value".to_owned(),
    }
}
