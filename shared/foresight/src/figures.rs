//! What a plan will notice at a given traffic.

use std::cell::RefCell;
use std::collections::BTreeMap;

use analysis::decisions::{Action, Decisions, Rules};
use analysis::{History, Policy, TooLittleTraffic};
use serde::Serialize;

use crate::advice::{Advice, advice};
use crate::plan::{Plan, Step};
use crate::play::{Ending, Look, Order, Stop, play};
use crate::traffic::{Traffic, minutes_until, times};
use crate::{Badness, float, quantile};

/// How probable it must be that a regression is found.
pub(crate) const FOUND: f64 = 0.9;

/// Ratios are tried on a grid of this factor.
const GRID: f64 = 1.05;

/// How much is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FiguresEffort {
    /// Names the random numbers: the same seed gives the same figures.
    pub seed: u64,
    /// Rollouts for each ratio.
    pub runs: u64,
    /// Rollouts of an equal version.
    pub equal_runs: u64,
}

impl Default for FiguresEffort {
    fn default() -> Self {
        Self { seed: 1, runs: 200, equal_runs: 1_000 }
    }
}

/// What a plan will notice of the error rate at a given traffic.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// The traffic.
    pub traffic: Traffic,
    /// All minutes of the plan.
    pub minutes: u32,
    /// The steps.
    pub steps: Vec<StepFigures>,
    /// The least multiple of the baseline's error rate that is found with a probability of 90 % in the whole rollout;
    /// `None` if even a version that fails every request is not.
    pub smallest_ratio: Option<f64>,
    /// What worse versions cost.
    pub cases: Vec<Case>,
    /// The share of equal versions that were rolled back.
    pub false_rollbacks: f64,
    /// What would help.
    pub advice: Vec<Advice>,
}

/// A step and what it will notice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepFigures {
    /// The weight and the bake.
    pub step: Step,
    /// Requests to the canary in the bake, on average.
    pub canary_requests: f64,
    /// The least multiple that is found with a probability of 90 % from the minutes up to this step's end.
    pub smallest_ratio: Option<f64>,
    /// The step waits until its canary has had the policy's minimum of requests: so many minutes, when that is longer
    /// than the bake.
    pub waits_minutes: Option<f64>,
    /// It never has enough within the plan's patience, and the rollout does not pass it.
    pub starved: bool,
}

/// A version that is worse than the baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Case {
    /// How bad.
    pub badness: Badness,
    /// The share of the rollouts in which it is found.
    pub found: f64,
    /// Minutes until its weight is 0, where it is found: the median.
    pub minutes_median: Option<u32>,
    /// The same: nine of ten are found by then.
    pub minutes_p90: Option<u32>,
    /// Errors within an hour that the old version would not have had, on average. A version that is not found serves
    /// all traffic from the end of the plan on.
    pub bad_requests: f64,
}

/// What `plan` will notice of `traffic` under `policy`.
pub fn figures(plan: &Plan, traffic: Traffic, policy: &Policy, effort: FiguresEffort) -> Figures {
    let bench = Bench::new(traffic, policy, effort);
    let played = bench.with(plan);
    let steps = plan.steps().iter().enumerate().map(|(index, step)| {
        let waits = minutes_until(policy.minimum_requests, traffic.expected(step.weight, 1));
        let late = !step.ramp && waits > f64::from(step.minutes);
        let patience = match policy.too_little_traffic {
            TooLittleTraffic::Extend => plan.patience(),
            TooLittleTraffic::Ask | TooLittleTraffic::RollBack => 0,
        };
        StepFigures {
            step: *step,
            canary_requests: traffic.expected(step.weight, step.minutes),
            smallest_ratio: played.smallest(index),
            waits_minutes: late.then_some(waits),
            starved: !step.ramp && waits > f64::from(step.minutes + patience),
        }
    });
    let steps = steps.collect();
    let cases = [Badness::Times(2.0), Badness::Times(5.0), Badness::Times(10.0), Badness::Dead];
    let equal =
        (0..effort.equal_runs).filter(|run| played.play(*run, traffic.error_rate().get()).is_blamed());
    Figures {
        traffic,
        minutes: plan.minutes(),
        steps,
        smallest_ratio: played.smallest_in_all(),
        cases: cases.into_iter().map(|badness| played.case(badness)).collect(),
        false_rollbacks: float(equal.count() as u64) / float(effort.equal_runs.max(1)),
        advice: advice(&played),
    }
}

