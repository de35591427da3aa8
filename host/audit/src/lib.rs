//! The hash-chained audit log: sealing records and verifying a chain.
