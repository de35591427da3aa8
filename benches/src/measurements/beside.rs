//! A loop between two looks at what the disk can do, and its figures against that.

use anyhow::Result;

use super::Here;
use crate::closed_loop::{Lane, Plan, Ran, closed_loop};
use crate::disk::Pace;
use crate::figure::Figure;

/// What a loop came to, and the disk's pace just before and just after.
pub(super) struct Beside {
    pub(super) ran: Ran,
    before: Pace,
    after: Pace,
}

impl Here {
    /// Runs lanes; as [`closed_loop`] does.
    ///
    /// # Errors
    /// A lane failed, or the folder cannot be written to.
    pub(super) async fn loop_beside_disk<L: Lane>(
        &self,
        plan: Plan,
        lanes: impl IntoIterator<Item = L>,
        count: impl Fn() -> u64,
    ) -> Result<Beside> {
        let before = Pace::now(&self.folder)?;
        let ran = closed_loop(plan, lanes.into_iter().collect(), count).await?;
        let after = Pace::now(&self.folder)?;
        Ok(Beside { ran, before, after })
    }
}

impl Beside {
    /// How many were done in a second, against the records that the disk takes 64 at a time.
    pub(super) fn rate(&self, name: String, records: u32) -> Result<Figure> {
        let limit = |pace: Pace| pace.grouped_per_s / f64::from(records);
        let what = match records {
            1 => "records, 64 a sync".to_owned(),
            many => format!("records, 64 a sync, / {many}"),
        };
        let rate = self.ran.rate(name)?;
        Ok(rate.limit(what, limit(self.before), limit(self.after)))
    }

    /// How long each took, against so many syncs one after another.
    pub(super) fn latency(&self, name: String, syncs: u32) -> Result<Figure> {
        let limit = |pace: Pace| pace.sync_ms * f64::from(syncs);
        let what = match syncs {
            1 => "append + fdatasync".to_owned(),
            many => format!("{many} × append + fdatasync"),
        };
        let latency = self.ran.latency(name)?;
        Ok(latency.limit(what, limit(self.before), limit(self.after)))
    }

    /// Both: the rate against the disk's where many run at once, the latency where one does.
    pub(super) fn pace(
        &self,
        name: impl Fn(&str) -> String,
        (lanes, writes): (usize, u32),
    ) -> Result<[Figure; 2]> {
        let (rate, latency) = (name("workflows"), name("latency"));
        Ok(match lanes {
            1 => [self.ran.rate(rate)?, self.latency(latency, writes)?],
            _ => [self.rate(rate, writes)?, self.ran.latency(latency)?],
        })
    }

    /// One append and its fdatasync, in milliseconds.
    pub(super) fn sync_ms(&self) -> f64 {
        f64::midpoint(self.before.sync_ms, self.after.sync_ms)
    }
}
