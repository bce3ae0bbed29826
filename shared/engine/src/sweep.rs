//! What the sweeps of rollback and of promote-step have in common. They are level-triggered: whatever one of them does not
//! finish, the next one finds.

use contract::Failure;
use rollout::Seconds;

/// A rollout that was not touched for so long has lost who drove it. Longer than any function lives and than the zombie
/// bound that everybody waits for, and shorter than the time between two sweeps: what one of them turned round, the next
/// one verifies.
pub(crate) const UNTOUCHED: Seconds = Seconds(2 * 60);

/// What a sweep came to. One rollout that fails does not keep the others from being looked after.
pub(crate) struct Tally {
    found: usize,
    overdue: usize,
    failed: Option<Failure>,
}

impl Tally {
    /// Of so many rollouts that were found.
    pub(crate) const fn new(found: usize) -> Self {
        Self { found, overdue: 0, failed: None }
    }

    /// One of them was overdue, and this is what came of it.
    pub(crate) fn note<T>(&mut self, result: Result<T, Failure>) {
        self.overdue += 1;
        if let Err(failure) = result {
            tracing::error!(%failure, "the sweep could not finish a rollout");
            self.failed.get_or_insert(failure);
        }
    }

    /// How many there were, of what kind.
    ///
    /// # Errors
    /// The first failure.
    pub(crate) fn told(self, rollouts: &str) -> Result<String, Failure> {
        let Self { found, overdue, failed } = self;
        failed.map_or_else(
            || Ok(format!("{found} {rollouts} are not at rest, {overdue} of them were overdue")),
            Err,
        )
    }
}
