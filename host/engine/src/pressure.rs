//! Backpressure: what is refused while the host, or one principal's share of it, is full.
//!
//! Owns when a start is refused or has to wait, and that refusals are told without a flood. What
//! an execution under way needs is never refused. It does not know how a refusal reads over HTTP.

mod commits;
mod refusals;
mod shares;

use std::sync::Arc;

use auth::policy::{Action, Permit};
use ports::{AuditRecord, Decision};
use serde_json::json;

use crate::{Config, Engine, Error, MachineType};
pub(crate) use commits::{Commits, StartTurn};
use refusals::Refusals;
pub use shares::{Full, Share, Shares};

/// What there is no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scarce {
    /// One more running execution.
    Executions,
    /// One more execution whose steps are in memory.
    Express,
    /// One more execution whose attempts would wait.
    Attempts,
    /// One more start's commit on its way to the disk.
    Commits,
}

impl Scarce {
    /// The setting that bounds it.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Executions => "executions_running_max",
            Self::Express => "express_running_max",
            Self::Attempts => "attempts_waiting_max",
            Self::Commits => "commits_waiting_max",
        }
    }

    fn retry_after_s(self) -> u64 {
        match self {
            Self::Executions | Self::Attempts => 2,
            Self::Express | Self::Commits => 1,
        }
    }

    /// The refusal of a start.
    fn refusal(self, full: Full) -> Error {
        let retry_after_s = self.retry_after_s();
        match full {
            Full::Share => Error::TooMany {
                scarce: self,
                retry_after_s,
            },
            Full::Host => Error::Busy {
                scarce: self,
                retry_after_s,
            },
        }
    }
}

impl std::fmt::Display for Scarce {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Executions => "executions running",
            Self::Express => "express executions running",
            Self::Attempts => "attempts waiting for room",
            Self::Commits => "starts waiting for the disk",
        })
    }
}

/// What bounds the work that is let in.
pub(crate) struct Pressure {
    pub(crate) executions: Arc<Shares>,
    pub(crate) commits: Arc<Commits>,
    attempts_waiting_max: usize,
    attempts_waiting_each_max: usize,
    refusals: Refusals,
}

impl Pressure {
    pub(crate) fn new(config: &Config) -> Self {
        let percent = config.principal_share_percent;
        let attempts_waiting_max = config.attempts_waiting_max;
        Self {
            executions: Arc::new(Shares::new(config.executions_running_max, percent)),
            commits: Arc::new(Commits::new(config.commits_waiting_max, percent)),
            attempts_waiting_max,
            attempts_waiting_each_max: shares::share_of(attempts_waiting_max, percent),
            refusals: Refusals::default(),
        }
    }

    /// The place of an execution that goes on whatever the limit is.
    pub(crate) fn place_beyond(&self, principal: &str) -> Place {
        Place {
            _share: self.executions.take_beyond(principal),
            _express: None,
        }
    }
}

/// An execution's place among the running ones, for as long as it is in memory.
pub(crate) struct Place {
    _share: Share,
    /// Its place among those whose steps are in memory.
    _express: Option<Share>,
}

impl Place {
    /// The same, of one whose steps are in memory.
    pub(crate) fn with_express(self, express: Share) -> Self {
        Self {
            _express: Some(express),
            ..self
        }
    }
}

/// What a start holds: its place, and its turn to commit.
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) turn: Option<StartTurn>,
}

impl Engine {
    /// Lets a start in, once it is its turn, or refuses it. One that another execution waits for
    /// finishes what is under way: it needs room to run, and waits for nothing else.
    ///
    /// # Errors
    /// [`Error::TooMany`] or [`Error::Busy`].
    pub(crate) async fn enter<A: Action>(
        &self,
        permit: &Permit<A>,
        kind: MachineType,
        is_child: bool,
    ) -> Result<Entry, Error> {
        let principal = permit.caller().principal.key();
        let entered = match self.take_place(&principal, kind, is_child) {
            Ok(place) => match is_child {
                true => Ok(Entry { place, turn: None }),
                false => self.take_turn(&principal, place).await,
            },
            Err(refused) => Err(refused),
        };
        entered.map_err(|(scarce, full)| {
            self.shared.metrics.refused(scarce.setting(), full);
            self.tell_refusal(permit, (&principal, scarce, full));
            scarce.refusal(full)
        })
    }

    fn take_place(
        &self,
        principal: &str,
        kind: MachineType,
        is_child: bool,
    ) -> Result<Place, (Scarce, Full)> {
        let pressure = &self.shared.pressure;
        if !is_child {
            let (waiting, own) = self.shared.room.waiting(principal);
            if waiting >= pressure.attempts_waiting_max {
                return Err((Scarce::Attempts, Full::Host));
            }
            if own >= pressure.attempts_waiting_each_max {
                return Err((Scarce::Attempts, Full::Share));
            }
        }
        let share = pressure.executions.take(principal);
        let share = share.map_err(|full| (Scarce::Executions, full))?;
        let express = match kind {
            MachineType::Standard => None,
            MachineType::Express => {
                let place = self.shared.express.place(principal);
                Some(place.map_err(|full| (Scarce::Express, full))?)
            }
        };
        Ok(Place {
            _share: share,
            _express: express,
        })
    }

    async fn take_turn(&self, principal: &str, place: Place) -> Result<Entry, (Scarce, Full)> {
        let turn = self.shared.pressure.commits.start(principal);
        let turn = turn.map_err(|full| (Scarce::Commits, full))?.await;
        Ok(Entry {
            place,
            turn: Some(turn),
        })
    }

    /// Tells the log and the audit log of a refusal, and then for a while only how many followed.
    fn tell_refusal<A: Action>(
        &self,
        permit: &Permit<A>,
        (principal, scarce, full): (&str, Scarce, Full),
    ) {
        let now = self.shared.ports.clock.now();
        let refusals = &self.shared.pressure.refusals;
        let Some(untold) = refusals.note((principal, scarce), now) else {
            return;
        };
        let (setting, reason) = (scarce.setting(), scarce.refusal(full).to_string());
        tracing::warn!(principal, setting, refused = untold, %reason, "starts are refused");
        let decision = Decision::Denied {
            rule: format!("limits.{setting}"),
            reason,
        };
        let resource = permit.resource().to_string();
        let record = self.request_record(permit.caller(), A::NAME, &resource, decision);
        let record = AuditRecord {
            outcome: json!({"refused": untold}),
            ..record
        };
        // Whoever is refused is not kept waiting for the disk.
        let engine = self.clone();
        self.shared.tasks.spawn(async move {
            if let Err(error) = engine.record(record).await {
                tracing::error!(%error, "a refused start is not on record");
            }
        });
    }
}
