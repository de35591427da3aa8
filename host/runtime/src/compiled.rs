//! Compiled components, each compiled once and kept while there is room.
//!
//! Owns compilation on blocking threads and the cache. Compiling is bounded by the size of
//! what was uploaded and by how many compile at once, not yet in memory or processor time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use auth::names::Digest;
use bytes::Bytes;
use ports::Exports;
use tokio::sync::{OnceCell, Semaphore};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;
use wasmtime_wasi::p2::bindings::CommandPre;

use crate::guest::Guest;
use crate::link::{Linkers, Shape};
use crate::step::{self, StepPre};
use crate::text;
use crate::{Metrics, RuntimeConfig};

/// How many components compile at once for attempts, and how many for uploads.
const ATTEMPT_COMPILERS_MAX: usize = 2;
const UPLOAD_COMPILERS_MAX: usize = 1;
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

/// Why a component is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Upload,
    Attempt,
}

/// Compiles components and keeps them by digest. What was only uploaded makes room for what
/// was run, never the other way round.
pub(crate) struct Cache {
    engine: Engine,
    attempt_compilers: Arc<Semaphore>,
    upload_compilers: Arc<Semaphore>,
    compile_time_max: Duration,
    count_max: usize,
    bytes_max: u64,
    slots: Mutex<Slots>,
    metrics: Metrics,
}

#[derive(Default)]
struct Slots {
    by_digest: HashMap<Digest, Slot>,
    uses: u64,
}

struct Slot {
    cell: Arc<OnceCell<Arc<Compiled>>>,
    has_run: bool,
    used: u64,
}

impl Cache {
    pub(crate) fn new(engine: Engine, config: &RuntimeConfig, metrics: Metrics) -> Self {
        Self {
            engine,
            attempt_compilers: Arc::new(Semaphore::new(ATTEMPT_COMPILERS_MAX)),
            upload_compilers: Arc::new(Semaphore::new(UPLOAD_COMPILERS_MAX)),
            compile_time_max: config.compile_time_max,
            count_max: config.compiled_count_max,
            bytes_max: config.compiled_bytes_max,
            slots: Mutex::default(),
            metrics,
        }
    }

    /// The compiled component for an attempt, if it is there already.
    pub(crate) fn present(&self, digest: &Digest) -> Option<Arc<Compiled>> {
        let mut slots = self.lock();
        slots.uses += 1;
        let used = slots.uses;
        let slot = slots.by_digest.get_mut(digest)?;
        slot.used = used;
        slot.has_run = true;
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
        purpose: Purpose,
    ) -> Result<Arc<Compiled>, String> {
        let cell = self.cell(digest, purpose);
        let compiled = cell
            .get_or_try_init(|| self.compile_now(wasm, purpose))
            .await
            .cloned();
        match &compiled {
            Ok(_) => self.make_room((purpose == Purpose::Attempt).then_some(digest)),
            Err(_) => self.forget(digest),
        }
        compiled
    }

    fn cell(&self, digest: &Digest, purpose: Purpose) -> Arc<OnceCell<Arc<Compiled>>> {
        let mut slots = self.lock();
        slots.uses += 1;
        let (used, has_run) = (slots.uses, purpose == Purpose::Attempt);
        if let Some(slot) = slots.by_digest.get_mut(digest) {
            slot.used = used;
            slot.has_run |= has_run;
            return Arc::clone(&slot.cell);
        }
        let cell = Arc::<OnceCell<_>>::default();
        slots.by_digest.insert(
            digest.clone(),
            Slot {
                cell: Arc::clone(&cell),
                has_run,
                used,
            },
        );
        cell
    }

    async fn compile_now(&self, wasm: Bytes, purpose: Purpose) -> Result<Arc<Compiled>, String> {
        let compilers = match purpose {
            Purpose::Attempt => &self.attempt_compilers,
            Purpose::Upload => &self.upload_compilers,
        };
        let waiting = Arc::clone(compilers).acquire_owned();
        let (engine, metrics) = (self.engine.clone(), self.metrics.clone());
        let compiling = async move {
            let permit = waiting.await.map_err(|error| error.to_string())?;
            // A caller that gives up does not end the thread; the permit stays with it until
            // it is done, so that no more than the given number ever compile.
            let compiling = tokio::task::spawn_blocking(move || {
                let begun = Instant::now();
                let compiled = Compiled::compile(&engine, &wasm);
                metrics.compiled(purpose, compiled.is_ok(), begun.elapsed().as_secs_f64());
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

    /// Forgets the components used longest ago, those that were only uploaded first, but never
    /// `kept`.
    fn make_room(&self, kept: Option<&Digest>) {
        let mut slots = self.lock();
        let size = |slot: &Slot| slot.cell.get().map_or(0, |compiled| compiled.bytes);
        let mut bytes: u64 = slots.by_digest.values().map(size).sum();
        let count = |slots: &Slots| i64::try_from(slots.by_digest.len()).unwrap_or(i64::MAX);
        self.metrics.compiled.set(count(&slots));
        while slots.by_digest.len() > self.count_max || bytes > self.bytes_max {
            let others = slots
                .by_digest
                .iter()
                .filter(|(digest, _)| Some(*digest) != kept);
            let Some(oldest) = others
                .min_by_key(|(_, slot)| (slot.has_run, slot.used))
                .map(|(digest, _)| digest.clone())
            else {
                return;
            };
            let freed = slots
                .by_digest
                .remove(&oldest)
                .map_or(0, |slot| size(&slot));
            bytes = bytes.saturating_sub(freed);
            self.metrics.compiled.set(count(&slots));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(count_max: usize) -> Cache {
        let config = RuntimeConfig {
            attempts_max: 1,
            compiled_count_max: count_max,
            ..RuntimeConfig::default()
        };
        let engine = crate::sandbox::engine(&config).unwrap();
        Cache::new(engine, &config, Metrics::default())
    }

    async fn compile(cache: &Cache, text: &str, purpose: Purpose) -> Digest {
        let wasm = wat::parse_str(text).unwrap();
        let digest = Digest::of(&wasm);
        let compiled = cache.compile(&digest, Bytes::from(wasm), purpose).await;
        assert!(compiled.is_ok());
        digest
    }

    #[tokio::test]
    async fn an_upload_does_not_displace_what_is_run() {
        let cache = cache(1);
        let run = compile(&cache, "(component)", Purpose::Attempt).await;
        let uploaded = "(component (core module))";
        let uploaded_digest = compile(&cache, uploaded, Purpose::Upload).await;
        assert!(cache.present(&uploaded_digest).is_none());
        assert!(cache.present(&run).is_some());
        compile(&cache, uploaded, Purpose::Attempt).await;
        assert!(cache.present(&uploaded_digest).is_some());
        assert!(cache.present(&run).is_none());
    }

    #[tokio::test]
    async fn uploads_and_attempts_do_not_wait_for_each_other() {
        let cache = cache(8);
        let uploading = cache.upload_compilers.acquire().await.unwrap();
        compile(&cache, "(component)", Purpose::Attempt).await;
        drop(uploading);
        let count = u32::try_from(ATTEMPT_COMPILERS_MAX).unwrap();
        let _running = cache.attempt_compilers.acquire_many(count).await.unwrap();
        compile(&cache, "(component (core module))", Purpose::Upload).await;
    }
}
