//! Compiled components, each compiled once and kept while there is room.
//!
//! Owns compilation on blocking threads and the cache. Compiling is bounded by the size of
//! what was uploaded and by how many compile at once, not yet in memory or processor time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth::names::Digest;
use bytes::Bytes;
use ports::Exports;
use tokio::sync::{OnceCell, Semaphore};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;
use wasmtime_wasi::p2::bindings::CommandPre;

use crate::RuntimeConfig;
use crate::guest::Guest;
use crate::link::{Linkers, Shape};
use crate::step::{self, StepPre};
use crate::text;

/// How many components compile at once.
const COMPILERS_MAX: usize = 2;
/// Bytes of the compiler's own words in a message.
const MESSAGE_BYTES_MAX: usize = 2 << 10;

/// A component as machine code.
pub(crate) struct Compiled {
    component: Component,
    exports: Exports,
    bytes: u64,
    ready: Mutex<Vec<(Shape, Ready)>>,
}

/// A component joined to what its shape links, to be instantiated.
#[derive(Clone)]
pub(crate) enum Ready {
    Step(StepPre<Guest>),
    Command(CommandPre<Guest>),
}

/// Why a component cannot be joined.
pub(crate) enum Unlinked {
    /// It imports what this shape does not link.
    Missing(String),
    /// What it imports has another form than what the host offers.
    Unfit(String),
}

impl Compiled {
    fn compile(engine: &Engine, wasm: &[u8]) -> Result<Self, String> {
        let component = Component::from_binary(engine, wasm)
            .map_err(|error| text::plain(&format!("{error:#}"), MESSAGE_BYTES_MAX))?;
        let exports = check_exports(engine, &component)?;
        let code = component.image_range();
        let bytes = (code.end as usize).saturating_sub(code.start as usize);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Ok(Self {
            component,
            exports,
            bytes,
            ready: Mutex::default(),
        })
    }

    /// Joins the component to the linker of a shape, once per shape.
    pub(crate) fn ready(&self, linkers: &Linkers, shape: Shape) -> Result<Ready, Unlinked> {
        let known = self
            .lock()
            .iter()
            .find(|(one, _)| *one == shape)
            .map(|(_, ready)| ready.clone());
        if let Some(ready) = known {
            return Ok(ready);
        }
        let unfit = |error: wasmtime::Error| {
            Unlinked::Unfit(text::plain(&format!("{error:#}"), MESSAGE_BYTES_MAX))
        };
        let linker = linkers.of(shape).map_err(unfit)?;
        let kind = self.component.component_type();
        let missing = kind
            .imports(linker.engine())
            .find(|(name, item)| !is_linked(shape, name, &item.ty));
        if let Some((name, _)) = missing {
            return Err(Unlinked::Missing(name.to_owned()));
        }
        let joined = linker.instantiate_pre(&self.component).map_err(unfit)?;
        let ready = match self.exports {
            Exports::Step => Ready::Step(StepPre::new(joined).map_err(unfit)?),
            Exports::Command => Ready::Command(CommandPre::new(joined).map_err(unfit)?),
        };
        self.lock().push((shape, ready.clone()));
        Ok(ready)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Shape, Ready)>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a foreign enum; only types carry no power"
)]
fn is_linked(shape: Shape, name: &str, item: &ComponentItem) -> bool {
    match item {
        ComponentItem::Type(_) => true,
        _ => shape.links(name),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a foreign enum; only a function can be run"
)]
fn check_exports(engine: &Engine, component: &Component) -> Result<Exports, String> {
    let kind = component.component_type();
    let Some(run) = kind.get_export(engine, "run") else {
        return Ok(Exports::Command);
    };
    match run.ty {
        ComponentItem::ComponentFunc(run) => match step::difference(&run) {
            None => Ok(Exports::Step),
            Some(difference) => Err(format!(
                "the export `run` does not fit world `sluice:step/step@0.1.0`: {difference}"
            )),
        },
        _ => Ok(Exports::Command),
    }
}

/// Compiles components and keeps them by digest.
pub(crate) struct Cache {
    engine: Engine,
    compilers: Arc<Semaphore>,
    compile_time_max: Duration,
    count_max: usize,
    bytes_max: u64,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    by_digest: HashMap<Digest, Slot>,
    uses: u64,
}

