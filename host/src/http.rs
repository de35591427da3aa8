//! The HTTP faces: routes, extractors and problems.
//!
//! Owns what a request must look like and what an answer looks like. It decides nothing:
//! policy is asked through `gate`, the work is the engine's.

mod answer;
mod audit;
mod aws;
mod backup;
mod body;
mod components;
mod events;
mod executions;
mod gate;
mod health;
mod linger;
mod metrics;
mod openapi;
mod parameters;
mod problem;
mod request_id;
mod reviews;
mod roles;
mod server;
mod state;
mod state_machines;
mod trace;
mod whoami;
mod yaml;

use axum::Router;
use axum::middleware;

pub(crate) use server::{ServerLimits, serve};
pub(crate) use state::{App, Opened};

use problem::Problem;

/// Every route of the host.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .merge(components::routes())
        .merge(roles::routes())
        .merge(reviews::routes())
        .merge(state_machines::routes())
        .merge(executions::routes())
        .merge(events::routes())
        .merge(audit::routes())
        .merge(backup::routes())
        .merge(aws::routes())
        .merge(whoami::routes())
        .merge(openapi::routes())
        .merge(health::routes())
        .merge(metrics::routes())
        .fallback(async || Problem::not_found("no such route, see `/openapi.json`"))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn_with_state(
            app.clone(),
            metrics::measure,
        ))
        .layer(middleware::from_fn_with_state(
            app.clone(),
            request_id::attach,
        ))
        .with_state(app)
}

/// The routes of the address that is set apart for whoever watches the host.
pub(crate) fn metrics_router(app: App) -> Router {
    Router::new()
        .merge(metrics::open_routes())
        .merge(health::routes())
        .fallback(async || Problem::not_found("nothing but `/metrics` is served here"))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn_with_state(
            app.clone(),
            request_id::attach,
        ))
        .with_state(app)
}

#[cfg(test)]
mod tests;
