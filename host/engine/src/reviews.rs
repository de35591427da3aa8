//! Reviews: who signed off that a component may run under a role.
