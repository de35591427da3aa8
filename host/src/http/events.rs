//! `/v1/executions/{id}/events`: history as it happens, as server-sent events.
//!
//! Owns the order and the end of a stream: from the start or from `Last-Event-ID`, live until
//! the execution has ended, and never past the caller's token or right to read.

use std::convert::Infallible;
use std::time::Duration;

use asl::{ExecutionId, HistoryEvent};
use auth::policy::{ReadExecution, Resource};
use auth::principal::Caller;
use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use engine::Share;
use futures_util::{Stream, StreamExt as _, stream};
use http::HeaderMap;
use ports::HistoryCursor;
use tokio::time::Instant;

use super::executions::{find, resource_of};
use super::gate::{Authenticated, authorize};
use super::parameters::{Parameters, Segments};
use super::problem::Problem;
use super::state::App;

const LAST_EVENT_ID: &str = "last-event-id";
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const PAGE: usize = 100;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/v1/executions/{id}/events", get(follow))
}

async fn follow(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Segments(id): Segments<String>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let after = last_event_id(&headers)?;
    let (description, _permit) = find::<ReadExecution>(&app, &caller, &id).await?;
    let share = app.streams().take(&caller.principal.key());
    let share = match share {
        Ok(share) => share,
        Err(full) => {
            app.engine()?.metrics().refused("event_streams_max", full);
            return Err(Problem::too_many_streams(full));
        }
    };
    let follower = Follower {
        resource: resource_of(&description)?,
        id: description.start.header.id,
        caller,
        after,
        cursor: HistoryCursor::default(),
        news: None,
        has_more: false,
        _share: share,
        app,
    };
    let ends_at = expiry(follower.caller.expires_at);
    let shutdown = follower.app.shutdown().clone();
    let ended = async move {
        tokio::select! {
            () = tokio::time::sleep_until(ends_at) => {}
            () = shutdown.cancelled() => {}
        }
    };
    let events = follower.events().take_until(Box::pin(ended));
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else {
        return Ok(0);
    };
    let id = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok());
    id.ok_or_else(|| Problem::malformed("`Last-Event-ID` is not the id of a history event"))
}

fn expiry(expires_at_seconds: i64) -> Instant {
    let now = std::time::SystemTime::now();
    let now = now
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let left = u64::try_from(expires_at_seconds)
        .unwrap_or(0)
        .saturating_sub(now);
    Instant::now() + Duration::from_secs(left)
}

/// One reader of one execution's history.
struct Follower {
    app: App,
    caller: Caller,
    resource: Resource,
    id: ExecutionId,
    /// The last event that the reader has.
    after: u64,
    cursor: HistoryCursor,
    /// Who tells of further events, once asked.
    news: Option<engine::Follower>,
    /// Whether there is something to read that nothing will be told of.
    has_more: bool,
    _share: Share,
}

/// What the next look at the history brought.
enum Look {
    /// Events, at least one.
    Events(Vec<HistoryEvent>),
    /// Nothing, and nothing will come.
    End,
}

impl Follower {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        let pages = stream::unfold(self, async |mut follower| match follower.look().await {
            Ok(Look::Events(events)) => Some((events, follower)),
            Ok(Look::End) => None,
            Err(problem) => {
                tracing::info!(?problem, "an event stream was cut off");
                None
            }
        });
        pages.flat_map(|events| stream::iter(events.into_iter().map(|event| Ok(to_sse(&event)))))
    }

    /// Waits for events after those already read. The right to read is asked for again each time.
    async fn look(&mut self) -> Result<Look, Problem> {
        loop {
            match &mut self.news {
                // Taken before reading, so that what happens in between is told of.
                None => self.news = self.app.engine()?.follow(&self.id).await?,
                Some(_) if self.has_more => {}
                Some(news) => {
                    if news.changed().await.is_err() {
                        // Nothing more is told here; asking again finds out why.
                        self.news = None;
                        continue;
                    }
                }
            }
            let events = self.read().await?;
            if !events.is_empty() {
                return Ok(Look::Events(events));
            }
            // Of one that has ended all is read, and one that is left to the next host has its
            // reader go on there.
            if self.news.is_none() {
                return Ok(Look::End);
            }
        }
    }

    async fn read(&mut self) -> Result<Vec<HistoryEvent>, Problem> {
        let engine = self.app.engine()?.clone();
        let app = self.app.clone();
        let permit = authorize::<ReadExecution>(&app, &self.caller, &self.resource).await?;
        loop {
            let page = engine.history(&permit, &self.id, self.cursor, PAGE).await?;
            (self.cursor, self.has_more) = (page.next, page.has_more);
            let mut events = page.events;
            events.retain(|event| event.id > self.after);
            if let Some(last) = events.last() {
                self.after = last.id;
            }
            if !events.is_empty() || !page.has_more {
                return Ok(events);
            }
        }
    }
}

fn to_sse(event: &HistoryEvent) -> Event {
    let data = event.to_json();
    Event::default()
        .id(event.id.to_string())
        .event(event.detail.event_type())
        .data(data.to_string())
}
