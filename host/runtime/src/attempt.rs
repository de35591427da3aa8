//! One attempt from its permit to its report.
//!
//! Owns the store, the time and the order of things: nothing runs before it is linked,
//! limited and metered, and no refusal goes unwitnessed.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use auth::capability::{Capabilities, Limit};
use ports::{Attempt, AttemptReport, Outcome, RunError, RunTimes, Usage, Witness};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;

use crate::capability::ambient;
use crate::capability::filesystem::{Mounts, Volumes};
use crate::capability::http::{self, Client, Outgoing};
use crate::capability::log::Book;
use crate::compiled::{Compiled, Ready, Unlinked};
use crate::guest::Guest;
use crate::ledger::{Asked, Denial, Ledger};
use crate::limits::{
    HANDLES_MAX, HOST_CALL_BYTES_MAX, HOST_RESOURCES_MAX, LOOKUPS_MAX, LimitExceeded, Memory,
};
use crate::link::{Linkers, Shape};
use crate::meter::{Meter, Metered};
use crate::metrics::Metrics;
use crate::outcome::{self, Answer, Ended};
use crate::step;

/// What every attempt on this host shares.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) linkers: Linkers,
    pub(crate) volumes: Volumes,
    pub(crate) client: Arc<Client>,
    pub(crate) metrics: Metrics,
}

/// The report of an attempt that was cancelled before it began.
pub(crate) fn not_begun() -> AttemptReport {
    AttemptReport {
        outcome: Outcome::Cancelled,
        logs: Vec::new(),
        usage: Usage::default(),
        uses: Vec::new(),
        times: None,
    }
}

/// Runs an attempt to its end.
///
/// # Errors
/// A refusal could not be witnessed, or the host is out of room.
pub(crate) async fn run(
    host: &Host,
    compiled: &Compiled,
    attempt: Attempt,
) -> Result<AttemptReport, RunError> {
    let started = Instant::now();
    let (ledger, mut asked) = Ledger::open(&attempt.context);
    let capabilities = attempt.permit.capabilities();
    let limits = &capabilities.limits;
    let book = Book::new(&attempt.context, limits, Arc::clone(&ledger));
    let meter = Arc::new(Meter::new());
    let (ended, times) = match begin(host, compiled, capabilities) {
        Ok((ready, mounts)) => {
            let guest = guest(host, &attempt, &ready, mounts, &book, &ledger);
            let store = store(&host.engine, guest, &meter);
            let phases = Phases::new(&host.metrics, started);
            let ended = drive(store, (&ready, &phases), &attempt, &meter, &mut asked).await?;
            (ended, Some(phases.times()))
        }
        Err(denial) => {
            drop(ledger.refuse(denial));
            (Ended::Stopped, None)
        }
    };
    let summary = ledger.close();
    witness_the_rest(&mut asked, attempt.witness.as_ref()).await?;
    if let Ended::Returned(Err(error)) = &ended
        && let Some(full) = error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>()
    {
        return Err(RunError::Host(full.to_string().into()));
    }
    let written = book.close();
    let outcome = outcome::judge(ended, &summary, &written, limits.output_bytes());
    let usage = Usage {
        wall_us: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        cpu_ms: milliseconds(meter.spent()),
        memory_bytes: summary.memory_bytes,
        http_requests: summary.http_requests,
    };
    Ok(AttemptReport {
        outcome,
        logs: written.logs,
        usage,
        uses: summary.uses,
        times,
    })
}

/// Joins the component to what it was granted.
fn begin(
    host: &Host,
    compiled: &Compiled,
    capabilities: &Capabilities,
) -> Result<(Ready, Mounts), Denial> {
    let ready = compiled.ready(&host.linkers, Shape::of(capabilities)).map_err(|unlinked| match unlinked {
        Unlinked::Missing(import) => Denial {
            capability: Shape::capability_of(&import),
            rule: "import.not-granted".to_owned(),
            reason: format!(
                "the component imports `{import}`, which is not granted; its manifest and its role have to name the capability, if this version has one for it"
            ),
            asked: import,
        },
        Unlinked::Unfit(problem) => Denial {
            capability: "import",
            asked: "instantiation".to_owned(),
            rule: "import.unfit".to_owned(),
            reason: format!("an import has another form than this host offers: {problem}"),
        },
    })?;
    Ok((ready, host.volumes.mount(capabilities)?))
}

fn guest(
    host: &Host,
    attempt: &Attempt,
    ready: &Ready,
    mounts: Mounts,
    book: &Arc<Book>,
    ledger: &Arc<Ledger>,
) -> Guest {
    let capabilities = attempt.permit.capabilities();
    let ambient = &capabilities.ambient;
    let mut wasi = WasiCtx::builder();
    wasi.stderr(book.stderr());
    match ready {
        Ready::Step(_) => wasi.stdout(book.stdout()),
        Ready::Command(_) => wasi
            .stdin(MemoryInputPipe::new(attempt.input.clone()))
            .stdout(book.output()),
    };
    ambient::set_clocks(&mut wasi, ambient, &attempt.context, attempt.time);
    let mut table = ResourceTable::new();
    table.set_max_capacity(HOST_RESOURCES_MAX);
    Guest {
        table,
        wasi: wasi.build(),
        http_context: http::context(),
        outgoing: Outgoing {
            client: Arc::clone(&host.client),
            capabilities: Arc::clone(capabilities),
            ledger: Arc::clone(ledger),
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        },
        mounts,
        random: ambient::Random::of(ambient, &attempt.context),
        memory: Memory::new(capabilities.limits.memory_bytes(), Arc::clone(ledger)),
        capabilities: Arc::clone(capabilities),
        ledger: Arc::clone(ledger),
    }
}

