//! Bodies that end with an error at their limit, and responses that end when nothing comes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::Error;

pub(super) struct Bounded<B> {
    body: B,
    bytes_max: u64,
    bytes_left: u64,
    excess: fn(Option<u64>) -> Error,
    idle: Option<Idle>,
}

struct Idle {
    time: Duration,
    timer: Pin<Box<Sleep>>,
}

impl<B> Bounded<B> {
    pub(super) fn request(body: B, bytes_max: u64) -> Self {
        Self {
            body,
            bytes_max,
            bytes_left: bytes_max,
            excess: Error::HttpRequestBodySize,
            idle: None,
        }
    }

    pub(super) fn response(body: B, bytes_max: u64, idle_time: Duration) -> Self {
        let idle = Idle {
            time: idle_time,
            timer: Box::pin(tokio::time::sleep(idle_time)),
        };
        let excess = Error::HttpResponseBodySize;
        Self {
            body,
            bytes_max,
            bytes_left: bytes_max,
            excess,
            idle: Some(idle),
        }
    }

    fn count(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, Error> {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        let left = self
            .bytes_left
            .checked_sub(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.bytes_left = left.ok_or_else(|| (self.excess)(Some(self.bytes_max)))?;
        if let Some(idle) = &mut self.idle {
            idle.timer.as_mut().reset(Instant::now() + idle.time);
        }
        Ok(frame)
    }
}

impl<B> Body for Bounded<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Error>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(frame)) => Poll::Ready(Some(
                frame
                    .map_err(Into::into)
                    .and_then(|frame| self.count(frame)),
            )),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                let Some(idle) = &mut self.idle else {
                    return Poll::Pending;
                };
                ready!(idle.timer.as_mut().poll(context));
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Full};

    async fn read(bytes: &'static [u8], max: u64) -> Result<Bytes, Error> {
        let body =
            Full::new(Bytes::from_static(bytes)).map_err(|never| -> Error { match never {} });
        let bounded = Bounded::response(body, max, Duration::from_secs(60));
        bounded
            .collect()
            .await
            .map(|collected| collected.to_bytes())
    }

    #[tokio::test]
    async fn a_body_within_its_limit_passes_and_a_longer_one_fails() {
        assert_eq!(read(b"12345", 5).await.unwrap(), "12345");
        assert!(matches!(
            read(b"123456", 5).await,
            Err(Error::HttpResponseBodySize(Some(5)))
        ));
    }
}
