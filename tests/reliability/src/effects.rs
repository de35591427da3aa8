//! A server on the loopback that notes which attempts have asked it for something.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::facts::{Effect, Fact, Facts};

/// The running server; gone when dropped.
pub struct Effects {
    url: String,
    to: Noted,
    serving: JoinHandle<()>,
}

type Noted = Arc<Mutex<Facts>>;

impl Effects {
    /// Starts it; what it sees goes to `facts`.
    pub async fn serve(facts: &Facts) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let to = Arc::new(Mutex::new(facts.clone()));
        let router = Router::new()
            .route("/effect", get(note))
            .with_state(Arc::clone(&to));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, to, serving }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Notes what it sees from now on elsewhere.
    pub fn note_in(&self, facts: &Facts) {
        *self.to.lock().unwrap_or_else(PoisonError::into_inner) = facts.clone();
    }
}

impl Drop for Effects {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn note(State(to): State<Noted>, Query(query): Query<HashMap<String, String>>) -> String {
    let member = |name: &str| query.get(name).cloned().unwrap_or_default();
    let effect = Effect {
        execution: member("execution"),
        state: member("state"),
        retry: member("retry"),
    };
    let facts = to.lock().unwrap_or_else(PoisonError::into_inner).clone();
    facts.note(Fact::Effect(effect));
    "done".to_owned()
}
