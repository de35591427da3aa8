//! From the annotated function to the code that exports it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{FnArg, Ident, ItemFn, LitStr, ReturnType, Signature, Token};

/// Writes the function back with its export behind it.
pub(crate) fn expand(arguments: TokenStream, function: TokenStream) -> syn::Result<TokenStream> {
    let arguments: Arguments = syn::parse2(arguments)?;
    let function: ItemFn = syn::parse2(function)?;
    let call = call(&function.sig)?;
    let manifest = arguments.manifest.as_ref().map(manifest);
    Ok(quote! {
        #function

        #[allow(unsafe_code, dead_code, reason = "the component's export")]
        const _: () = {
            struct Step;

            impl ::sluice_step::__private::Guest for Step {
                fn run(
                    context: ::sluice_step::__private::Context,
                    input: ::std::string::String,
                ) -> ::std::result::Result<::std::string::String, ::sluice_step::__private::Failure> {
                    ::sluice_step::__private::run(#call, context, &input)
                }
            }

            #[cfg(target_family = "wasm")]
            ::sluice_step::__private::export!(Step with_types_in ::sluice_step::bindings);

            #manifest
        };
    })
}

/// `manifest = "FILE"`, or nothing.
struct Arguments {
    manifest: Option<LitStr>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.is_empty() {
            return Ok(Self { manifest: None });
        }
        let name: Ident = input.parse()?;
        if name != "manifest" {
            let message = format!("unknown argument `{name}`, expected `manifest = \"FILE\"`");
            return Err(syn::Error::new(name.span(), message));
        }
        input.parse::<Token![=]>()?;
        let manifest = input.parse()?;
        if !input.is_empty() {
            return Err(input.error("expected nothing after the manifest's file name"));
        }
        Ok(Self {
            manifest: Some(manifest),
        })
    }
}

/// An expression that calls the step with its input and its context.
fn call(signature: &Signature) -> syn::Result<TokenStream> {
    let refuse =
        |tokens: &dyn quote::ToTokens, message: &str| Err(syn::Error::new_spanned(tokens, message));
    if let Some(keyword) = &signature.asyncness {
        return refuse(keyword, "a step is a plain function: outgoing calls block");
    }
    if !signature.generics.params.is_empty() {
        return refuse(
            &signature.generics,
            "a step has concrete types, not generic ones",
        );
    }
    if let Some(receiver) = signature
        .inputs
        .iter()
        .find(|input| matches!(input, FnArg::Receiver(_)))
    {
        return refuse(receiver, "a step is a function of its own, not a method");
    }
    if matches!(signature.output, ReturnType::Default) {
        return refuse(&signature.ident, "a step returns `Result<Output, Failure>`");
    }
    let name = &signature.ident;
    match signature.inputs.len() {
        1 => Ok(quote!(|input, _context: &::sluice_step::Context| #name(input))),
        2 => Ok(quote!(#name)),
        _ => refuse(
            &signature.inputs,
            "a step takes its input and, if it likes, a `&Context`",
        ),
    }
}

/// A static that the linker copies into the custom section `sluice:manifest`.
fn manifest(file: &LitStr) -> TokenStream {
    quote! {
        const MANIFEST: &str =
            ::std::include_str!(::std::concat!(::std::env!("CARGO_MANIFEST_DIR"), "/", #file));

        #[used]
        #[cfg_attr(target_family = "wasm", unsafe(link_section = "sluice:manifest"))]
        static SECTION: [u8; MANIFEST.len()] = match MANIFEST.as_bytes().first_chunk() {
            ::std::option::Option::Some(bytes) => *bytes,
            ::std::option::Option::None => [0; MANIFEST.len()],
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(arguments: &str, function: &str) -> Result<String, String> {
        expand(arguments.parse().unwrap(), function.parse().unwrap())
            .map(|tokens| tokens.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_function_is_kept_and_exported() {
        let code = expanded(
            "",
            "fn hello(input: u8, context: &Context) -> Result<u8, Failure> { Ok(input) }",
        )
        .unwrap();
        assert!(code.starts_with("fn hello"), "{code}");
        assert!(code.contains("export !"), "{code}");
        assert!(!code.contains("sluice:manifest"), "{code}");
    }

    #[test]
    fn the_context_may_be_left_out() {
        let code = expanded(
            "",
            "fn hello(input: u8) -> Result<u8, Failure> { Ok(input) }",
        )
        .unwrap();
        assert!(code.contains("hello (input)"), "{code}");
    }

    #[test]
    fn a_manifest_becomes_a_custom_section() {
        let code = expanded(
            r#"manifest = "needs.toml""#,
            "fn hello(input: u8) -> Result<u8, Failure> { Ok(input) }",
        )
        .unwrap();
        assert!(
            code.contains("sluice:manifest") && code.contains("needs.toml"),
            "{code}"
        );
    }

    #[test]
    fn anything_that_is_not_a_step_is_refused_with_a_reason() {
        let refused = [
            (
                "",
                "async fn step(input: u8) -> Result<u8, Failure> {}",
                "plain function",
            ),
            (
                "",
                "fn step<T>(input: T) -> Result<T, Failure> {}",
                "concrete types",
            ),
            (
                "",
                "fn step(&self, input: u8) -> Result<u8, Failure> {}",
                "not a method",
            ),
            ("", "fn step(input: u8) {}", "returns"),
            ("", "fn step() -> Result<u8, Failure> {}", "takes its input"),
            (
                "",
                "fn step(a: u8, b: u8, c: u8) -> Result<u8, Failure> {}",
                "takes its input",
            ),
            (
                "role = \"x\"",
                "fn step(input: u8) -> Result<u8, Failure> {}",
                "unknown argument `role`",
            ),
            (
                "manifest = 7",
                "fn step(input: u8) -> Result<u8, Failure> {}",
                "string literal",
            ),
            (
                "manifest = \"a\", \"b\"",
                "fn step(input: u8) -> Result<u8, Failure> {}",
                "expected nothing",
            ),
        ];
        for (arguments, function, reason) in refused {
            let message = expanded(arguments, function).unwrap_err();
            assert!(message.contains(reason), "{function}: {message}");
        }
        assert!(expanded("", "struct Step;").is_err());
    }
}
