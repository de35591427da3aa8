//! Those who ask something of a host: they start, follow, stop, answer and change, and ask again
//! until they are told.

mod changes;
mod workers;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use asl::ExecutionId;
use auth::policy::{Action, Permit, ReadExecution, Resource, StartExecution, StopExecution};
use engine::{Engine, Error, StartRequest};
use ports::{HistoryCursor, HistoryPage};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::book::Book;
use crate::dice::Dice;
use crate::invariants::history;
use crate::invariants::told::{End, Fact};
use crate::outside::{HostClock, Outside};
use crate::people::{caller, name};
use crate::plan::{EXPRESS, Errand};

/// The clients of one host.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) outside: Arc<Outside>,
    pub(crate) engine: Engine,
    pub(crate) book: Arc<Mutex<Book>>,
    pub(crate) clock: Arc<HostClock>,
    pub(crate) life: usize,
}

/// Whether a request is over with, or is to be made again.
enum Answer<T> {
    Told(T),
    Again,
}

impl Clients {
    /// Everybody comes.
    pub(crate) fn come(&self, tasks: &mut JoinSet<()>) {
        let errands = self.outside.plan.errands.iter().enumerate();
        for (place, (at, errand)) in errands {
            if !self.outside.state().done.contains(&place) {
                let (clients, errand, at) = (self.clone(), errand.clone(), *at);
                tasks.spawn(async move {
                    clients.clock.until(at).await;
                    clients.run(errand).await;
                    clients.outside.state().done.insert(place);
                });
            }
        }
        let started = self.outside.state().started.clone();
        for (name, id) in started {
            let clients = self.clone();
            tasks.spawn(async move { clients.watch(&name, &id).await });
        }
        let clients = self.clone();
        tasks.spawn(async move { clients.post_letters().await });
        for worker in 0..2 {
            let clients = self.clone();
            tasks.spawn(async move { clients.work(worker).await });
        }
    }

    /// Keeps what a client was told, which is durable from that moment on.
    fn told(&self, id: &ExecutionId, fact: Fact) {
        let verdict = self.book.lock().unwrap().tells(id, &fact);
        self.outside.check(verdict);
        self.outside.tell(id, fact);
    }

    async fn run(&self, errand: Errand) {
        match errand {
            Errand::Start {
                machine,
                name,
                input,
            } => {
                if let Some(id) = self.start(&machine, &name, &input).await {
                    self.watch(&name, &id).await;
                }
            }
            Errand::Stop { name } => self.stop(&name).await,
            Errand::WriteRole { is_wide } => self.write_role(is_wide).await,
            Errand::Review {
                component,
                approves,
            } => self.review(&component, approves).await,
        }
    }

    fn permit<A: Action>(&self, group: &str, resource: &Resource) -> Option<Permit<A>> {
        let policies = self.engine.policies();
        policies.permits::<A>(&caller(group), resource).ok()
    }

    /// What a client makes of a refusal: it asks again where the host had no room or ended.
    async fn answer<T>(&self, result: Result<T, Error>) -> Answer<Option<T>> {
        let pause = match result {
            Ok(answer) => return Answer::Told(Some(answer)),
            Err(Error::TooMany { .. } | Error::Busy { .. }) => {
                self.outside.note("no room");
                200
            }
            Err(Error::Recovering { .. }) => 200,
            Err(Error::Closing | Error::Store(_) | Error::Host(_)) => 1_000,
            Err(_) => return Answer::Told(None),
        };
        tokio::time::sleep(Duration::from_millis(pause)).await;
        Answer::Again
    }

