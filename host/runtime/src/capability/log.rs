//! Standard input and output, and the other powerless parts of `wasi:cli` and `wasi:io`.
//!
//! What a guest writes becomes log lines, bounded in bytes and escaped; a command's stdout is
//! its output. The environment and the arguments are empty.

mod pen;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use asl::Timestamp;
use auth::capability::Limit;
use ports::{LogLine, StepContext};
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::p2::bindings::{cli, io};

use self::pen::{Pen, To};
use crate::guest::Guest;
use crate::ledger::Ledger;
use crate::limits::LimitExceeded;
use crate::text;

pub(crate) const INTERFACES: &[&str] = &[
    "wasi:io/error@0.2.",
    "wasi:io/poll@0.2.",
    "wasi:io/streams@0.2.",
    "wasi:cli/environment@0.2.",
    "wasi:cli/exit@0.2.",
    "wasi:cli/stdin@0.2.",
    "wasi:cli/stdout@0.2.",
    "wasi:cli/stderr@0.2.",
    "wasi:cli/terminal-input@0.2.",
    "wasi:cli/terminal-output@0.2.",
    "wasi:cli/terminal-stdin@0.2.",
    "wasi:cli/terminal-stdout@0.2.",
    "wasi:cli/terminal-stderr@0.2.",
];

/// A longer line is cut into several.
const LINE_BYTES_MAX: usize = 8 << 10;
/// What a line counts at the least, so that empty lines are bounded as well.
const LINE_BYTES_MIN: u64 = 16;
/// What is kept of the end of stderr.
const TAIL_BYTES: usize = 4 << 10;

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    io::error::add_to_linker::<Guest, Table>(linker, Guest::table)?;
    io::poll::add_to_linker::<Guest, Table>(linker, Guest::table)?;
    io::streams::add_to_linker::<Guest, Table>(linker, Guest::table)?;
    cli::environment::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::exit::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::stdin::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::stdout::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::stderr::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_input::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_output::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_stdin::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_stdout::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_stderr::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    Ok(())
}

/// Where a guest's writing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Everything one attempt wrote.
pub(crate) struct Book {
    execution: String,
    state: String,
    attempt: u32,
    logs_bytes_max: u64,
    output_bytes_max: u64,
    ledger: Arc<Ledger>,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    lines: Vec<LogLine>,
    counted: u64,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    tail: Vec<u8>,
    output: Vec<u8>,
}

/// What is left of a book.
pub(crate) struct Written {
    pub(crate) logs: Vec<LogLine>,
    pub(crate) stderr_tail: String,
    pub(crate) output: Vec<u8>,
}

impl Book {
    pub(crate) fn new(
        context: &StepContext,
        limits: &auth::capability::Limits,
        ledger: Arc<Ledger>,
    ) -> Arc<Self> {
        Arc::new(Self {
            execution: context.execution.to_string(),
            state: context.state.clone(),
            attempt: context.attempt,
            logs_bytes_max: limits.logs_bytes(),
            output_bytes_max: limits.output_bytes(),
            ledger,
            pages: Mutex::default(),
        })
    }

    /// The stdout whose lines are logged.
    pub(crate) fn stdout(self: &Arc<Self>) -> Pen {
        Pen {
            book: Arc::clone(self),
            to: To::Log(Stream::Stdout),
        }
    }

    /// The stdout that is a command's output.
    pub(crate) fn output(self: &Arc<Self>) -> Pen {
        Pen {
            book: Arc::clone(self),
            to: To::Output,
        }
    }

    /// The stderr; its lines are logged and its end is kept for a failure's cause.
    pub(crate) fn stderr(self: &Arc<Self>) -> Pen {
        Pen {
            book: Arc::clone(self),
            to: To::Log(Stream::Stderr),
        }
    }

    /// Ends the last lines and hands everything out.
    pub(crate) fn close(&self) -> Written {
        let mut pages = self.lock();
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = std::mem::take(pages.open_line(stream));
            if !rest.is_empty() && self.count(&mut pages, rest.len()).is_ok() {
                self.enter(&mut pages, stream, &rest);
            }
        }
        let tail = String::from_utf8_lossy(&pages.tail);
        Written {
            stderr_tail: text::plain_lines(text::tail(&tail, TAIL_BYTES), TAIL_BYTES),
            logs: std::mem::take(&mut pages.lines),
            output: std::mem::take(&mut pages.output),
        }
    }

    fn log(&self, stream: Stream, bytes: &[u8]) -> Result<(), LimitExceeded> {
        let mut pages = self.lock();
        if stream == Stream::Stderr {
            pages.keep_tail(bytes);
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (part, is_ended) = match piece.strip_suffix(b"\n") {
                Some(part) => (part, true),
                None => (piece, false),
            };
            for chunk in part.chunks(LINE_BYTES_MAX) {
                let line = pages.open_line(stream);
                if line.len() + chunk.len() > LINE_BYTES_MAX {
                    self.end_line(&mut pages, stream)?;
                }
                pages.open_line(stream).extend_from_slice(chunk);
            }
            if is_ended {
                self.end_line(&mut pages, stream)?;
            }
        }
        Ok(())
    }

    fn end_line(&self, pages: &mut Pages, stream: Stream) -> Result<(), LimitExceeded> {
        let line = std::mem::take(pages.open_line(stream));
        self.count(pages, line.len())?;
        self.enter(pages, stream, &line);
        Ok(())
    }

    fn count(&self, pages: &mut Pages, line_bytes: usize) -> Result<(), LimitExceeded> {
        let bytes = u64::try_from(line_bytes)
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let counted = pages.counted.saturating_add(bytes.max(LINE_BYTES_MIN));
        if counted > self.logs_bytes_max {
            let exceeded = LimitExceeded::Granted {
                limit: Limit::Logs,
                allowed: self.logs_bytes_max,
            };
            return Err(self.ledger.exceed(exceeded));
        }
        pages.counted = counted;
        Ok(())
    }

    fn enter(&self, pages: &mut Pages, stream: Stream, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = text::plain(&String::from_utf8_lossy(line), 2 * LINE_BYTES_MAX);
        tracing::info!(
            target: "sluice::step",
            execution = self.execution,
            state = self.state,
            attempt = self.attempt,
            stream = stream.as_str(),
            line,
        );
        pages.lines.push(LogLine {
            at: now(),
            state: self.state.clone(),
            attempt: self.attempt,
            stream: stream.as_str().to_owned(),
            line,
        });
    }

    fn put_out(&self, bytes: &[u8]) -> Result<(), LimitExceeded> {
        let mut pages = self.lock();
        let length = pages.output.len().saturating_add(bytes.len());
        if u64::try_from(length).unwrap_or(u64::MAX) > self.output_bytes_max {
            let exceeded = LimitExceeded::Granted {
                limit: Limit::Output,
                allowed: self.output_bytes_max,
            };
            return Err(self.ledger.exceed(exceeded));
        }
        pages.output.extend_from_slice(bytes);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn open_line(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > 2 * TAIL_BYTES {
            let from = self.tail.len() - TAIL_BYTES;
            self.tail.drain(..from);
        }
    }
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
