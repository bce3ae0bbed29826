//! What a plan and a rule would have done to past minutes.

use analysis::sequential::Tally;
use analysis::{Histories, History, Rate};
use jiff::Timestamp;
use serde::Serialize;

use crate::draw::{binomial, hypergeometric, uniform};
use crate::past::{PastMinute, PastMinutes};
use crate::plan::Plan;
use crate::play::{Ending, HORIZON, Stop, play};
use crate::rule::{Counted, Counts, Playing, Rule, RuleKind};
use crate::{Badness, float, quantile};

/// Minutes of history before a rollout, at most and at least.
const HISTORY: (usize, usize) = (360, 30);

/// The regressions that are injected.
pub const EFFECTS: [Badness; 6] = [
    Badness::Times(1.5),
    Badness::Times(2.0),
    Badness::Times(3.0),
    Badness::Times(5.0),
    Badness::Times(10.0),
    Badness::Dead,
];

/// So many false rollbacks are told one by one.
const TOLD: usize = 10;

/// How much is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Names the random numbers: the same seed gives the same result.
    pub seed: u64,
    /// Rollouts of an unchanged service.
    pub unchanged: u64,
    /// Rollouts of each regression.
    pub worse: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Self { seed: 1, unchanged: 500, worse: 100 }
    }
}

/// Why nothing was played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BacktestError {
    /// Too few minutes.
    #[error(
        "{have} minutes are too few: {needed} are needed, {} of history and the plan with its waits; give a longer time \
         (a day or more tells most)",
        HISTORY.1
    )]
    TooShort {
        /// How many there are.
        have: usize,
        /// How many are needed.
        needed: usize,
    },
    /// No requests at all.
    #[error("there are no requests in {0} minutes: check the service and the time")]
    NoRequests(usize),
    /// A latency objective, and no counts.
    #[error(
        "{rule} has a latency objective, and slow requests are not counted in every minute: add the column slow (requests \
         over {objective_ms} ms), or remove latency_objective_ms from the policy"
    )]
    NoLatency {
        /// The rule.
        rule: String,
        /// Its objective.
        objective_ms: u32,
    },
    /// Metrics that past minutes do not have.
    #[error("{rule} has metrics of its own, which past minutes do not have: remove metrics from the policy")]
    FurtherMetrics {
        /// The rule.
        rule: String,
    },
}

/// What would have become of rollouts in the past.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Backtest {
    /// The first minute.
    pub from: Timestamp,
    /// The last minute.
    pub to: Timestamp,
    /// How many there are, and how many of them were not given, so that they count as without requests.
    pub minutes: usize,
    /// Those that were not given.
    pub gaps: usize,
    /// Requests in all.
    pub requests: u64,
    /// Errors in all.
    pub errors: u64,
    /// How it was rolled out.
    pub plan: Plan,
    /// One for each rule.
    pub rows: Vec<Row>,
}

/// What one rule would have done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The rule.
    pub rule: Rule,
    /// Of the rollouts of the unchanged service (requests), how many were blamed and rolled back (events).
    pub false_rollbacks: Rate,
    /// Of these, how many ended because there was too little to judge by, or a person would have been asked.
    pub undecided: u64,
    /// When and why, the first of them.
    pub blames: Vec<Blame>,
    /// What injected regressions became, in the order of [`EFFECTS`].
    pub detections: Vec<Detection>,
}

/// An unchanged service that was rolled back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blame {
    /// When the rollout would have begun.
    pub started: Timestamp,
    /// The minutes until it was rolled back.
    pub after_minutes: u32,
    /// What the rule says.
    pub why: String,
}

/// What became of an injected regression.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// How bad.
    pub badness: Badness,
    /// Rollouts.
    pub rollouts: u64,
    /// The share that was rolled back by the rule.
    pub found: f64,
    /// Minutes until then, of those that were found: the median.
    pub minutes_median: Option<u32>,
    /// The same: nine of ten.
    pub minutes_p90: Option<u32>,
    /// Errors that were injected within an hour from the start, on average; a version that is not found serves all
    /// traffic from the end of its plan on.
    pub bad_requests: f64,
}