/// What all plans have in common.
pub(crate) struct Bench<'a> {
    pub(crate) traffic: Traffic,
    pub(crate) policy: &'a Policy,
    effort: FiguresEffort,
    histories: Vec<Option<History>>,
}

impl<'a> Bench<'a> {
    fn new(traffic: Traffic, policy: &'a Policy, effort: FiguresEffort) -> Self {
        let all = effort.runs.max(effort.equal_runs);
        let histories = (0..all).map(|run| traffic.history(effort.seed, run)).collect();
        Self { traffic, policy, effort, histories }
    }

    pub(crate) fn with<'b>(&'b self, plan: &'b Plan) -> Played<'a, 'b> {
        let bakes = plan.steps().iter().map(|step| step.minutes).collect();
        let rules = Rules::of(self.policy, bakes, plan.minutes_beside());
        Played { bench: self, plan, rules, found: RefCell::default() }
    }

    /// The badness at which every request fails, as a place on the grid.
    fn last(&self) -> u32 {
        let most = (1.0 / self.traffic.error_rate().get()).ln() / GRID.ln();
        u32::try_from(crate::draw::rounded(most.ceil())).unwrap_or(u32::MAX)
    }
}

/// A plan that is played.
pub(crate) struct Played<'a, 'b> {
    pub(crate) bench: &'b Bench<'a>,
    pub(crate) plan: &'b Plan,
    rules: Rules,
    /// By place on the grid of ratios: the share of rollouts that was stopped on the minutes up to each step's end.
    found: RefCell<BTreeMap<u32, Vec<f64>>>,
}

impl Played<'_, '_> {
    fn play(&self, run: u64, canary_rate: f64) -> Ending {
        let Bench { traffic, effort, histories, .. } = self.bench;
        let history = usize::try_from(run).ok().and_then(|run| histories.get(run)).and_then(Option::as_ref);
        let mut decisions = Decisions::new(self.rules.clone(), history);
        play(self.plan, |Look { seen, .. }| {
            let Some(seen) = seen else { return Order::Go };
            let (canary, baseline) = traffic.minute(effort.seed, run, seen.minute, seen.weight, canary_rate);
            match decisions.after(seen.step, canary, baseline) {
                Action::RollBack => Order::Stop(Stop::Blamed(String::new())),
                Action::Hold => Order::Wait,
                Action::Continue => Order::Go,
            }
        })
    }

    /// The share of rollouts that is stopped on the minutes up to the end of `step`, at a place on the grid.
    fn share(&self, place: u32, step: usize) -> f64 {
        let of = |shares: &Vec<f64>| shares.get(step).copied().unwrap_or(0.0);
        if let Some(shares) = self.found.borrow().get(&place) {
            return of(shares);
        }
        let rate = times(self.bench.traffic.error_rate(), GRID.powf(f64::from(place)));
        let runs = self.bench.effort.runs;
        let mut counts = vec![0_u64; self.plan.steps().len()];
        for ending in (0..runs).map(|run| self.play(run, rate)).filter(Ending::is_blamed) {
            counts.iter_mut().skip(ending.step).for_each(|count| *count += 1);
        }
        let shares: Vec<f64> = counts.into_iter().map(|count| float(count) / float(runs.max(1))).collect();
        let share = of(&shares);
        self.found.borrow_mut().insert(place, shares);
        share
    }

