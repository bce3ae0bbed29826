use std::str::{FromStr, Split};

use jiff::Timestamp;
use rollout::{EnvironmentName, Epoch, RolloutId, StepIndex};

use crate::approver::Approver;
use crate::link::LinkError;

/// What a link allows: this person to approve this step of this rollout while it waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The environment.
    pub environment: EnvironmentName,
    /// The rollout.
    pub rollout: RolloutId,
    /// Its epoch.
    pub epoch: Epoch,
    /// The step that waits for approval.
    pub step: StepIndex,
    /// When it began to wait: a later wait of the same step needs another approval.
    pub since: Timestamp,
    /// The first instant at which the link is of no use any more, in whole seconds: what is beyond them is not signed.
    pub expires: Timestamp,
    /// Who approves.
    pub approver: Approver,
}

impl Claim {
    /// Whether the link can still be used.
    ///
    /// # Errors
    /// [`LinkError::Expired`] from [`expires`](Self::expires) on.
    pub fn alive(&self, now: Timestamp) -> Result<(), LinkError> {
        if now < self.expires { Ok(()) } else { Err(LinkError::Expired { at: self.expires }) }
    }

    /// The fields in their order, one a line. No name and no number holds a line feed, so that no two claims are
    /// written alike.
    pub(crate) fn write(&self) -> String {
        format!(
            "{}\n{}\n{}\n{}\n{}\n{}\n{}",
            self.environment,
            self.rollout,
            self.epoch.0,
            self.step.0,
            self.since.as_nanosecond(),
            self.expires.as_second(),
            self.approver
        )
    }

    /// What [`write`](Self::write) wrote; `None` for anything else.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut lines = text.split('\n');
        let claim = Self {
            environment: next(&mut lines)?,
            rollout: next(&mut lines)?,
            epoch: Epoch(next(&mut lines)?),
            step: StepIndex(next(&mut lines)?),
            since: Timestamp::from_nanosecond(next(&mut lines)?).ok()?,
            expires: Timestamp::from_second(next(&mut lines)?).ok()?,
            approver: next(&mut lines)?,
        };
        lines.next().is_none().then_some(claim)
    }
}

fn next<T: FromStr>(lines: &mut Split<'_, char>) -> Option<T> {
    lines.next()?.parse().ok()
}
