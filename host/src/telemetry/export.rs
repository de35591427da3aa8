//! Sends spans to the collector, in batches, for as long as the host runs.
//!
//! Owns what is waited for and what is tried again. Nobody waits for it but the end of the
//! host, and that for a bounded time.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::resource::v1::Resource;
use ports::Span;
use prost::Message as _;
use reqwest::{Client, Response};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::SpanCounts;
use super::answer::{Sent, judge};
use super::otlp;
use crate::config::{Collector, Trust};
use crate::outgoing::{self, ClientError};

/// How many spans are sent at once, phases not counted, and how long the first of them waits for
/// others.
const BATCH_SPANS_MAX: usize = 512;
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// How often a batch is tried, and how long between: twice as long each time.
const TRIES_MAX: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Of an answer no more than this is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How often the log tells of a collector that goes on failing.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// Sends spans to the collector.
pub(crate) struct Export {
    client: Client,
    collector: Collector,
    resource: Resource,
    counts: SpanCounts,
    spans: mpsc::Receiver<Span>,
    batch: Vec<Span>,
    /// When the log last told of a failure, while the collector fails.
    told: Option<Instant>,
}

impl Export {
    pub(super) fn new(
        collector: &Collector,
        trust: &Trust,
        spans: mpsc::Receiver<Span>,
        (resource, counts): (Resource, SpanCounts),
    ) -> Result<Self, ClientError> {
        Ok(Self {
            client: outgoing::client(trust, collector.timeout)?,
            collector: collector.clone(),
            resource,
            counts,
            spans,
            batch: Vec::new(),
            told: None,
        })
    }

    /// Sends what comes until `ending`, then what is left, for no longer than the collector may
    /// take to answer.
    pub(crate) async fn run(mut self, ending: CancellationToken) {
        let (limit, counts) = (self.collector.timeout, self.counts.clone());
        let is_done = {
            let mut work = pin!(self.work(&ending));
            tokio::select! {
                biased;
                () = &mut work => true,
                () = ending.cancelled() => tokio::time::timeout(limit, work).await.is_ok(),
            }
        };
        if !is_done {
            let left = self.left();
            counts.add("failed", left);
            tracing::warn!(spans = left, "the host ends before all spans were sent");
        }
    }

    async fn work(&mut self, ending: &CancellationToken) {
        while self.gather(ending).await {
            self.deliver(ending).await;
        }
    }

    /// Waits for spans, then a little for others; false once none will come.
    async fn gather(&mut self, ending: &CancellationToken) -> bool {
        let mut until: Option<Instant> = None;
        while self.batch.len() < BATCH_SPANS_MAX {
            let room = BATCH_SPANS_MAX - self.batch.len();
            let is_over = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                received = self.spans.recv_many(&mut self.batch, room) => {
                    if received == 0 {
                        break;
                    }
                    until = until.or_else(|| Some(Instant::now() + BATCH_WAIT));
                }
                () = ending.cancelled() => break,
                () = is_over => break,
            }
        }
        !self.batch.is_empty()
    }

    /// Sends a batch, trying again where that may help.
    async fn deliver(&mut self, ending: &CancellationToken) {
        let body = otlp::request(&self.resource, &self.batch).encode_to_vec();
        let body = Bytes::from(body);
        let spans = count(&self.batch);
        let mut pause = PAUSE;
        for tried in 1.. {
            match post(&self.client, &self.collector, body.clone()).await {
                Sent::Taken { rejected } => {
                    let rejected = rejected.min(spans);
                    self.counts.add("sent", spans - rejected);
                    self.counts.add("failed", rejected);
                    self.tell(rejected, "the collector does not want some of the spans");
                    break;
                }
                Sent::Later { after, problem } if tried < TRIES_MAX && !ending.is_cancelled() => {
                    tracing::debug!(problem, "spans are to be sent again");
                    let pausing = tokio::time::sleep(after.unwrap_or(pause).min(PAUSE_MAX));
                    tokio::select! {
                        biased;
                        () = pausing => {}
                        // One more try, then the end.
                        () = ending.cancelled() => {}
                    }
                    pause = pause.saturating_mul(2);
                }
                Sent::Later { problem, .. } | Sent::Refused { problem } => {
                    self.counts.add("failed", spans);
                    self.tell(spans, &problem);
                    break;
                }
            }
        }
        self.batch.clear();
    }

    /// Tells of spans that are lost, once a minute at most, and of the first that are not again.
    fn tell(&mut self, lost: usize, problem: &str) {
        if lost == 0 {
            if self.told.take().is_some() {
                tracing::info!("the collector takes spans again");
            }
            return;
        }
        if self.told.is_none_or(|told| told.elapsed() >= TELL_AGAIN) {
            self.told = Some(Instant::now());
            tracing::warn!(
                spans = lost,
                problem,
                "spans were not taken by the collector"
            );
        }
    }

    /// How many spans are not sent.
    fn left(&mut self) -> usize {
        let mut left = count(&self.batch);
        while let Ok(span) = self.spans.try_recv() {
            left = left.saturating_add(span.count());
        }
        left
    }
}

fn count(spans: &[Span]) -> usize {
    spans.iter().map(Span::count).sum()
}

/// Whether the collector takes traces: sends it none.
///
/// # Errors
/// Why it does not.
pub(crate) async fn probe(collector: &Collector, trust: &Trust) -> Result<(), String> {
    let client = outgoing::client(trust, collector.timeout).map_err(|error| error.to_string())?;
    match post(&client, collector, Bytes::new()).await {
        Sent::Taken { .. } => Ok(()),
        Sent::Later { problem, .. } | Sent::Refused { problem } => Err(problem),
    }
}

/// One try.
async fn post(client: &Client, collector: &Collector, body: Bytes) -> Sent {
    let mut request = client
        .post(collector.url.clone())
        .header(http::header::CONTENT_TYPE, "application/x-protobuf");
    for (name, value) in &collector.headers {
        request = request.header(name, value);
    }
    let lost = |error: reqwest::Error| Sent::Later {
        problem: format!("no answer from the collector: {}", reason(error)),
        after: None,
    };
    let mut response = match request.body(body).send().await {
        Ok(response) => response,
        Err(error) => return lost(error),
    };
    match read(&mut response).await {
        Ok(body) => judge(response.status(), response.headers(), &body),
        // What it has answered stands, whether or not it says more.
        Err(_) => judge(response.status(), response.headers(), &[]),
    }
}

async fn read(response: &mut Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if chunk.len() > ANSWER_BYTES_MAX.saturating_sub(body.len()) {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error with what led to it, and without the address, which may be told apart from it.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
