//! The generated bindings of the world `sluice:evaluator/evaluator`.

#![allow(
    unsafe_code,
    unreachable_pub,
    clippy::all,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

wit_bindgen::generate!({
    path: "wit",
    world: "evaluator",
    pub_export_macro: true,
    export_macro_name: "export",
    default_bindings_module: "crate::bindings",
});