/// Cuts rollouts out of `past`: each request of a minute goes to the canary with the chance of its weight at the time,
/// for an unchanged service (A/A), and with injected errors (A/B). All rules see the same rollouts.
///
/// Requests are divided one by one, so that retries which stick to one arm look better than they are; what both arms
/// share (outages, noise, daily waves) is as it was.
///
/// # Errors
/// Too few minutes, no requests, or a rule that asks for what was not counted.
pub fn backtest(
    past: &PastMinutes,
    plan: &Plan,
    rules: &[Rule],
    effort: Effort,
) -> Result<Backtest, BacktestError> {
    let starts = Starts::new(past, plan, rules)?;
    let (requests, errors) = past.totals();
    let (Some(first), Some(last)) = (past.all().first(), past.all().last()) else {
        return Err(BacktestError::NoRequests(0));
    };
    for rule in rules {
        check(rule, past)?;
    }
    let rows = rules.iter().map(|rule| row(rule, past, plan, &starts, effort)).collect();
    Ok(Backtest {
        from: first.start,
        to: last.start,
        minutes: past.all().len(),
        gaps: past.filled(),
        requests,
        errors,
        plan: plan.clone(),
        rows,
    })
}

fn check(rule: &Rule, past: &PastMinutes) -> Result<(), BacktestError> {
    let RuleKind::Policy(policy) = &rule.kind else { return Ok(()) };
    if !policy.metrics.is_empty() {
        return Err(BacktestError::FurtherMetrics { rule: rule.name.clone() });
    }
    match policy.latency_objective_ms {
        Some(objective_ms) if !past.has_slow() => {
            Err(BacktestError::NoLatency { rule: rule.name.clone(), objective_ms })
        }
        _ => Ok(()),
    }
}

/// Where rollouts may begin.
struct Starts {
    first: usize,
    count: usize,
}

impl Starts {
    fn new(past: &PastMinutes, plan: &Plan, rules: &[Rule]) -> Result<Self, BacktestError> {
        let have = past.all().len();
        let waits = rules.iter().filter_map(|rule| match &rule.kind {
            RuleKind::Policy(policy) => Some(policy.suspect_minutes.saturating_add(plan.patience())),
            RuleKind::Peer(_) => None,
        });
        let plan_minutes = plan.minutes() + plan.delay() + waits.max().unwrap_or(0).min(60);
        let needed = HISTORY.1 + plan_minutes as usize;
        if past.totals().0 == 0 {
            return Err(BacktestError::NoRequests(have));
        }
        if have < needed {
            return Err(BacktestError::TooShort { have, needed });
        }
        // With a whole history before them where there is enough for that and as many starts again.
        let spare = have - needed;
        let first = HISTORY.1 + (HISTORY.0 - HISTORY.1).min(spare / 2);
        Ok(Self { first, count: have - plan_minutes as usize - first + 1 })
    }

    /// The start of a rollout: evenly spread, and not on the grid of any schedule.
    fn of(&self, seed: u64, run: u64, runs: u64) -> usize {
        let place = (float(run) + uniform(&[seed, run, 30])) / float(runs.max(1));
        let offset =
            usize::try_from(crate::draw::rounded((place * float(self.count as u64)).floor())).unwrap_or(0);
        self.first + offset.min(self.count.saturating_sub(1))
    }
}

fn row(rule: &Rule, past: &PastMinutes, plan: &Plan, starts: &Starts, effort: Effort) -> Row {
    let (mut false_rollbacks, mut undecided, mut blames) = (0, 0, Vec::new());
    for run in 0..effort.unchanged {
        let start = starts.of(effort.seed, run, effort.unchanged);
        let cut = Cut { past, start, seed: effort.seed, run, badness: None };
        let ending = cut.play(rule, plan);
        match ending.stop {
            None => {}
            Some(Stop::Blamed(why)) => {
                false_rollbacks += 1;
                if let (true, Some(minute)) = (blames.len() < TOLD, past.all().get(start)) {
                    blames.push(Blame { started: minute.start, after_minutes: ending.minutes, why });
                }
            }
            Some(Stop::TooLittle(_) | Stop::Asked) => undecided += 1,
        }
    }
    let detections = EFFECTS.map(|badness| detection(rule, past, plan, starts, effort, badness)).into();
    Row {
        rule: rule.clone(),
        false_rollbacks: Rate::of(false_rollbacks, effort.unchanged),
        undecided,
        blames,
        detections,
    }
}

