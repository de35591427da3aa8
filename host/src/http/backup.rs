//! `/v1/backup`: everything the host keeps, as it stands at one moment.

use auth::policy::{ReadBackup, Resource};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use ports::{Backup, StoreError};

use super::gate::{Authenticated, authorize};
use super::parameters::Parameters;
use super::problem::Problem;
use super::state::App;

const CONTENT_TYPE_BACKUP: &str = "application/vnd.sluice.backup";

pub(super) fn routes() -> Router<App> {
    Router::new().route("/v1/backup", get(read))
}

/// A stream that breaks off before its last line where the store fails.
async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let permit = authorize::<ReadBackup>(&app, &caller, &Resource::host()).await?;
    let backup = app.engine()?.backup(permit).await?;
    let chunks = stream::unfold(Some(backup), async |backup| {
        let chunk = next(backup?).await;
        match chunk {
            Ok((Some(bytes), backup)) => Some((Ok(Bytes::from(bytes)), Some(backup))),
            Ok((None, _)) => None,
            Err(error) => {
                tracing::error!(%error, "a backup broke off");
                Some((Err(error), None))
            }
        }
    });
    let headers = [
        (CONTENT_TYPE, CONTENT_TYPE_BACKUP),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

type Read = (Option<Vec<u8>>, Box<dyn Backup>);

async fn next(mut backup: Box<dyn Backup>) -> Result<Read, StoreError> {
    let read = tokio::task::spawn_blocking(move || {
        let bytes = backup.next_bytes()?;
        Ok((bytes, backup))
    });
    let ended = |error: tokio::task::JoinError| StoreError::Io(error.to_string().into());
    read.await.map_err(ended)?
}
