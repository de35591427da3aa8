//! The operating system's requests to stop.

use tokio_util::sync::CancellationToken;

/// Cancels `shutdown` at the first request; the second one ends the process at once.
pub(crate) fn watch(shutdown: CancellationToken) {
    tokio::spawn(async move {
        requested().await;
        tracing::info!("asked to stop, letting attempts finish; once more to stop at once");
        shutdown.cancel();
        requested().await;
        std::process::exit(130);
    });
}

#[cfg(unix)]
async fn requested() {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, terminate) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    match (interrupt, terminate) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        (Err(error), _) | (_, Err(error)) => never(&error).await,
    }
}

#[cfg(windows)]
async fn requested() {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
    match (ctrl_c(), ctrl_break(), ctrl_close(), ctrl_shutdown()) {
        (Ok(mut interrupt), Ok(mut stop), Ok(mut close), Ok(mut shutdown)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = stop.recv() => {}
                _ = close.recv() => {}
                _ = shutdown.recv() => {}
            }
        }
        (Err(error), ..) | (_, Err(error), ..) | (_, _, Err(error), _) | (_, _, _, Err(error)) => {
            never(&error).await;
        }
    }
}

async fn never(error: &std::io::Error) {
    tracing::warn!(%error, "requests to stop are not heard");
    std::future::pending().await
}
