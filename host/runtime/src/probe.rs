//! Whether this machine can run components at all.

use std::time::{Duration, Instant};

use wasmtime::Store;
use wasmtime::component::{Component, Linker};

use crate::volumes::VolumeFiles;
use crate::{RuntimeConfig, StartError, sandbox};

/// Answers 42.
const COMPONENT: &str = r#"(component
  (core module $m (func (export "answer") (result i32) i32.const 42))
  (core instance $i (instantiate $m))
  (func (export "answer") (result u32) (canon lift (core func $i "answer"))))"#;

/// Reserves the pool as a host would, compiles a tiny component, runs it, and says how long the
/// instance took to answer.
///
/// # Errors
/// The machine cannot do what the sandbox needs.
pub async fn probe(config: &RuntimeConfig) -> Result<Duration, StartError> {
    VolumeFiles::open(&config.volumes)?;
    let failed = |error: wasmtime::Error| StartError::Sandbox(format!("{error:#}"));
    let engine = sandbox::engine(config).map_err(failed)?;
    let component = Component::new(&engine, COMPONENT).map_err(failed)?;
    let begun = Instant::now();
    let answered = async {
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(u64::MAX / 2);
        let linker = Linker::new(&engine);
        let instance = linker.instantiate_async(&mut store, &component).await?;
        let answer = instance.get_typed_func::<(), (u32,)>(&mut store, "answer")?;
        answer.call_async(&mut store, ()).await
    };
    match answered.await.map_err(failed)? {
        (42,) => Ok(begun.elapsed()),
        (other,) => Err(StartError::Sandbox(format!(
            "a component that answers 42 answered {other}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_machine_runs_components() {
        let config = RuntimeConfig {
            attempts_max: 1,
            ..RuntimeConfig::default()
        };
        assert!(probe(&config).await.is_ok());
    }
}