    async fn start(&self, machine: &str, name_: &str, input: &Value) -> Option<ExecutionId> {
        let known = self.outside.state().started.get(name_).cloned();
        if known.is_some() {
            return known;
        }
        loop {
            let resource = Resource::state_machine(&name(machine));
            let permit = self.permit::<StartExecution>("operators", &resource)?;
            let request = StartRequest {
                name: Some(name(name_).into()),
                ..StartRequest::new(name(machine), input.clone())
            };
            let started = self.engine.start(permit, request).await;
            let id = match started {
                Ok(started) => started.into_inner().id,
                // An earlier start was not answered, and what it started has ended.
                Err(Error::Conflict(_)) => {
                    let arn = format!(
                        "arn:aws:states:us-east-1:000000000000:execution:{machine}:{name_}"
                    );
                    self.engine.find(&arn).await.ok()??.start.header.id
                }
                Err(error) => match self.answer::<()>(Err(error)).await {
                    Answer::Told(_) => return None,
                    Answer::Again => continue,
                },
            };
            self.told(&id, Fact::Started(name_.to_owned()));
            let mut state = self.outside.state();
            state.started.insert(name_.to_owned(), id.clone());
            return Some(id);
        }
    }

    async fn stop(&self, name_: &str) {
        let Some(id) = self.outside.state().started.get(name_).cloned() else {
            return;
        };
        loop {
            let resource = Resource::execution(&name("m0"), id.as_str());
            let Some(permit) = self.permit::<StopExecution>("operators", &resource) else {
                return;
            };
            let error = Some("Stopped".to_owned());
            let stopped = self.engine.stop(permit, &id, error, None).await;
            if let Answer::Told(told) = self.answer(stopped).await {
                if let Some(at) = told {
                    self.told(&id, Fact::Stopped(at));
                }
                return;
            }
        }
    }

    /// Watches an execution until its end.
    async fn watch(&self, name_: &str, id: &ExecutionId) {
        if !name_.starts_with(EXPRESS) {
            return self.follow(id).await;
        }
        // The steps of the last host are gone with it: of these only the end is told.
        while !self.has_ended(id).await {
            match self.engine.follow(id).await {
                Ok(Some(mut progress)) => drop(progress.changed().await),
                Ok(None) | Err(_) => tokio::time::sleep(Duration::from_secs(5)).await,
            }
        }
    }

    /// Reads an execution's history as it grows, until its end.
    async fn follow(&self, id: &ExecutionId) {
        let lane = format!("follower {id} {}", self.life);
        let mut dice = Dice::new(self.outside.plan.seed, &lane);
        let mut seen = Vec::new();
        let mut cursor = HistoryCursor::default();
        loop {
            let progress = self.engine.follow(id).await.ok().flatten();
            let limit = usize::try_from(dice.within(1..=20)).unwrap();
            let Some(page) = self.page(id, cursor, limit).await else {
                continue;
            };
            seen.extend(page.events);
            cursor = page.next;
            if page.has_more {
                continue;
            }
            self.saw(id, &seen);
            let goes_on = match progress {
                Some(mut progress) => progress.changed().await.is_ok(),
                None => false,
            };
            if !goes_on && self.has_ended(id).await {
                return;
            }
            if !goes_on {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
    }

    async fn page(
        &self,
        id: &ExecutionId,
        cursor: HistoryCursor,
        limit: usize,
    ) -> Option<HistoryPage> {
        let resource = Resource::execution(&name("m0"), id.as_str());
        let permit = self.permit::<ReadExecution>("operators", &resource)?;
        let page = self.engine.history(&permit, id, cursor, limit).await;
        match self.answer(page).await {
            Answer::Told(page) => page,
            Answer::Again => None,
        }
    }

    fn saw(&self, id: &ExecutionId, seen: &[asl::HistoryEvent]) {
        let verdict = self.book.lock().unwrap().shows(id, seen);
        self.outside.check(verdict);
        let mut state = self.outside.state();
        let before = state.seen.entry(id.clone()).or_default();
        let verdict = match seen.len() >= before.len() {
            true => history::begins_with(seen, before),
            // A reader of the same host may be behind.
            false => history::begins_with(before, seen),
        };
        if seen.len() > before.len() {
            *before = seen.to_vec();
        }
        drop(state);
        self.outside.check(verdict);
    }

    async fn has_ended(&self, id: &ExecutionId) -> bool {
        let Ok(Some(known)) = self.engine.find(id.as_str()).await else {
            return false;
        };
        let is_over = known.summary.status.is_terminal();
        if is_over {
            self.told(id, Fact::Ended(End::of(&known)));
        }
        is_over
    }
}
