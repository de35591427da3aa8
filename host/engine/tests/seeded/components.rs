//! Components that do what the seed says: how long they take, how they end, whether they mind
//! being cancelled.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use auth::names::Digest;
use bytes::Bytes;
use ports::{
    Attempt, AttemptReport, Exports, Inspection, Journal, Outcome, Rejected, RunError, Runner,
    Usage,
};
use serde_json::{Value, json};
use store::MemoryStore;

use crate::book::Book;
use crate::definitions::{CAUSE, ERROR};
use crate::dice::Dice;
use crate::invariants::attempts::{Run, is_run_once};
use crate::outside::{Content, HostClock, Letter, Outside};
use crate::weather::SeededWeather;

/// Runs components on one host.
pub(crate) struct SeededRunner {
    pub(crate) outside: Arc<Outside>,
    pub(crate) book: Arc<Mutex<Book>>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) weather: Arc<SeededWeather>,
    pub(crate) clock: Arc<HostClock>,
    pub(crate) life: usize,
}

/// One run under way; over however it ends.
struct Running<'a> {
    outside: &'a Outside,
    key: &'a str,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut state = self.outside.state();
        let run = state
            .runs
            .get_mut(self.key)
            .and_then(|runs| runs.last_mut());
        if let Some(run) = run {
            run.is_over = true;
        }
    }
}

#[async_trait]
impl Runner for SeededRunner {
    async fn inspect(&self, wasm: Bytes) -> Result<Inspection, Rejected> {
        let manifest = std::str::from_utf8(&wasm).ok().map(ToOwned::to_owned);
        Ok(Inspection {
            digest: Digest::of(&wasm),
            imports: Vec::new(),
            exports: Exports::Step,
            manifest,
        })
    }

    async fn prepare(&self, _: &Digest) -> Result<(), RunError> {
        Ok(())
    }

    async fn run(&self, attempt: Attempt) -> Result<AttemptReport, RunError> {
        let key = attempt.context.idempotency_key.clone();
        self.begin(&attempt, &key).await;
        let _running = Running {
            outside: &self.outside,
            key: &key,
        };
        let input: Value = serde_json::from_str(&attempt.input).unwrap_or_default();
        let mut dice = self.dice(&attempt, &input);
        let duration = match dice.within(0..=9) {
            0..=2 => 0,
            3..=8 => dice.within(1..=2_000),
            _ => dice.within(1..=40_000),
        };
        let minds = !dice.one_in(4);
        tokio::select! {
            biased;
            () = attempt.cancelled.cancelled(), if minds => {
                tokio::time::sleep(Duration::from_millis(dice.within(0..=500))).await;
                return Ok(report(Outcome::Cancelled));
            }
            () = tokio::time::sleep(Duration::from_millis(duration)) => {}
        }
        let outcome = self.outcome(&mut dice, &attempt.context.component)?;
        self.outside.note(&format!("{key} ends with {outcome:?}"));
        let is_handed_on = matches!(outcome, Outcome::Succeeded { .. });
        if let Some(token) = input["token"].as_str().filter(|_| is_handed_on) {
            answer_later(&self.outside, self.clock.elapsed_ms(), token, &mut dice);
        }
        Ok(report(outcome))
    }
}

impl SeededRunner {
    /// Looks at the store at the moment the component is run.
    async fn begin(&self, attempt: &Attempt, key: &str) {
        let context = &attempt.context;
        self.weather.calm(true);
        let stored = self.store.load(&context.execution).await;
        self.weather.calm(false);
        let stored = stored
            .ok()
            .flatten()
            .map(|stored| stored.restore().unwrap());
        let place = (&context.execution, context.state.as_str(), context.attempt);
        let hosts = (self.life, self.outside.plan.is_calm);
        let (verdict, is_express) = {
            let mut book = self.book.lock().unwrap();
            match book.begin_express(place, key, hosts) {
                Some(verdict) => (verdict, true),
                None => (book.begin(place, key, stored.as_ref()), false),
            }
        };
        self.outside.check(verdict);
        self.outside
            .note(&format!("{key} runs `{}`", context.component));
        let began_ms = self.clock.elapsed_ms();
        let mut state = self.outside.state();
        let runs = state.runs.entry(key.to_owned()).or_default();
        // Those of an express execution all run again with it.
        let is_idempotent = is_express || context.component != "once";
        let verdict = is_run_once(runs, key, self.life, is_idempotent);
        runs.push(Run {
            life: self.life,
            began_ms,
            is_over: false,
        });
        drop(state);
        self.outside.check(verdict);
    }

    /// What happens depends on state, attempt and input alone.
    fn dice(&self, attempt: &Attempt, input: &Value) -> Dice {
        let context = &attempt.context;
        let mut input = input.clone();
        if let Some(members) = input.as_object_mut() {
            members.remove("token");
        }
        let lane = [
            &context.component,
            &context.state,
            &context.attempt.to_string(),
            &input.to_string(),
        ];
        Dice::new(self.outside.plan.seed, &lane.map(String::as_str).join(" "))
    }

    fn outcome(&self, dice: &mut Dice, component: &str) -> Result<Outcome, RunError> {
        let is_calm = self.outside.plan.is_calm;
        let what = dice.within(0..=if is_calm { 19 } else { 23 });
        let failed = |error: &str| Outcome::Failed {
            error: error.to_owned(),
            cause: CAUSE.to_owned(),
        };
        Ok(match what {
            0..=14 => Outcome::Succeeded {
                output: json!({"by": component, "n": dice.within(0..=9)}).to_string(),
            },
            15..=19 => failed(ERROR),
            20 => failed("Other"),
            21 => Outcome::Succeeded {
                output: "no json".to_owned(),
            },
            22 => return Err(RunError::Host("by script".into())),
            // No panic hook hears of it.
            _ => std::panic::resume_unwind(Box::new("by script")),
        })
    }
}

/// Has the holder of a token answer it, or not.
pub(crate) fn answer_later(outside: &Outside, now_ms: u64, token: &str, dice: &mut Dice) {
    let is_calm = outside.plan.is_calm;
    if !is_calm && dice.one_in(6) {
        return;
    }
    let mut at = now_ms;
    let mut send = |after: u64, content: Content| {
        at += after;
        let token = token.to_owned();
        outside.post(at, Letter { token, content });
    };
    for _ in 0..dice.within(0..=2) {
        send(dice.within(0..=1_500), Content::Heartbeat);
    }
    let content = match dice.one_in(4) {
        true => Content::Failure,
        false => Content::Success(json!({"answer": dice.within(0..=9)})),
    };
    send(dice.within(0..=5_000), content.clone());
    if !is_calm && dice.one_in(4) {
        send(dice.within(0..=100), content);
    }
    outside.state().answered.insert(token.to_owned());
}

fn report(outcome: Outcome) -> AttemptReport {
    AttemptReport {
        outcome,
        logs: Vec::new(),
        usage: Usage::default(),
        uses: Vec::new(),
        times: None,
    }
}
