//! Reads configuration values.

use runtime_test_guests::{answer, words};

wit_bindgen::generate!({
    inline: "
        package wasi:config@0.2.0-rc.1;
        interface store {
            variant error { upstream(string), io(string) }
            get: func(key: string) -> result<option<string>, error>;
            get-all: func() -> result<list<tuple<string, string>>, error>;
        }
        world settings { import store; }
    ",
});

fn main() {
    let words = words();
    let value = wasi::config::store::get(&words[0]);
    let all = wasi::config::store::get_all();
    answer(&format!("{value:?} {all:?}"));
}
