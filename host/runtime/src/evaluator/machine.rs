//! The evaluator as machine code, joined to the little it may ask for.
//!
//! It finds a clock that stands at the request's time and randomness that is always the same.
//! Whatever else it imports ends the call.

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, StoreContextMut};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;

use super::bindings::{ComponentPre, progress};
use super::instance::Guest;

/// The evaluator, built from `host/evaluator` by this crate's build script.
const EVALUATOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/evaluator.wasm"));
/// What its own calls may use of the stack, on top of what it keeps in linear memory.
const STACK_BYTES: usize = 8 << 20;
/// The stack of its own that a call runs on, with room for the host calls it makes.
const FIBER_STACK_BYTES: usize = STACK_BYTES + (1 << 20);

/// Makes instances.
pub(super) struct Machine {
    pub(super) engine: Engine,
    pub(super) evaluator: ComponentPre<Guest>,
}

impl Machine {
    pub(super) fn compile() -> Result<Self, String> {
        Self::build().map_err(|error| format!("the sandbox cannot be set up: {error:#}"))
    }

    fn build() -> wasmtime::Result<Self> {
        let engine = engine()?;
        let component = Component::from_binary(&engine, EVALUATOR)?;
        let linker = linker(&engine, &component)?;
        let evaluator = ComponentPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self { engine, evaluator })
    }
}

fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .concurrency_support(false)
        .wasm_component_model(true)
        .wasm_memory64(false)
        .shared_memory(false)
        .max_wasm_stack(STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .memory_init_cow(true);
    Engine::new(&config)
}

fn linker(engine: &Engine, component: &Component) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    progress::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    let kind = component.component_type();
    for (name, _) in kind.imports(engine) {
        match name.split('@').next() {
            Some("wasi:clocks/wall-clock") => link_clock(&mut linker, name)?,
            Some("wasi:random/random") => link_random(&mut linker, name)?,
            Some("wasi:random/insecure-seed") => link_seed(&mut linker, name)?,
            Some(_) | None => {}
        }
    }
    linker.define_unknown_imports_as_traps(component)?;
    Ok(linker)
}

fn link_clock(linker: &mut Linker<Guest>, name: &str) -> wasmtime::Result<()> {
    linker
        .instance(name)?
        .func_wrap("now", |store: StoreContextMut<'_, Guest>, (): ()| {
            let milliseconds = u64::try_from(store.data().at.0).unwrap_or(0);
            let nanoseconds = u32::try_from(milliseconds % 1_000).unwrap_or(0) * 1_000_000;
            Ok((Datetime {
                seconds: milliseconds / 1_000,
                nanoseconds,
            },))
        })
}

/// The most bytes of randomness in one call.
const RANDOM_BYTES_MAX: u64 = 1 << 10;

fn link_random(linker: &mut Linker<Guest>, name: &str) -> wasmtime::Result<()> {
    let mut random = linker.instance(name)?;
    random.func_wrap(
        "get-random-bytes",
        |_: StoreContextMut<'_, Guest>, (length,): (u64,)| {
            let length = usize::try_from(length.min(RANDOM_BYTES_MAX))?;
            Ok((vec![0_u8; length],))
        },
    )?;
    random.func_wrap("get-random-u64", |_: StoreContextMut<'_, Guest>, (): ()| {
        Ok((0_u64,))
    })
}

fn link_seed(linker: &mut Linker<Guest>, name: &str) -> wasmtime::Result<()> {
    linker
        .instance(name)?
        .func_wrap("insecure-seed", |_: StoreContextMut<'_, Guest>, (): ()| {
            Ok(((0_u64, 0_u64),))
        })
}
