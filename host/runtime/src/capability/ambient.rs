//! Clocks, randomness and the caller.
//!
//! All are always linked. Without the grant the clocks stand still at the start of the
//! attempt, random numbers follow from the idempotency key, and there is no caller.

use std::time::Duration;

use auth::capability::Ambient;
use auth::principal;
use ports::StepContext;
use sha2::{Digest as _, Sha256};
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

use crate::guest::Guest;
use crate::step;

pub(crate) const INTERFACES: &[&str] = &[
    "wasi:clocks/wall-clock@0.2.",
    "wasi:clocks/monotonic-clock@0.2.",
    "wasi:random/random@0.2.",
    "wasi:random/insecure@0.2.",
    "wasi:random/insecure-seed@0.2.",
    "sluice:step/types@0.1.",
];

/// The most random bytes given in one call.
const RANDOM_BYTES_MAX: u64 = 1 << 20;

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wall_clock::add_to_linker::<Guest, WasiClocks>(linker, Guest::clocks)?;
    monotonic_clock::add_to_linker::<Guest, WasiClocks>(linker, Guest::clocks)?;
    let bytes = |mut store: StoreContextMut<'_, Guest>, (length,): (u64,)| {
        Ok((store.data_mut().random.bytes(length)?,))
    };
    let number =
        |mut store: StoreContextMut<'_, Guest>, (): ()| Ok((store.data_mut().random.number()?,));
    let mut random = linker.instance("wasi:random/random@0.2.0")?;
    random.func_wrap("get-random-bytes", bytes)?;
    random.func_wrap("get-random-u64", number)?;
    let mut insecure = linker.instance("wasi:random/insecure@0.2.0")?;
    insecure.func_wrap("get-insecure-random-bytes", bytes)?;
    insecure.func_wrap("get-insecure-random-u64", number)?;
    let mut seed = linker.instance("wasi:random/insecure-seed@0.2.0")?;
    seed.func_wrap(
        "insecure-seed",
        |mut store: StoreContextMut<'_, Guest>, (): ()| {
            let random = &mut store.data_mut().random;
            Ok(((random.number()?, random.number()?),))
        },
    )?;
    Ok(())
}

/// Stops the clocks where they are not granted.
pub(crate) fn set_clocks(
    wasi: &mut WasiCtxBuilder,
    ambient: &Ambient,
    context: &StepContext,
    time: Duration,
) {
    if ambient.clock {
        return;
    }
    let time_ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let started_ms = context.deadline.0.saturating_sub(time_ms);
    let since_epoch = Duration::from_millis(u64::try_from(started_ms).unwrap_or(0));
    wasi.wall_clock(Frozen(since_epoch))
        .monotonic_clock(Frozen(Duration::ZERO));
}

/// A clock that stands still. Waiting takes real time all the same, up to the attempt's limit.
struct Frozen(Duration);

impl HostWallClock for Frozen {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

impl HostMonotonicClock for Frozen {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        0
    }
}

/// Where random numbers come from.
pub(crate) enum Random {
    /// The operating system.
    Host,
    /// Blocks of SHA-256 over the seed and a counter.
    Seeded { seed: [u8; 32], counter: u64 },
}

impl Random {
    pub(crate) fn of(ambient: &Ambient, context: &StepContext) -> Self {
        if ambient.random {
            return Self::Host;
        }
        let mut seed = Sha256::new_with_prefix(b"sluice:random\0");
        seed.update(context.idempotency_key.as_bytes());
        Self::Seeded {
            seed: seed.finalize().into(),
            counter: 0,
        }
    }

    fn bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        if length > RANDOM_BYTES_MAX {
            let message = format!(
                "{length} random bytes asked for in one call, at most {RANDOM_BYTES_MAX} are given"
            );
            return Err(wasmtime::Error::msg(message));
        }
        let length = usize::try_from(length)?;
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn number(&mut self) -> wasmtime::Result<u64> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> wasmtime::Result<()> {
        match self {
            Self::Host => getrandom::fill(bytes)
                .map_err(|error| wasmtime::Error::msg(format!("no randomness: {error}"))),
            Self::Seeded { seed, counter } => {
                for chunk in bytes.chunks_mut(32) {
                    let mut block = Sha256::new_with_prefix(*seed);
                    block.update(counter.to_le_bytes());
                    *counter += 1;
                    let block = block.finalize();
                    chunk
                        .iter_mut()
                        .zip(block)
                        .for_each(|(byte, random)| *byte = random);
                }
                Ok(())
            }
        }
    }
}

/// What a step is told about where it runs.
pub(crate) fn context(ambient: &Ambient, context: &StepContext) -> step::Context {
    let caller = ambient.caller.then(|| step::Caller {
        principal: principal(&context.caller.principal),
        actors: context.caller.actors.iter().map(principal).collect(),
    });
    step::Context {
        execution: context.execution_arn.clone(),
        state_machine: context.state_machine.clone(),
        state: context.state.clone(),
        component: context.component.clone(),
        attempt: context.attempt,
        idempotency_key: context.idempotency_key.clone(),
        deadline_ms: u64::try_from(context.deadline.0).unwrap_or(0),
        caller,
    }
}

fn principal(principal: &principal::Principal) -> step::Principal {
    step::Principal {
        issuer: principal.issuer.clone(),
        subject: principal.subject.clone(),
        kind: match principal.kind {
            principal::Kind::User => step::PrincipalKind::User,
            principal::Kind::Service => step::PrincipalKind::Service,
            principal::Kind::Agent => step::PrincipalKind::Agent,
        },
        groups: principal.groups.clone(),
    }
}
