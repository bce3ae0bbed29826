//! Steps made from others: a ramp before the first one, and some traffic held back in the last.

use crate::names::Weight;
use crate::plan::{InvalidSteps, Step, Steps};
use analysis::Seconds;

/// The weights of a micro-ramp in percent, and how long each bakes.
const RAMP: [u8; 2] = [1, 5];
const RAMP_BAKE: u32 = 60;

/// Why nothing can be held back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHoldBack {
    /// The steps themselves.
    #[error(transparent)]
    Steps(#[from] InvalidSteps),
    /// Nothing or everything would be held back.
    #[error(
        "hold_back is {0}: write the percentage of requests that stays on the old version in the last step that is \
         judged, from 1 to 50"
    )]
    OutOfRange(u8),
    /// The step before the last one is higher.
    #[error(
        "hold_back {hold_back} makes the last judged step one of {last} %, which does not rise above the {before} before \
         it: hold less back, or leave that step out"
    )]
    NoRoom {
        /// What is held back.
        hold_back: u8,
        /// What the last judged step would have.
        last: u8,
        /// What the step before it has.
        before: Weight,
    },
}

impl Steps {
    /// The last step of 100 % as one that leaves `percent`, 1 to 50, on the old version, with its bake and approval, and
    /// then 100 % without a bake.
    ///
    /// # Errors
    /// [`InvalidHoldBack`].
    pub fn held_back(self, percent: u8) -> Result<Self, InvalidHoldBack> {
        if !(1..=50).contains(&percent) {
            return Err(InvalidHoldBack::OutOfRange(percent));
        }
        let mut steps = Vec::from(self);
        let Some(full) = steps.pop() else { return Err(InvalidSteps::Empty.into()) };
        let last = 100 - percent;
        let weight = Weight::try_from(last).map_err(|_| InvalidHoldBack::OutOfRange(percent))?;
        if let Some(before) = steps.last().map(|step| step.weight).filter(|before| *before >= weight) {
            return Err(InvalidHoldBack::NoRoom { hold_back: percent, last, before });
        }
        steps.push(Step { weight, ..full });
        steps.push(Step { weight: Weight::FULL, bake: Seconds(0), approval: false, ramp: false });
        Ok(steps.try_into()?)
    }

    /// The first step with 1 % and 5 % for a minute each before it, taken from its bake (of which a minute is left at the
    /// least), where its weight is above 5. Who has to approve the first step approves the ramp.
    ///
    /// # Errors
    /// [`InvalidSteps`]: of what was valid and comes out rising it has none to give.
    pub fn ramped(self) -> Result<Self, InvalidSteps> {
        let mut steps = Vec::from(self);
        let Some(first) =
            steps.first_mut().filter(|first| RAMP.iter().all(|weight| *weight < first.weight.percent()))
        else {
            return steps.try_into();
        };
        let whole = first.bake.0;
        let ramp: Vec<Step> = RAMP
            .into_iter()
            .enumerate()
            .filter_map(|(place, weight)| {
                let approval = first.approval && place == 0;
                let weight = Weight::try_from(weight).ok()?;
                Some(Step { weight, bake: Seconds(RAMP_BAKE), approval, ramp: true })
            })
            .collect();
        let taken = ramp.iter().map(|step| step.bake.0).sum();
        first.bake = Seconds(whole.saturating_sub(taken).max(whole.min(RAMP_BAKE)));
        first.approval = false;
        ramp.into_iter().chain(steps).collect::<Vec<_>>().try_into()
    }
}
