//! What would make a plan see more, found by playing the changed plan.

use std::fmt;

use serde::Serialize;

use crate::Badness;
use crate::figures::Played;
use crate::plan::{Plan, Step};

/// What is worth saying: a tenth less.
const WORTHWHILE: f64 = 0.9;

/// A plan that only finds regressions above this many times the baseline's rate sees little.
const LITTLE: f64 = 3.0;

/// A change of the plan or of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// A longer first step.
    LongerFirstStep {
        /// Its minutes.
        minutes: u32,
    },
    /// More weight in the first step.
    MoreWeight {
        /// Percent.
        weight: u8,
    },
    /// Traffic that stays on the old version in the last step.
    HoldBack {
        /// Percent.
        percent: u8,
    },
    /// A minute of 1 % and one of 5 % at the beginning.
    MicroRamp,
    /// Fewer requests until a step may pass.
    MinimumRequests {
        /// How many.
        requests: u64,
    },
}

/// A change and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// What to change.
    pub change: Change,
    /// The least ratio that is found with a probability of 90 % in the whole rollout: now and then.
    pub smallest_ratio: (Option<f64>, Option<f64>),
    /// Bad requests of a version with twice the baseline's rate: now and then.
    pub bad_requests_2x: (f64, f64),
    /// Bad requests of a version that fails every request: now and then.
    pub bad_requests_dead: (f64, f64),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LongerFirstStep { minutes } => write!(f, "a first step of {minutes} minutes"),
            Self::MoreWeight { weight } => write!(f, "a first step of {weight} %"),
            Self::HoldBack { percent } => {
                write!(f, "hold_back {percent} % in the last step")
            }
            Self::MicroRamp => f.write_str("micro_ramp (1 % and 5 % for a minute each first)"),
            Self::MinimumRequests { requests } => write!(f, "minimum_requests {requests}"),
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Change::MinimumRequests { .. } = self.change {
            return write!(
                f,
                "{} (or more weight): the steps do not wait for requests that never come",
                self.change
            );
        }
        let ratio = |ratio: Option<f64>| ratio.map_or("nothing".to_owned(), |ratio| format!("{ratio:.1}x"));
        let (now, then) = (ratio(self.smallest_ratio.0), ratio(self.smallest_ratio.1));
        let mut parts = Vec::new();
        if now != then {
            parts.push(format!("finds {then} instead of {now}"));
        }
        for (name, (now, then)) in [("2x", self.bad_requests_2x), ("dead", self.bad_requests_dead)] {
            if (then - now).abs() > 0.02 * now {
                parts.push(format!("bad requests of a {name} version {now:.0} -> {then:.0}"));
            }
        }
        write!(f, "{}: {}", self.change, parts.join("; "))
    }
}

/// What helps, the most helpful first.
pub(crate) fn advice(played: &Played<'_, '_>) -> Vec<Advice> {
    let now = Standing::of(played);
    let mut all: Vec<Advice> = candidates(played.plan)
        .into_iter()
        .map(|(change, plan)| now.against(change, &Standing::of(&played.bench.with(&plan))))
        .filter(|advice| advice.helps(now.smallest))
        .collect();
    all.sort_by(|left, right| left.gain().total_cmp(&right.gain()));
    all.extend(fewer_requests(played, &now));
    all
}

/// What is compared of two plans.
struct Standing {
    smallest: Option<f64>,
    twice: f64,
    dead: f64,
}

impl Standing {
    fn of(played: &Played<'_, '_>) -> Self {
        let bad = |badness| played.case(badness).bad_requests;
        Self { smallest: played.smallest_in_all(), twice: bad(Badness::Times(2.0)), dead: bad(Badness::Dead) }
    }

    const fn against(&self, change: Change, then: &Self) -> Advice {
        Advice {
            change,
            smallest_ratio: (self.smallest, then.smallest),
            bad_requests_2x: (self.twice, then.twice),
            bad_requests_dead: (self.dead, then.dead),
        }
    }
}

impl Advice {
    /// How the excess over the baseline's rate that goes unfound changes; infinite when nothing was found.
    fn sight(&self) -> f64 {
        match self.smallest_ratio {
            (Some(now), Some(then)) => (then - 1.0).max(0.01) / (now - 1.0).max(0.01),
            (None, Some(_)) => 0.0,
            (None, None) => 1.0,
            (Some(_), None) => f64::INFINITY,
        }
    }

