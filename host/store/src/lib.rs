//! Keeps checkpoints, history, documents and the audit log in sled, one atomic synced write per transition.
