use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::{Arm, MAX_MINUTES, Minute, Minutes};
use crate::history::History;
use crate::sequential::Tally;

/// What the old version did before the rollout, for each kind of event that the load balancer counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Histories {
    /// Errors.
    pub errors: Option<History>,
    /// Requests slower than the objective.
    pub slow: Option<History>,
}

/// The zones together are not what was counted without them, so that they do not show how it was divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the zones add up to {zones} {what}, all together are {total}: dispersion between zones is left out of this rollout"
)]
pub struct UnequalZones {
    /// What does not add up.
    pub what: &'static str,
    /// The sum over zones.
    pub zones: u64,
    /// What was counted without zones.
    pub total: u64,
}

impl Histories {
    /// What the baseline arm of these minutes tells, with no zones apart.
    pub fn of(minutes: &Minutes) -> Self {
        let arms = without_gaps(minutes);
        let tally = |arm: &Arm, events| [Tally { requests: arm.requests(), events }];
        let errors: Vec<_> = arms.iter().map(|arm| tally(arm, arm.errors())).collect();
        let slow: Option<Vec<_>> = arms.iter().map(|arm| Some(tally(arm, arm.slow()?))).collect();
        Self { errors: History::of(&errors), slow: slow.and_then(|slow| History::of(&slow)) }
    }

    /// The same, with how the events of each minute were divided between zones: each minute is what every zone served, in
    /// one order. Minutes in which a zone does not know its slow requests are left out of their split.
    ///
    /// # Errors
    /// [`UnequalZones`], where their requests or errors are not near (5 %) those that were counted without zones: what is
    /// attributed to zones in another way for requests than for answers would look like dispersion.
    pub fn with_zones(self, minutes: &[Vec<Arm>]) -> Result<Self, UnequalZones> {
        let of = |events: fn(&Arm) -> Option<u64>| {
            let tally = |arm: &Arm| Some(Tally { requests: arm.requests(), events: events(arm)? });
            let known: Vec<Vec<Tally>> =
                minutes.iter().filter_map(|zones| zones.iter().map(tally).collect()).collect();
            History::of(&known)
        };
        let zones = of(|arm| Some(arm.errors()));
        if let Some(errors) = self.errors {
            let (requests, events) = zones.map_or((0, 0), |zones| (zones.requests, zones.events));
            near("requests", requests, errors.requests)?;
            near("errors", events, errors.events)?;
        }
        let split = |total: History, zones: Option<History>| History {
            split: zones.and_then(|zones| zones.split),
            ..total
        };
        Ok(Self {
            errors: self.errors.map(|errors| split(errors, zones)),
            slow: self.slow.map(|slow| split(slow, of(Arm::slow))),
        })
    }
}

/// The baseline of every minute from the first to the last: one that is left out carried no requests, and is a minute of
/// the history all the same.
fn without_gaps(minutes: &Minutes) -> Vec<&Arm> {
    static SILENT: Arm = Arm::IDLE;
    let number = |minute: &Minute| minute.start().as_second() / 60;
    let mut arms: Vec<&Arm> = Vec::new();
    let mut next = minutes.iter().next().map_or(0, number);
    for minute in minutes {
        let silent = usize::try_from(number(minute) - next).unwrap_or(0);
        arms.extend(std::iter::repeat_n(&SILENT, silent.min(MAX_MINUTES)));
        arms.push(minute.baseline());
        next = number(minute) + 1;
    }
    arms
}

fn near(what: &'static str, zones: u64, total: u64) -> Result<(), UnequalZones> {
    if zones.abs_diff(total).saturating_mul(20) <= total.max(20) {
        Ok(())
    } else {
        Err(UnequalZones { what, zones, total })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn arm(requests: u64, errors: u64, slow: Option<u64>) -> Arm {
        Arm::new(requests, errors, slow).unwrap()
    }

    fn totals() -> Histories {
        let minute = |number: i64, baseline| {
            Minute::new(Timestamp::from_second(number * 60).unwrap(), Arm::IDLE, baseline).unwrap()
        };
        let minutes =
            Minutes::new(vec![minute(0, arm(200, 4, Some(20))), minute(1, arm(200, 0, Some(10)))]).unwrap();
        Histories::of(&minutes)
    }

    #[test]
    fn a_minute_without_requests_is_a_minute_of_the_history() {
        let minute = |number: i64, events| {
            let start = Timestamp::from_second(number * 60).unwrap();
            Minute::new(start, Arm::IDLE, arm(10, events, None)).unwrap()
        };
        let sparse = Minutes::new(vec![minute(0, 5), minute(9, 0), minute(19, 5)]).unwrap();
        let history = Histories::of(&sparse).errors.unwrap();
        assert_eq!((history.minutes, history.requests, history.events), (20, 30, 10));
        assert!((history.minute_mean - 0.5).abs() < 1e-12 && (history.window_mean - 5.0).abs() < 1e-12);
    }

    #[test]
    fn zones_add_their_split_and_change_nothing_else() {
        let zones = [
            vec![arm(100, 3, Some(15)), arm(100, 1, Some(5))],
            vec![arm(100, 0, None), arm(100, 0, Some(0))],
        ];
        let with = totals().with_zones(&zones).unwrap();
        let split = with.errors.unwrap().split.unwrap();
        assert!((split.chi_squared - 1.0).abs() < 1e-12 && (split.degrees - 1.0).abs() < 1e-12);
        // (15-10)^2/10 twice; the second minute does not know its slow requests.
        let slow = with.slow.unwrap().split.unwrap();
        assert!((slow.chi_squared - 5.0).abs() < 1e-12 && (slow.degrees - 1.0).abs() < 1e-12);
        let without = |history: Option<History>| history.map(|history| History { split: None, ..history });
        assert_eq!(without(with.errors), totals().errors);
        assert_eq!(without(with.slow), totals().slow);
    }

    #[test]
    fn zones_that_are_not_the_whole_are_refused() {
        let lost = [vec![arm(100, 3, None), arm(80, 1, None)]];
        assert_eq!(
            totals().with_zones(&lost),
            Err(UnequalZones { what: "requests", zones: 180, total: 400 })
        );
        let phantom = [vec![arm(200, 40, None), arm(200, 0, None)]];
        assert_eq!(totals().with_zones(&phantom), Err(UnequalZones { what: "errors", zones: 40, total: 4 }));
        assert!(totals().with_zones(&[]).is_err());
        assert_eq!(Histories::default().with_zones(&[]), Ok(Histories::default()));
    }
}
