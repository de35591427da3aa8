//! The host's program over HTTP, against an axum echo in a process of its own, with the same client.
//!
//! Client and server share the processors, so that both sides of a comparison pay for the client.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use hyper::Method;
use serde_json::{Value, json};

use super::Here;
use crate::again::{Again, Inside};
use crate::closed_loop::{Lane, Plan, Ran, closed_loop};
use crate::definitions;
use crate::figure::{Figure, Part};
use crate::http::{Connection, Program, run};
use crate::targets::{AHEAD, PEAK_MIB};

const LANES: [usize; 2] = [1, 64];
const TASKS: [u32; 2] = [1, 10];

/// Sends one request again and again.
struct Requests {
    connection: Connection,
    method: Method,
    path: &'static str,
    body: Arc<str>,
}

impl Lane for Requests {
    async fn once(&mut self) -> Result<()> {
        let body = self.body.to_string();
        let sent = self.connection.send(self.method.clone(), self.path, body);
        sent.await.map(drop)
    }
}

/// Runs executions to their end.
struct Executions {
    connection: Connection,
    machine: String,
    input: Value,
}

impl Lane for Executions {
    async fn once(&mut self) -> Result<()> {
        run(&mut self.connection, &self.machine, &self.input).await
    }
}

pub(super) async fn measure(here: &Here) -> Result<Vec<Figure>> {
    let mut echo = Again::start(Inside::Echo, &())?;
    let echo_address: SocketAddr = echo.answer().await?;
    let program = Program::start(&here.host, &here.path("data")).await?;
    let component = here.hello()?;
    for tasks in TASKS {
        let definition = definitions::tasks(tasks as usize);
        let machine = format!("tasks-{tasks}");
        program.publish(&machine, &component, &definition).await?;
    }
    let mut figures = Vec::new();
    for lanes in LANES {
        figures.extend(requests(&program, echo_address, lanes).await?);
    }
    for tasks in TASKS {
        for lanes in LANES {
            figures.extend(workflows(here, &program, tasks, lanes).await?);
        }
    }
    let peak = Figure::new(
        "the program's resident memory at the most",
        "MiB",
        program.memory()?.peak_mib,
    );
    figures.push(peak.at_most(Part::Median, PEAK_MIB, AHEAD));
    program.kill().await?;
    echo.end().await?;
    Ok(figures)
}

/// Requests that read nothing from the disk, between two measurements of the echo.
async fn requests(program: &Program, echo: SocketAddr, lanes: usize) -> Result<Vec<Figure>> {
    let before = echoed(echo, lanes).await?;
    let mut lanes_of = Vec::new();
    for _ in 0..lanes {
        lanes_of.push(Requests {
            connection: program.connect("operator").await?,
            method: Method::GET,
            path: "/v1/whoami",
            body: "".into(),
        });
    }
    let ran = closed_loop(Plan::short(), lanes_of, || 0).await?;
    let after = echoed(echo, lanes).await?;
    let name = |what| format!("{what}, {lanes} at once");
    let echo_rate = |ran: &Ran| Ok::<_, anyhow::Error>(ran.rate("echo")?.median);
    let echo_time = |ran: &Ran| Ok::<_, anyhow::Error>(ran.latency("echo")?.median);
    Ok(vec![
        before.rate(name("axum echo"))?,
        before.latency(name("axum echo: latency"))?,
        ran.rate(name("whoami"))?
            .limit("axum echo", echo_rate(&before)?, echo_rate(&after)?),
        ran.latency(name("whoami: latency"))?.limit(
            "axum echo",
            echo_time(&before)?,
            echo_time(&after)?,
        ),
    ])
}

async fn echoed(address: SocketAddr, lanes: usize) -> Result<Ran> {
    let body = json!({"stateMachine": "tasks-1", "input": definitions::input()}).to_string();
    let body: Arc<str> = body.into();
    let mut lanes_of = Vec::new();
    for _ in 0..lanes {
        lanes_of.push(Requests {
            connection: Connection::open(address, None).await?,
            method: Method::POST,
            path: "/",
            body: Arc::clone(&body),
        });
    }
    closed_loop(Plan::short(), lanes_of, || 0).await
}

/// Starts over HTTP whose ends are waited for with the event stream.
async fn workflows(
    here: &Here,
    program: &Program,
    tasks: u32,
    lanes: usize,
) -> Result<Vec<Figure>> {
    let mut lanes_of = Vec::new();
    for _ in 0..lanes {
        lanes_of.push(Executions {
            connection: program.connect("operator").await?,
            machine: format!("tasks-{tasks}"),
            input: definitions::input(),
        });
    }
    let cpu = || {
        let cpu = program.cpu_time().unwrap_or_default();
        u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX)
    };
    let beside = here.loop_beside_disk(Plan::short(), lanes_of, cpu).await?;
    let plural = if tasks == 1 { "Task" } else { "Tasks" };
    let name = |what: &str| format!("start and wait, {tasks} {plural}, {lanes} at once: {what}");
    let mut figures = beside.pace(name, (lanes, tasks))?.to_vec();
    let cpu = name("the program's CPU per workflow");
    figures.push(beside.ran.counted(cpu, "µs")?);
    Ok(figures)
}