struct Slot {
    cell: Arc<OnceCell<Arc<Compiled>>>,
    used: u64,
}

impl Cache {
    pub(crate) fn new(engine: Engine, config: &RuntimeConfig) -> Self {
        Self {
            engine,
            compilers: Arc::new(Semaphore::new(COMPILERS_MAX)),
            compile_time_max: config.compile_time_max,
            count_max: config.compiled_count_max,
            bytes_max: config.compiled_bytes_max,
            slots: Mutex::default(),
        }
    }

    /// The compiled component, if it is there already.
    pub(crate) fn present(&self, digest: &Digest) -> Option<Arc<Compiled>> {
        let mut slots = self.lock();
        slots.uses += 1;
        let used = slots.uses;
        let slot = slots.by_digest.get_mut(digest)?;
        slot.used = used;
        slot.cell.get().cloned()
    }

    /// The compiled component; compiles `wasm` unless another caller has done so.
    ///
    /// # Errors
    /// Why the bytes do not compile.
    pub(crate) async fn compile(
        &self,
        digest: &Digest,
        wasm: Bytes,
    ) -> Result<Arc<Compiled>, String> {
        let cell = self.cell(digest);
        let compiled = cell
            .get_or_try_init(|| self.compile_now(wasm))
            .await
            .cloned();
        match &compiled {
            Ok(_) => self.make_room(digest),
            Err(_) => self.forget(digest),
        }
        compiled
    }

    fn cell(&self, digest: &Digest) -> Arc<OnceCell<Arc<Compiled>>> {
        let mut slots = self.lock();
        slots.uses += 1;
        let used = slots.uses;
        if let Some(slot) = slots.by_digest.get_mut(digest) {
            slot.used = used;
            return Arc::clone(&slot.cell);
        }
        let cell = Arc::<OnceCell<_>>::default();
        slots.by_digest.insert(
            digest.clone(),
            Slot {
                cell: Arc::clone(&cell),
                used,
            },
        );
        cell
    }

    async fn compile_now(&self, wasm: Bytes) -> Result<Arc<Compiled>, String> {
        let waiting = Arc::clone(&self.compilers).acquire_owned();
        let engine = self.engine.clone();
        let compiling = async move {
            let permit = waiting.await.map_err(|error| error.to_string())?;
            // A caller that gives up does not end the thread; the permit stays with it until
            // it is done, so that no more than the given number ever compile.
            let compiling = tokio::task::spawn_blocking(move || {
                let compiled = Compiled::compile(&engine, &wasm);
                drop(permit);
                compiled
            });
            compiling
                .await
                .map_err(|error| format!("the compiler failed: {error}"))?
        };
        match tokio::time::timeout(self.compile_time_max, compiling).await {
            Ok(compiled) => compiled.map(Arc::new),
            Err(_) => Err(format!(
                "compiling took longer than {:?}",
                self.compile_time_max
            )),
        }
    }

    /// Leaves no slot behind for bytes that do not compile.
    fn forget(&self, digest: &Digest) {
        let mut slots = self.lock();
        if slots
            .by_digest
            .get(digest)
            .is_some_and(|slot| slot.cell.get().is_none())
        {
            slots.by_digest.remove(digest);
        }
    }

    /// Forgets the components used longest ago, but never `kept`.
    fn make_room(&self, kept: &Digest) {
        let mut slots = self.lock();
        let size = |slot: &Slot| slot.cell.get().map_or(0, |compiled| compiled.bytes);
        let mut bytes: u64 = slots.by_digest.values().map(size).sum();
        while slots.by_digest.len() > self.count_max || bytes > self.bytes_max {
            let others = slots.by_digest.iter().filter(|(digest, _)| *digest != kept);
            let Some(oldest) = others
                .min_by_key(|(_, slot)| slot.used)
                .map(|(digest, _)| digest.clone())
            else {
                return;
            };
            let freed = slots
                .by_digest
                .remove(&oldest)
                .map_or(0, |slot| size(&slot));
            bytes = bytes.saturating_sub(freed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
