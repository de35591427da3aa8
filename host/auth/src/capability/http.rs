//! placeholder
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Http;
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Inject;