fn store(engine: &Engine, guest: Guest, meter: &Arc<Meter>) -> Store<Guest> {
    let limits = &guest.capabilities.limits;
    let (cpu, output_bytes) = (limits.cpu(), limits.output_bytes());
    let mut store = Store::new(engine, guest);
    let output_bytes = usize::try_from(output_bytes).unwrap_or(usize::MAX);
    store.set_hostcall_fuel(output_bytes.saturating_add(HOST_CALL_BYTES_MAX));
    store.set_max_component_handles(HANDLES_MAX);
    store.limiter(|guest| &mut guest.memory);
    store.set_epoch_deadline(1);
    let meter = Arc::clone(meter);
    store.epoch_deadline_callback(move |store| {
        if meter.spent() >= cpu {
            let exceeded = LimitExceeded::Granted {
                limit: Limit::Cpu,
                allowed: milliseconds(cpu),
            };
            return Err(wasmtime::Error::new(store.data().ledger.exceed(exceeded)));
        }
        Ok(UpdateDeadline::YieldCustom(
            1,
            Box::pin(tokio::task::yield_now()),
        ))
    });
    store
}

/// Runs the guest until it, its time or its caller's patience ends. Everything it left open is
/// closed when the store is dropped, at the end of this call.
async fn drive(
    mut store: Store<Guest>,
    (ready, phases): (&Ready, &Phases<'_>),
    attempt: &Attempt,
    meter: &Meter,
    asked: &mut mpsc::Receiver<Asked>,
) -> Result<Ended, RunError> {
    let ledger = Arc::clone(&store.data().ledger);
    let time_role = store.data().capabilities.limits.time();
    let ambient = store.data().capabilities.ambient.clone();
    let context = ambient::context(&ambient, &attempt.context);
    let call = pin!(call(&mut store, (ready, phases), &context, &attempt.input));
    let mut call = Metered { meter, guest: call };
    let mut time_up = pin!(until(Instant::now() + attempt.time));
    loop {
        tokio::select! {
            biased;
            () = attempt.cancelled.cancelled() => return Ok(Ended::Cancelled),
            Some(asked) = asked.recv() => witness(asked, attempt.witness.as_ref()).await?,
            () = ledger.stopped.cancelled() => return Ok(Ended::Stopped),
            () = &mut time_up => {
                let allowed = milliseconds(attempt.time);
                if attempt.time < time_role {
                    return Ok(Ended::TimedOut { ms: allowed });
                }
                ledger.exceed(LimitExceeded::Granted { limit: Limit::Time, allowed });
                return Ok(Ended::Stopped);
            }
            answer = &mut call => return Ok(Ended::Returned(answer)),
        }
    }
}

/// Resolves at `deadline`, even on a host too busy to look at its timers.
async fn until(deadline: Instant) {
    let mut timer = pin!(tokio::time::sleep_until(deadline));
    std::future::poll_fn(|context| {
        if Instant::now() >= deadline {
            Poll::Ready(())
        } else {
            timer.as_mut().poll(context)
        }
    })
    .await;
}

async fn call(
    store: &mut Store<Guest>,
    (ready, phases): (&Ready, &Phases<'_>),
    context: &step::Context,
    input: &str,
) -> wasmtime::Result<Answer> {
    match ready {
        Ready::Step(step) => {
            let step = step.instantiate_async(&mut *store).await?;
            phases.instantiated();
            step.call_run(store, context, input).await.map(Answer::Step)
        }
        Ready::Command(command) => {
            let command = command.instantiate_async(&mut *store).await?;
            phases.instantiated();
            command
                .wasi_cli_run()
                .call_run(store)
                .await
                .map(Answer::Command)
        }
    }
}

/// Measures the two phases of an attempt that are the sandbox's.
struct Phases<'a> {
    metrics: &'a Metrics,
    started: Instant,
    instantiated: OnceLock<Instant>,
}

impl<'a> Phases<'a> {
    fn new(metrics: &'a Metrics, started: Instant) -> Self {
        Self {
            metrics,
            started,
            instantiated: OnceLock::new(),
        }
    }

    /// The component's code begins.
    fn instantiated(&self) {
        let now = Instant::now();
        let taken = now.duration_since(self.started);
        self.metrics
            .instantiate_seconds
            .observe(taken.as_secs_f64());
        self.instantiated.get_or_init(|| now);
    }

    /// The component's code has ended.
    fn times(&self) -> RunTimes {
        RunTimes {
            began: self.started,
            instantiated: self.instantiated.get().copied(),
            ended: Instant::now(),
        }
    }
}

/// However the component's code ends, it has ended by now.
impl Drop for Phases<'_> {
    fn drop(&mut self) {
        if let Some(since) = self.instantiated.get() {
            let taken = since.elapsed();
            self.metrics.run_seconds.observe(taken.as_secs_f64());
        }
    }
}

async fn witness(asked: Asked, witness: &dyn Witness) -> Result<(), RunError> {
    let recorded = witness.refused(asked.refusal).await;
    recorded.map_err(|error| RunError::Host(error.to_string().into()))?;
    // A guest that has been stopped does not listen any more.
    let _ = asked.recorded.send(());
    Ok(())
}

async fn witness_the_rest(
    asked: &mut mpsc::Receiver<Asked>,
    of: &dyn Witness,
) -> Result<(), RunError> {
    while let Ok(asked) = asked.try_recv() {
        witness(asked, of).await?;
    }
    Ok(())
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