    /// The least ratio that is found with a probability of [`FOUND`] by the end of `step`.
    pub(crate) fn smallest(&self, step: usize) -> Option<f64> {
        let (mut low, mut high) = (0, self.bench.last());
        if self.share(high, step) < FOUND {
            return None;
        }
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.share(middle, step) < FOUND { low = middle } else { high = middle }
        }
        Some(GRID.powf(f64::from(high)).min(1.0 / self.bench.traffic.error_rate().get()))
    }

    pub(crate) fn smallest_in_all(&self) -> Option<f64> {
        self.smallest(self.plan.steps().len().saturating_sub(1))
    }

    pub(crate) fn case(&self, badness: Badness) -> Case {
        let traffic = self.bench.traffic;
        let rate = match badness {
            Badness::Times(ratio) => times(traffic.error_rate(), ratio),
            Badness::Dead => 1.0,
        };
        let runs = self.bench.effort.runs;
        let (mut minutes, mut bad) = (Vec::new(), 0.0);
        for ending in (0..runs).map(|run| self.play(run, rate)) {
            bad += traffic.excess(rate, ending.exposure());
            if ending.is_blamed() {
                minutes.push(ending.minutes);
            }
        }
        minutes.sort_unstable();
        Case {
            badness,
            found: float(minutes.len() as u64) / float(runs.max(1)),
            minutes_median: quantile(&minutes, 0.5),
            minutes_p90: quantile(&minutes, 0.9),
            bad_requests: bad / float(runs.max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EFFORT: FiguresEffort = FiguresEffort { seed: 1, runs: 60, equal_runs: 200 };

    fn seed() -> Plan {
        "10:5,25:2,50:2,75:2,100:2".parse().unwrap()
    }

    fn of(requests: f64, rate: f64) -> Figures {
        figures(&seed(), Traffic::new(requests, rate).unwrap(), &Policy::default(), EFFORT)
    }

    #[test]
    fn much_traffic_sees_small_regressions_and_later_steps_see_smaller_ones() {
        let much = of(3_000.0, 0.01);
        let ratios: Vec<f64> = much.steps.iter().map(|step| step.smallest_ratio.unwrap()).collect();
        assert!(ratios.is_sorted_by(|before, after| before >= after), "{ratios:?}");
        assert!(much.smallest_ratio.unwrap() < 1.6, "{much:?}");
        let dead = much.cases.last().unwrap();
        assert_eq!((dead.found.to_bits(), dead.minutes_median), (1.0_f64.to_bits(), Some(2)), "{dead:?}");
        // Two minutes at 10 % of 3,000 requests, of which 1 % would have failed anyway.
        assert!((dead.bad_requests - 0.2 * 0.99 * 3_000.0).abs() < 1e-6, "{dead:?}");
        assert!(much.false_rollbacks <= 0.03, "{much:?}");
        let some = of(300.0, 0.001);
        assert!(some.smallest_ratio.unwrap() > 2.0 * much.smallest_ratio.unwrap(), "{some:?}");
    }

    #[test]
    fn what_is_found_with_nine_in_ten_is_found_with_nine_in_ten() {
        let policy = Policy::default();
        let bench =
            Bench::new(Traffic::new(600.0, 0.005).unwrap(), &policy, FiguresEffort { seed: 5, ..EFFORT });
        let plan = seed();
        let played = bench.with(&plan);
        let ratio = played.smallest_in_all().unwrap();
        assert!(played.case(Badness::Times(ratio)).found >= FOUND);
        assert!(played.case(Badness::Times(ratio / GRID / 1.001)).found < FOUND);
    }

    #[test]
    fn a_step_that_never_has_enough_requests_is_said_to_starve() {
        let few = of(10.0, 0.01);
        let first = few.steps.first().unwrap();
        assert_eq!((first.waits_minutes, first.starved), (Some(50.0), true));
        assert!(
            few.advice.iter().any(|advice| matches!(advice.change, crate::Change::MinimumRequests { .. })),
            "{few:?}"
        );
        let last = few.steps.last().unwrap();
        assert_eq!((last.waits_minutes, last.starved), (Some(5.0), false));
    }

    #[test]
    fn the_same_seed_has_the_same_figures() {
        assert_eq!(of(120.0, 0.01), of(120.0, 0.01));
    }
}