fn detection(
    rule: &Rule,
    past: &PastMinutes,
    plan: &Plan,
    starts: &Starts,
    effort: Effort,
    badness: Badness,
) -> Detection {
    let (mut minutes, mut bad) = (Vec::new(), 0.0);
    for run in 0..effort.worse {
        let start = starts.of(effort.seed, run, effort.worse);
        let cut = Cut { past, start, seed: effort.seed, run, badness: Some(badness) };
        let ending = cut.play(rule, plan);
        bad += cut.bad_requests(&ending);
        if ending.is_blamed() {
            minutes.push(ending.minutes);
        }
    }
    minutes.sort_unstable();
    Detection {
        badness,
        rollouts: effort.worse,
        found: float(minutes.len() as u64) / float(effort.worse.max(1)),
        minutes_median: quantile(&minutes, 0.5),
        minutes_p90: quantile(&minutes, 0.9),
        bad_requests: bad / float(effort.worse.max(1)),
    }
}

/// A rollout that is cut out of the past.
struct Cut<'a> {
    past: &'a PastMinutes,
    /// The place of its first minute.
    start: usize,
    seed: u64,
    run: u64,
    badness: Option<Badness>,
}

impl Cut<'_> {
    fn play(&self, rule: &Rule, plan: &Plan) -> Ending {
        let mut playing = Playing::new(rule, plan, self.histories());
        play(plan, |look| playing.order(look, look.seen.map(|seen| self.counts(seen.minute, seen.weight))))
    }

    fn before(&self) -> &[PastMinute] {
        self.past.all().get(self.start.saturating_sub(HISTORY.0)..self.start).unwrap_or_default()
    }

    fn histories(&self) -> Histories {
        let of = |count: fn(&PastMinute) -> Option<u64>| -> Option<History> {
            let tally =
                |minute: &PastMinute| Some([Tally { requests: minute.requests, events: count(minute)? }]);
            let minutes: Option<Vec<_>> = self.before().iter().map(tally).collect();
            History::of(&minutes?)
        };
        Histories {
            errors: of(|minute| Some(minute.errors)),
            slow: of(|minute| if minute.requests == 0 { Some(0) } else { minute.slow }),
        }
    }

    /// A minute of the rollout; after the last that is known, minutes as the last.
    fn minute(&self, minute: usize) -> PastMinute {
        let all = self.past.all();
        let found = all.get(self.start + minute).or(all.last()).copied();
        let start = all
            .get(self.start)
            .and_then(|first| {
                first.start.as_second().checked_add(i64::try_from(minute).ok()?.checked_mul(60)?)
            })
            .and_then(|second| Timestamp::from_second(second).ok());
        let none = PastMinute { start: Timestamp::UNIX_EPOCH, requests: 0, errors: 0, slow: None };
        let found = found.unwrap_or(none);
        PastMinute { start: start.unwrap_or(found.start), ..found }
    }

    /// The share of the canary's good requests that fails by injection: so that its rate is a multiple of the usual one
    /// when the minute is a usual one. A service without errors counts as having had half a one.
    fn injected(&self) -> f64 {
        match self.badness {
            None => 0.0,
            Some(Badness::Dead) => 1.0,
            Some(Badness::Times(ratio)) => {
                let before = self.before().iter();
                let (requests, errors) =
                    before.fold((0, 0), |sum, minute| (sum.0 + minute.requests, sum.1 + minute.errors));
                let rate = (float(errors).max(0.5) / float(requests.max(1))).min(1.0);
                let target = (rate * ratio).min(1.0);
                if rate < 1.0 { ((target - rate) / (1.0 - rate)).max(0.0) } else { 0.0 }
            }
        }
    }

    /// Both arms of a minute. Each request is assigned by itself, so that errors and others are divided independently.
    fn counts(&self, minute: usize, weight: u8) -> Counts {
        let all = self.minute(minute);
        let share = f64::from(weight) / 100.0;
        let word = |what| uniform(&[self.seed, self.run, minute as u64, what]);
        let failed = binomial(all.errors, share, word(40));
        let good = binomial(all.requests - all.errors, share, word(41));
        let requests = failed + good;
        let slow = all.slow.map(|slow| hypergeometric(all.requests, slow, requests, word(42)));
        let more = binomial(good, self.injected(), word(43));
        Counts {
            start: all.start,
            canary: Counted { requests, errors: failed + more, slow },
            baseline: Counted {
                requests: all.requests - requests,
                errors: all.errors - failed,
                slow: all.slow.zip(slow).map(|(all, canary)| all - canary),
            },
        }
    }

    /// The errors that were injected within the horizon, as they are expected.
    fn bad_requests(&self, ending: &Ending) -> f64 {
        let injected = self.injected();
        (0..HORIZON as usize)
            .zip(ending.shares())
            .map(|(minute, share)| {
                let minute = self.minute(minute);
                float(minute.requests - minute.errors) * share * injected
            })
            .sum()
    }
}

#[cfg(test)]
mod tests;
