//! Measures the host against the limits of the machine, in one run: `cargo measure`.
//!
//! Every figure stands beside the limit it is compared with: raw append and fdatasync, bare
//! wasmtime. Loops are closed and bounded; medians are printed with their spread.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

mod attempt;
mod disk;
mod figures;
mod host;
mod process;
mod workflows;

use anyhow::Result;

/// The host's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let threads = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    threads.block_on(measure())
}

async fn measure() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let guests = guests::Guests::build()?;
    let hello = guests.bytes("hello")?;

    println!("limits");
    let sync = disk::append_and_sync(folder.path(), 4096)?;
    println!("  append 4 KiB + fdatasync            {sync}");

    println!("one attempt of examples/hello");
    let (bare, ours) = attempt::bare_and_ours(&hello).await?;
    println!("  bare wasmtime, pooled               {bare}");
    println!("  through the runner                  {ours}");
    println!(
        "  ratio of medians                    {:.2}",
        ours.median_us() / bare.median_us()
    );
    println!(
        "  authority check, warm               {}",
        attempt::admission()?
    );

    println!("durable workflows of 10 Tasks, fsync, authority chain and audit log on");
    for concurrency in [1, 16, 64] {
        let sync = disk::append_and_sync(folder.path(), 4096)?;
        let run = workflows::run(folder.path(), &hello, concurrency).await?;
        println!("  concurrency {concurrency:<3} {run}");
        println!("                  append + fdatasync just before: {sync}");
    }

    println!("the process");
    let process = process::start_and_idle(folder.path())?;
    println!("  {process}");
    Ok(())
}
