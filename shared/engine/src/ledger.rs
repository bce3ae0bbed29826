//! Load, decide, commit: the only way a stored rollout changes.

use contract::{ErrorName, Failure};
use rollout::{Event, Rejected, Rollout, RolloutId, decide};

use crate::failures;
use crate::history::Record;
use crate::ports::{Clock, CommitError, Store};

/// How often a decision is made anew because somebody else committed first.
const ATTEMPTS: usize = 4;

/// The stored rollouts, and the time.
#[derive(Clone, Copy)]
pub struct Ledger<'a> {
    /// Where they are stored.
    pub store: &'a dyn Store,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// What came of an event.
pub enum Recorded {
    /// It was decided and stored.
    Applied(Rollout),
    /// It changes nothing; the rollout as it is.
    Rejected(Rollout, Rejected),
}

impl Recorded {
    /// The rollout as it is stored now.
    pub fn rollout(self) -> Rollout {
        match self {
            Self::Applied(rollout) | Self::Rejected(rollout, _) => rollout,
        }
    }
}

impl Ledger<'_> {
    /// The rollout.
    ///
    /// # Errors
    /// [`ErrorName::UnknownRollout`], or the store's.
    pub async fn load(&self, id: &RolloutId) -> Result<Rollout, Failure> {
        self.store.rollout(id).await.map_err(failures::port)?.ok_or_else(|| {
            Failure::new(
                ErrorName::UnknownRollout,
                format!("there is no rollout {id}: check the id with `ace status`"),
            )
        })
    }

    /// Decides and stores. After somebody else's commit the rollout is loaded and the event decided anew.
    ///
    /// # Errors
    /// [`ErrorName::ConflictError`] when others keep committing first, or the store's.
    pub async fn record(&self, rollout: Rollout, event: Event) -> Result<Recorded, Failure> {
        let mut before = rollout;
        for _ in 0..ATTEMPTS {
            match Box::pin(self.attempt(before, &event)).await? {
                Attempt::Recorded(recorded) => return Ok(recorded),
                Attempt::Conflict(now) => before = now,
            }
        }
        Err(kept_changing(&before.id, &event))
    }

    /// The same for an event that only fits a rollout which `fits`: asked again after every commit of somebody else's.
    ///
    /// # Errors
    /// What `fits` says where it does not, inside; else as [`record`](Self::record).
    pub async fn record_if<E>(
        &self,
        rollout: Rollout,
        event: Event,
        mut fits: impl FnMut(&Rollout) -> Result<(), E> + Send,
    ) -> Result<Result<Recorded, (Rollout, E)>, Failure> {
        let mut before = rollout;
        for _ in 0..ATTEMPTS {
            if let Err(unfit) = fits(&before) {
                return Ok(Err((before, unfit)));
            }
            match Box::pin(self.attempt(before, &event)).await? {
                Attempt::Recorded(recorded) => return Ok(Ok(recorded)),
                Attempt::Conflict(now) => before = now,
            }
        }
        Err(kept_changing(&before.id, &event))
    }

    async fn attempt(&self, before: Rollout, event: &Event) -> Result<Attempt, Failure> {
        let mut after = match decide(&before, event) {
            Ok(after) => after,
            Err(rejected) => {
                tracing::info!(rollout.id = %before.id, event = event.name(), %rejected, "nothing changes");
                return Ok(Attempt::Recorded(Recorded::Rejected(before, rejected)));
            }
        };
        let record = Record::new(&after, event.clone(), &before.head);
        after.head.clone_from(&record.hash);
        match self.store.commit(&before, &after, &record).await {
            Ok(()) => {
                log(&before, &after, event);
                Ok(Attempt::Recorded(Recorded::Applied(after)))
            }
            Err(CommitError::Conflict { .. }) => {
                let now = self.load(&before.id).await?;
                // The conflict may be with ourselves: a commit whose answer was lost, repeated below the store.
                if now.version == after.version && now.head == after.head {
                    return Ok(Attempt::Recorded(Recorded::Applied(now)));
                }
                Ok(Attempt::Conflict(now))
            }
            Err(CommitError::Port(error)) => Err(failures::port(error)),
        }
    }
}

/// What came of one try to record.
enum Attempt {
    Recorded(Recorded),
    /// Somebody else committed first; the rollout as it is now.
    Conflict(Rollout),
}

fn kept_changing(id: &RolloutId, event: &Event) -> Failure {
    Failure::new(
        ErrorName::ConflictError,
        format!("rollout {id} kept changing while {} was decided; it is tried again", event.name()),
    )
}

fn log(before: &Rollout, after: &Rollout, event: &Event) {
    tracing::info!(
        rollout.id = %after.id,
        rollout.version = after.version,
        rollout.epoch = after.epoch.0,
        execution.arn = %after.execution,
        service = %after.plan.service,
        event = event.name(),
        from = before.phase.name(),
        to = after.phase.name(),
        step.weight = after.desired_weight().percent(),
        "rollout moved"
    );
}
