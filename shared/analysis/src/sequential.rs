//! The group-sequential test of one kind of event over a whole rollout.
//!
//! A rollout is some dozen looks, not infinitely many, so that tests which hold at any number of looks leave power
//! unused. Known since Lan and `DeMets` 1983; exact binomial versions with changing matching ratios are used in the
//! surveillance of vaccines (Silva and Kulldorff).

mod concurrent;
mod dispersion;
mod historical;
mod kernel;
mod monitor;
mod walk;

use concurrent::{Concurrent, Standing};
use historical::Historical;
use monitor::Monitor;

pub use concurrent::Tally;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::history::History;
use crate::spending::{OPEN_ENDED, Spending};

#[cfg(test)]
mod tests;

/// What the concurrent key gets of the budget while there is a historical one.
const CONCURRENT: f64 = 0.3;

/// The historical key speaks only when the concurrent one says at least this: a shift that both arms share is nobody's
/// fault, and history does not know of it.
const AGREES: f64 = 0.03;

/// So many minutes are followed by the sequential tests, which are for a rollout; what is watched longer is watched by
/// the monitor, which has no end.
#[expect(clippy::cast_possible_truncation, reason = "some hundred minutes")]
const FOLLOWED: u32 = crate::course::FOLLOWED as u32;

/// What one sequence may spend, and against what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The chance to blame a version within the margin, over the whole rollout.
    pub budget: f64,
    /// How many times the baseline's rate is allowed.
    pub margin: f64,
    /// The data minutes that the plan will give.
    pub planned: u32,
}

/// Minutes of both arms, one after the other, and whether they speak against the canary.
#[derive(Clone, Debug)]
pub struct Sequence {
    settings: Settings,
    spending: Spending,
    minutes: u32,
    keys: Keys,
}

/// What the canary is compared with.
#[derive(Clone, Debug)]
enum Keys {
    /// The baseline that serves beside it, and what was usual before.
    Beside { concurrent: Concurrent, historical: Option<Historical>, monitor: Monitor },
    /// Only what was usual before: nothing serves beside it.
    Before(Option<Historical>),
}

/// What has spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// The baseline of the same minutes.
    Concurrent,
    /// The rate that was usual before the rollout, corrected by the baseline of the same minutes.
    Historical,
}

/// Where a sequence stands after a minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// At most this is the chance that an equal version would have looked so bad by now.
    pub p: f64,
    /// The boundary is crossed when `p` is at or under this.
    pub threshold: f64,
    /// The key that says so.
    pub key: Key,
    /// Whether the boundary is crossed.
    pub crossed: bool,
}

impl Reading {
    /// Before any minute.
    pub(crate) const NOTHING: Self = Self { p: 1.0, threshold: 0.0, key: Key::Concurrent, crossed: false };
}

impl Sequence {
    /// A sequence without minutes, for a canary beside a baseline.
    pub fn new(settings: Settings, history: Option<&History>) -> Self {
        let dispersion = dispersion::dispersion(history);
        Self::of(
            settings,
            Keys::Beside {
                concurrent: Concurrent::new(settings.margin, dispersion),
                historical: history.and_then(|history| Historical::new(history, settings.margin, dispersion)),
                monitor: Monitor::new(settings.margin, dispersion),
            },
        )
    }

    /// A sequence without minutes, for a version that takes all traffic at once. It is held against what was usual
    /// before, so that an outage which the old version would have shared blames the new one.
    pub fn before_and_after(settings: Settings, history: Option<&History>) -> Self {
        let dispersion = dispersion::dispersion(history);
        let historical = history
            .and_then(|history| Historical::alone(history, settings.margin, dispersion, settings.planned));
        Self::of(settings, Keys::Before(historical))
    }

    const fn of(settings: Settings, keys: Keys) -> Self {
        Self { settings, spending: Spending { planned: settings.planned }, minutes: 0, keys }
    }

    /// Adds a minute.
    pub fn add(&mut self, canary: Tally, baseline: Tally) -> Reading {
        self.minutes = self.minutes.saturating_add(1);
        let budget = self.settings.budget * self.spending.until(self.minutes);
        match &mut self.keys {
            Keys::Beside { monitor, .. } if self.minutes > FOLLOWED => monitor
                .add(canary, baseline, self.settings.budget * OPEN_ENDED / 2.0)
                .reading(Key::Concurrent),
            Keys::Beside { concurrent, historical, .. } => {
                let own = match historical {
                    None => budget,
                    Some(key) => key.spent().map_or(CONCURRENT * budget, |spent| budget - spent),
                };
                let beside = concurrent.add(canary, baseline, own);
                let usual = historical
                    .as_mut()
                    .map_or(Standing::NOTHING, |key| key.add(canary, baseline, (1.0 - CONCURRENT) * budget));
                // The historical key alone says nothing: what it says counts as far as the other agrees.
                let agreed = Standing { crossed: usual.crossed && beside.p <= AGREES, ..usual };
                if !beside.crossed && (agreed.crossed || usual.p < beside.p) {
                    agreed.reading(Key::Historical)
                } else {
                    beside.reading(Key::Concurrent)
                }
            }
            Keys::Before(historical) => historical
                .as_mut()
                .map_or(Standing::NOTHING, |key| key.add(canary, Tally::default(), budget))
                .reading(Key::Historical),
        }
    }
}

impl Standing {
    const fn reading(self, key: Key) -> Reading {
        Reading { p: self.p, threshold: self.threshold, key, crossed: self.crossed }
    }
}
