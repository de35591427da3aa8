//! Runs components in wasmtime with exactly the capabilities they were granted.
