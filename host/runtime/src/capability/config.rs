//! `wasi:config/store`: the values that the manifest asks for and the role sets.
//!
//! A key that is not granted reads as absent, as the interface has it: nothing tells a
//! missing key from one kept back.

use auth::capability::Capabilities;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use crate::guest::Guest;

pub(crate) const INTERFACES: &[&str] = &["wasi:config/store@0.2.0-rc.1"];

/// `variant error` of the interface; reading granted values does not fail.
#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "upstream")]
    Upstream(String),
    #[component(name = "io")]
    Io(String),
}

type Value = Result<Option<String>, Error>;
type Values = Result<Vec<(String, String)>, Error>;

pub(crate) fn is_granted(capabilities: &Capabilities) -> bool {
    !capabilities.config.is_empty()
}

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    for interface in INTERFACES {
        let mut instance = linker.instance(interface)?;
        instance.func_wrap(
            "get",
            |store: StoreContextMut<'_, Guest>, (key,): (String,)| {
                let guest = store.data();
                let value = guest.capabilities.config.value(&key);
                if value.is_some() {
                    guest.ledger.used("config", &key);
                }
                Ok((Value::Ok(value.map(str::to_owned)),))
            },
        )?;
        instance.func_wrap("get-all", |store: StoreContextMut<'_, Guest>, (): ()| {
            let pairs = store.data().capabilities.config.iter();
            let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
            Ok((Values::Ok(pairs.collect()),))
        })?;
    }
    Ok(())
}
