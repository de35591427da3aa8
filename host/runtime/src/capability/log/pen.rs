//! The ends of streams that a guest writes to.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::{Book, Stream};
use crate::limits::LimitExceeded;

/// What a guest may write at once.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// One end of a stream into the book.
#[derive(Clone)]
pub(crate) struct Pen {
    pub(super) book: Arc<Book>,
    pub(super) to: To,
}

#[derive(Clone, Copy)]
pub(super) enum To {
    Log(Stream),
    Output,
}

impl Pen {
    fn put(&self, bytes: &[u8]) -> Result<(), LimitExceeded> {
        match self.to {
            To::Log(stream) => self.book.log(stream, bytes),
            To::Output => self.book.put_out(bytes),
        }
    }
}

impl IsTerminal for Pen {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Pen {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Pen {
    async fn ready(&mut self) {}
}

impl OutputStream for Pen {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.put(&bytes)
            .map_err(|exceeded| StreamError::Trap(wasmtime::Error::new(exceeded)))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

impl AsyncWrite for Pen {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(
            self.put(bytes)
                .map(|()| bytes.len())
                .map_err(std::io::Error::other),
        )
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