    fn helps(&self, smallest: Option<f64>) -> bool {
        let less = |(now, then): (f64, f64)| then < WORTHWHILE * now;
        let little = smallest.is_none_or(|ratio| ratio > LITTLE);
        let sees = little && self.sight() < WORTHWHILE;
        sees || (self.sight() <= 1.1 && (less(self.bad_requests_2x) || less(self.bad_requests_dead)))
    }

    fn gain(&self) -> f64 {
        let part = |(now, then): (f64, f64)| if now > 0.0 { then / now } else { 1.0 };
        self.sight().min(part(self.bad_requests_2x)).min(part(self.bad_requests_dead))
    }
}

fn candidates(plan: &Plan) -> Vec<(Change, Plan)> {
    let first = plan.steps().first().copied();
    let second = plan.steps().get(1).map_or(100, |step| step.weight);
    let mut all = Vec::new();
    if let Some(Step { weight, minutes, .. }) = first.filter(|step| step.weight < 100) {
        let longer = minutes.saturating_mul(2);
        let longer_plan =
            plan.change(|steps| steps.iter_mut().take(1).for_each(|step| step.minutes = longer));
        all.extend(longer_plan.map(|plan| (Change::LongerFirstStep { minutes: longer }, plan)));
        let more = weight.saturating_mul(2).min(second.saturating_sub(1));
        let more_plan = plan.change(|steps| steps.iter_mut().take(1).for_each(|step| step.weight = more));
        all.extend(
            more_plan.filter(|_| more > weight).map(|plan| (Change::MoreWeight { weight: more }, plan)),
        );
        let ramped = plan.clone().with_micro_ramp().ok().filter(|_| !plan.is_ramped());
        all.extend(ramped.filter(|ramped| ramped != plan).map(|plan| (Change::MicroRamp, plan)));
    }
    let held = plan.clone().with_hold_back(5).ok().filter(|held| held != plan && plan.steps().len() > 1);
    all.extend(held.map(|plan| (Change::HoldBack { percent: 5 }, plan)));
    all
}

/// The number of requests that every step will have had by the end of its bake.
fn fewer_requests(played: &Played<'_, '_>, now: &Standing) -> Option<Advice> {
    let traffic = played.bench.traffic;
    let mut judged = played.plan.steps().iter().filter(|step| !step.ramp);
    let expected = |step: &Step| traffic.expected(step.weight, step.minutes);
    let least = judged.clone().map(expected).reduce(f64::min)?;
    let longest = played.plan.patience();
    let starves = judged.any(|step| {
        let all = traffic.expected(step.weight, step.minutes.saturating_add(longest));
        all < crate::float(played.bench.policy.minimum_requests)
    });
    let requests = crate::draw::rounded((least / 2.0).floor()).max(1);
    starves.then(|| now.against(Change::MinimumRequests { requests }, now))
}

#[cfg(test)]
mod tests {
    use analysis::Policy;

    use super::*;
    use crate::{FiguresEffort, Traffic, figures};

    fn of(plan: &str, requests: f64, rate: f64) -> Vec<Advice> {
        let effort = FiguresEffort { seed: 1, runs: 200, equal_runs: 1 };
        let traffic = Traffic::new(requests, rate).unwrap();
        figures(&plan.parse().unwrap(), traffic, &Policy::default(), effort).advice
    }

    #[test]
    fn a_dead_version_costs_less_with_a_micro_ramp() {
        let advice = of("10:5,25:2,50:2,75:2,100:2", 3_000.0, 0.01);
        let ramp = advice.iter().find(|advice| advice.change == Change::MicroRamp).unwrap();
        assert!(ramp.bad_requests_dead.1 < 0.2 * ramp.bad_requests_dead.0, "{ramp:?}");
        assert!(ramp.to_string().contains("bad requests of a dead version 594 ->"), "{ramp}");
    }

    #[test]
    fn a_plan_that_sees_little_is_told_what_helps() {
        let advice = of("1:1,100:5", 100.0, 0.005);
        let longer = advice.iter().any(|advice| {
            matches!(
                advice.change,
                Change::LongerFirstStep { .. } | Change::MoreWeight { .. } | Change::HoldBack { .. }
            )
        });
        assert!(longer, "{advice:?}");
    }
}
