//! The generated bindings of `wasi:config/store`.

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
    inline: "
        package sluice:configured;

        world configured {
            import wasi:config/store@0.2.0-rc.1;
        }

        package wasi:config@0.2.0-rc.1 {
            interface store {
                variant error {
                    upstream(string),
                    io(string),
                }

                get: func(key: string) -> result<option<string>, error>;

                get-all: func() -> result<list<tuple<string, string>>, error>;
            }
        }
    ",
    generate_all,
});
