//! How busy the host is, in numbers that cost next to nothing to read.

use crate::Engine;

/// How busy the host is at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Executions in memory: those that go on by themselves, and those that were just asked for or
    /// are due soon.
    pub executions_running: usize,
    /// Attempts that run.
    pub attempts_running: usize,
    /// Attempts that wait for room.
    pub attempts_waiting: usize,
    /// Commits on their way to the disk.
    pub commits_waiting: usize,
    /// Starts that wait for their turn to commit.
    pub starts_waiting: usize,
    /// Executions on their way from the disk into memory.
    pub executions_arriving: usize,
    /// Express executions that run.
    pub express_running: usize,
    /// Workers that wait for tasks of activities.
    pub workers_waiting: usize,
}

impl Engine {
    /// How busy the host is.
    pub fn load(&self) -> Load {
        let (attempts_waiting, attempts_running) = self.shared.room.load();
        let (commits_waiting, starts_waiting) = self.shared.pressure.commits.load();
        let arrivals_max = self.shared.config.executions_arriving_max.max(1);
        let arrivals_free = self.shared.arrivals.available_permits();
        Load {
            executions_running: self.shared.roster.len(),
            attempts_running,
            attempts_waiting,
            commits_waiting,
            starts_waiting,
            executions_arriving: arrivals_max.saturating_sub(arrivals_free),
            express_running: self.shared.express.running(),
            workers_waiting: self.shared.desk.workers_waiting(),
        }
    }
}
