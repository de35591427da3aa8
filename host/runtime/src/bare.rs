//! The same components in wasmtime alone, to measure against.
//!
//! No permit, no limits, no logs, no meter: never used to run anything but a measurement.

use std::time::{Duration, Instant};

use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::step::{Context, StepPre};
use crate::{RuntimeConfig, sandbox};

struct Nothing {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Nothing {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// A step without anything around it.
pub struct Bare {
    engine: Engine,
    step: StepPre<Nothing>,
}

impl Bare {
    /// Compiles a step for the same sandbox settings and pool as a [`crate::Runtime`].
    ///
    /// # Errors
    /// What the sandbox says about the bytes.
    pub fn new(config: &RuntimeConfig, wasm: &[u8]) -> Result<Self, String> {
        let build = || -> wasmtime::Result<Self> {
            let engine = sandbox::engine(config)?;
            let component = Component::from_binary(&engine, wasm)?;
            let mut linker = Linker::new(&engine);
            wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
            let step = StepPre::new(linker.instantiate_pre(&component)?)?;
            Ok(Self { engine, step })
        };
        build().map_err(|error| format!("{error:#}"))
    }

    /// Instantiates, calls and drops once, and says how long that took and what was answered.
    ///
    /// # Errors
    /// The step trapped or failed.
    pub async fn call(&self, input: &str) -> Result<(Duration, String), String> {
        let started = Instant::now();
        let context = Context {
            execution: String::new(),
            state_machine: String::new(),
            state: String::new(),
            component: String::new(),
            attempt: 1,
            idempotency_key: String::new(),
            deadline_ms: 0,
            caller: None,
        };
        let wasi = WasiCtx::builder().build();
        let mut store = Store::new(
            &self.engine,
            Nothing {
                wasi,
                table: ResourceTable::new(),
            },
        );
        store.set_epoch_deadline(u64::MAX / 2);
        let called = async {
            let step = self.step.instantiate_async(&mut store).await?;
            step.call_run(&mut store, &context, input).await
        };
        let answer = called.await.map_err(|error| format!("{error:#}"))?;
        drop(store);
        let output = answer.map_err(|failure| format!("{}: {}", failure.error, failure.cause))?;
        Ok((started.elapsed(), output))
    }
}
