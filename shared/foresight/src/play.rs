//! A rollout in virtual time: weights change on the minute, minutes are known late, and a judge decides.

use crate::plan::{Plan, Step};

/// Minutes from the start over which bad requests are counted; a version that is not found out serves all traffic from
/// the end of its plan on.
pub(crate) const HORIZON: u32 = 60;

/// No rollout takes longer than that.
const LONGEST: usize = 4_320;

/// What the judge sees at the end of a minute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// The minute that is known now, its step and its weight; from 0.
    pub(crate) seen: Option<Seen>,
    /// The step that is in force.
    pub(crate) step: usize,
    /// Whether that is the last one.
    pub(crate) last: bool,
    /// Whether that only leads up to the next one.
    pub(crate) ramp: bool,
    /// The minutes beyond its bake, once that is over.
    pub(crate) beyond: Option<u32>,
}

/// A minute and what was in force in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) minute: usize,
    pub(crate) step: usize,
    pub(crate) weight: u8,
}

/// What is done at the end of a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Go on with the plan.
    Go,
    /// Do not end the step yet.
    Wait,
    /// End the step now.
    Advance,
    /// The rollout ends.
    Stop(Stop),
}

/// Why a rollout ends before its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The judge found the canary bad.
    Blamed(String),
    /// There was too little to judge by.
    TooLittle(String),
    /// A person is waited for.
    Asked,
}

/// How a rollout ended.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    /// `None`: the version was promoted.
    pub(crate) stop: Option<Stop>,
    /// Minutes until then.
    pub(crate) minutes: u32,
    /// The weight of each of them, in percent.
    pub(crate) weights: Vec<u8>,
    /// The step of the last minute that was known.
    pub(crate) step: usize,
}

impl Ending {
    pub(crate) const fn is_blamed(&self) -> bool {
        matches!(self.stop, Some(Stop::Blamed(_)))
    }

    /// The canary's share of each minute up to the horizon, 0 to 1. While a person is asked the weight stays.
    pub(crate) fn shares(&self) -> impl Iterator<Item = f64> {
        let after = match &self.stop {
            None => 100,
            Some(Stop::Asked) => self.weights.last().copied().unwrap_or(0),
            Some(_) => 0,
        };
        let rest = std::iter::repeat_n(after, HORIZON.saturating_sub(self.minutes) as usize);
        self.weights
            .iter()
            .copied()
            .chain(rest)
            .take(HORIZON as usize)
            .map(|weight| f64::from(weight) / 100.0)
    }

    /// Minutes of all traffic that the canary had within the horizon.
    pub(crate) fn exposure(&self) -> f64 {
        self.shares().sum()
    }
}

/// Plays a rollout to its end.
pub(crate) fn play(plan: &Plan, mut judge: impl FnMut(&Look) -> Order) -> Ending {
    let mut passed: Vec<(usize, u8)> = Vec::new();
    let (mut step, mut served) = (0_usize, 0_u32);
    let late = plan.delay() as usize;
    let mut known = 0;
    let end = loop {
        let now = plan.steps().get(step).copied().unwrap_or(Step::new(100, 1));
        passed.push((step, now.weight));
        served += 1;
        let seen = passed.len().checked_sub(1 + late).and_then(|minute| {
            passed.get(minute).map(|(step, weight)| Seen { minute, step: *step, weight: *weight })
        });
        known = seen.map_or(known, |seen| seen.step);
        let last = step + 1 == plan.steps().len();
        let look = Look { seen, step, last, ramp: now.ramp, beyond: served.checked_sub(now.minutes) };
        let ends = match judge(&look) {
            Order::Stop(why) => break Some(why),
            Order::Advance => true,
            Order::Wait => false,
            Order::Go => served >= now.minutes && (!now.ramp || known == step && seen.is_some()),
        };
        if ends {
            if last {
                break None;
            }
            step += 1;
            served = 0;
        }
        if passed.len() >= LONGEST {
            break None;
        }
    };
    let minutes = u32::try_from(passed.len()).unwrap_or(u32::MAX);
    Ending {
        stop: end,
        minutes,
        weights: passed.into_iter().map(|(_, weight)| weight).collect(),
        step: known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(orders: &[Order]) -> (Ending, Vec<usize>) {
        let plan: Plan = "10:5,25:2,50:2,75:2,100:2".parse().unwrap();
        let (mut at, mut seen) = (0, Vec::new());
        let ending = play(&plan, |look| {
            seen.extend(look.seen.map(|seen| seen.minute));
            at += 1;
            orders.get(at - 1).cloned().unwrap_or(Order::Go)
        });
        (ending, seen)
    }

    /// The same figures as the bench of judges has for the same orders.
    #[test]
    fn exposure_is_what_the_weights_were() {
        let (promoted, seen) = ends(&[]);
        assert_eq!((promoted.minutes, seen.len()), (13, 12));
        assert!((promoted.exposure() - (0.5 + 0.5 + 1.0 + 1.5 + 2.0 + 47.0)).abs() < 1e-9);
        let (stopped, seen) = ends(&[Order::Go, Order::Stop(Stop::Blamed(String::new()))]);
        assert_eq!((stopped.minutes, seen), (2, vec![0]));
        assert!((stopped.exposure() - 0.2).abs() < 1e-12 && stopped.is_blamed());
    }

    #[test]
    fn a_wait_counts_at_the_end_of_a_step_and_an_advance_ends_it() {
        let mut orders = vec![Order::Wait; 6];
        assert_eq!(ends(&orders).0.minutes, 15);
        orders.truncate(4);
        assert_eq!(ends(&orders).0.minutes, 13);
        assert_eq!(ends(&[Order::Advance]).0.minutes, 9);
    }

    #[test]
    fn a_ramp_waits_until_one_of_its_minutes_is_known() {
        let plan = "10:5,100:2".parse::<Plan>().unwrap().with_micro_ramp().unwrap().with_delay(2);
        let ending = play(&plan, |_| Order::Go);
        assert_eq!(ending.weights, [1, 1, 1, 5, 5, 5, 10, 10, 10, 100, 100]);
    }

    #[test]
    fn while_a_person_is_asked_the_weight_stays() {
        let (asked, _) = ends(&[Order::Stop(Stop::Asked)]);
        assert!((asked.exposure() - 6.0).abs() < 1e-9 && !asked.is_blamed());
    }
}
