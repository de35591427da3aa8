//! What measurements do in processes of their own.

pub(crate) mod maps;
pub(crate) mod opening;
pub(crate) mod parking;
