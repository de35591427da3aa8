//! Measures the host against the limits of the machine, in one run: `cargo measure`.
//!
//! Every figure stands beside the limit it is compared with, measured just before and after it, and
//! beside the target that it is held to. Loops are closed and bounded. A missed target is told and
//! fails nothing: benchmarks are not tests.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

mod again;
mod closed_loop;
mod definitions;
mod disk;
mod figure;
mod host;
mod http;
mod machine;
mod measurements;
mod options;
mod report;
mod samples;
mod show;
mod suite;
mod targets;
mod usage;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

/// The host's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match work(options::Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn work(options: options::Options) -> Result<()> {
    let threads = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let done = threads.block_on(async {
        match options.inside {
            Some(inside) => again::inside(inside, options.given.as_deref()).await,
            None => suite::run(options).await,
        }
    });
    // What an attempt or a read left on its own thread is not waited for.
    threads.shutdown_background();
    done
}
