#!/bin/sh
# Builds checksum.wasm, a component, from checksum.c.
#
# Takes clang and the C headers of wasi-libc from the system (Debian: clang, wasi-libc), the C
# library, the linker and the component maker from the Rust toolchain's wasm32-wasip2 target.
set -eu
cd "$(dirname "$0")"

output=${1:-checksum.wasm}
headers=${WASI_HEADERS:-/usr/include/wasm32-wasi}
sysroot=$(rustc --print sysroot)
tools=$sysroot/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
libc=$sysroot/lib/rustlib/wasm32-wasip2/lib/self-contained

command -v clang >/dev/null || { echo "build.sh: clang is missing; on Debian: apt-get install clang" >&2; exit 2; }
[ -d "$headers" ] || { echo "build.sh: no C headers in $headers; on Debian: apt-get install wasi-libc; or set WASI_HEADERS" >&2; exit 2; }
[ -f "$libc/libc.a" ] || { echo "build.sh: the Rust target is missing: rustup target add wasm32-wasip2" >&2; exit 2; }

object=$(mktemp)
trap 'rm -f "$object"' EXIT
clang --target=wasm32-wasi -std=c11 -Wall -Wextra -Oz -isystem "$headers" -c checksum.c -o "$object"
"$tools/wasm-component-ld" --wasm-ld-path "$tools/gcc-ld/wasm-ld" \
    "$libc/crt1-command.o" "$object" "$libc/libc.a" --gc-sections --strip-all -o "$output"
