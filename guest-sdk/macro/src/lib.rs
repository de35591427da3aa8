//! The `step` attribute: turns one function into the export of the world `sluice:step/step`.
//!
//! Owns the shape of the annotated function and the code put beside it. It does not know what
//! a manifest may say: the host reads it at upload.

mod expand;

use proc_macro::TokenStream;

/// Makes a function the step of this component.
///
/// The function takes its input, any `serde::Deserialize` type, and if it likes a `&Context`;
/// it returns a `Result` of any `serde::Serialize` type and any error that is `Into<Failure>`.
/// `manifest = "FILE"` puts that file's text, its path relative to `Cargo.toml`, into the
/// component; without it the component needs nothing.
#[proc_macro_attribute]
pub fn step(arguments: TokenStream, function: TokenStream) -> TokenStream {
    expand::expand(arguments.into(), function.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
