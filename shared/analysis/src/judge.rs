use crate::course::{Counted, Course};
use crate::effect::Compared;
use crate::evidence::{Arm, Minute, Sample};
use crate::histories::Histories;
use crate::history::History;
use crate::limit::p_value_of_rate;
use crate::number::{Probability, Ratio, float};
use crate::policy::{Direction, Kind, Policy};
use crate::ruled::ruled;
use crate::sequential::{Reading, Sequence, Settings, Tally};
use crate::spending::{OPEN_ENDED, Spending};
use crate::verdict::{Finding, Metric, NoData, Rate, Reason, SilentArm, Standard, Verdict};

/// What a step is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What is tolerated.
    pub policy: &'a Policy,
    /// The data minutes that the plan gives to steps with a baseline beside the canary; without any, to all steps.
    pub planned: u32,
    /// Whether any step has a baseline beside the canary. Without one the version is held against what was usual before.
    pub beside: bool,
    /// What the old version did before.
    pub history: &'a Histories,
    /// Everything that was counted in the rollout.
    pub course: &'a Course,
    /// The step that is judged.
    pub step: u16,
}

/// How likely an equal version is to look as bad as this, at least, for the canary to be [suspect](Verdict::Suspect).
pub(crate) const SUSPECT: f64 = 0.1;

/// The minutes over which a step with nothing beside the canary spends its part of the budget.
const ALONE: u32 = 10;

/// Judges a step on everything that was counted in the rollout.
///
/// Errors, slow requests and each further metric are followed through the rollout by a group-sequential test each: what
/// both arms share, such as an outage, moves nothing. The greatest error rate is tested by an exact binomial test. All
/// tests and all minutes share the false-rollback budget.
///
/// - Fail: a boundary is crossed, whatever the policy's minimums.
/// - No data: the canary served no requests in this step; or a latency objective has no counts of slow requests.
/// - Inconclusive: a minimum is not reached in this step, there is nothing to compare with, the traffic is too small for
///   any result to fail, or the error rate is above the greatest allowed without being surely so.
/// - Suspect: none of these, but an equal version looks so bad in one rollout of ten at most.
/// - Pass: none of these.
///
/// A policy with another tool's [`rule`](Policy::rule) is judged by that one instead.
pub fn judge(case: &Case<'_>) -> Verdict {
    if let Some(rule) = &case.policy.rule {
        return ruled(rule, case);
    }
    let mut trials = trials(case);
    let mut limit = Limit::new(case);
    for (number, Counted(_, minute)) in (1_u32..).zip(case.course) {
        for trial in &mut trials {
            trial.see(minute, number, case.policy);
        }
        if let Some(limit) = &mut limit {
            limit.see(minute, number);
        }
        let failed = trials.iter().filter(|trial| trial.crossed()).map(Trial::finding);
        let exceeded = limit.iter().filter(|limit| limit.crossed).map(Limit::finding);
        if let Some(finding) = failed.chain(exceeded).min_by(gravest) {
            return Verdict::Fail(finding.into());
        }
    }
    let step: Vec<&Minute> = case.course.of(case.step).collect();
    if let Some(kind) = silence(&step).or_else(|| unseen_latency(case, &step)) {
        return Verdict::NoData { kind };
    }
    if let Some(reason) = obstacle(case, &step, &trials, limit.as_ref()) {
        return Verdict::Inconclusive { reason };
    }
    let findings = trials.iter().filter(|trial| trial.is_comparison()).map(Trial::finding);
    let gravest = findings.chain(limit.as_ref().map(Limit::finding)).min_by(gravest);
    match gravest {
        None => Verdict::Inconclusive { reason: Reason::NothingToCompare { metric: Metric::Errors } },
        Some(finding) if trials.iter().any(Trial::is_suspect) => Verdict::Suspect(Box::new(finding)),
        Some(finding) => Verdict::Pass(finding.into()),
    }
}

fn gravest(left: &Finding, right: &Finding) -> std::cmp::Ordering {
    let weight = |finding: &Finding| finding.p_value.get() / finding.threshold.get().max(f64::MIN_POSITIVE);
    weight(left).total_cmp(&weight(right))
}

/// One metric of both arms, followed through the rollout.
struct Trial {
    metric: Metric,
    source: Source,
    sequence: Sequence,
    canary: Tally,
    baseline: Tally,
    compared: Compared,
    usual: Option<Rate>,
    margin: Ratio,
    reading: Option<Reading>,
    settings: Settings,
    history: Option<History>,
    beside: bool,
    /// The baseline's minutes, for the steps that leave none.
    earlier: Vec<Vec<Tally>>,
    alone: Option<Sequence>,
    /// What the canary served alone.
    full: Tally,
}

/// Where a trial's events are in an arm.
#[derive(Clone, Copy)]
enum Source {
    Errors,
    Slow,
    Further { place: usize, kind: Kind, worse: Direction },
}

/// The metrics that the policy asks for.
fn trials(case: &Case<'_>) -> Vec<Trial> {
    let (policy, shares) = (case.policy, case.policy.shares());
    let trial = |metric, source, share: f64, margin: Ratio, history: Option<&History>| {
        let settings = Settings {
            budget: policy.false_rollback_budget.get() * share,
            margin: margin.get(),
            planned: case.planned,
        };
        let sequence = if case.beside {
            Sequence::new(settings, history)
        } else {
            Sequence::before_and_after(settings, history)
        };
        let usual = history.map(|history| Rate::of(history.events, history.requests));
        let (canary, baseline) = (Tally::default(), Tally::default());
        let compared = Compared::default();
        Trial {
            metric,
            source,
            sequence,
            canary,
            baseline,
            compared,
            usual,
            margin,
            reading: None,
            settings,
            history: history.copied(),
            beside: case.beside,
            earlier: Vec::new(),
            alone: None,
            full: Tally::default(),
        }
    };
    let errors =
        trial(Metric::Errors, Source::Errors, shares.errors, policy.margin, case.history.errors.as_ref());
    let slow = policy.latency_objective_ms.map(|objective_ms| {
        let metric = Metric::SlowRequests { objective_ms };
        trial(metric, Source::Slow, shares.slow, policy.margin, case.history.slow.as_ref())
    });
    let further = policy.metrics.iter().enumerate().map(|(place, metric)| {
        let source = Source::Further { place, kind: metric.kind, worse: metric.worse };
        let margin = metric.margin.unwrap_or(policy.margin);
        let name = metric.name.clone();
        match metric.kind {
            Kind::Counts => trial(Metric::Further { name }, source, shares.further, margin, None),
            // The margin is in the values.
            Kind::Values => {
                let mut signs = trial(Metric::Further { name }, source, shares.further, Ratio::ONE, None);
                signs.margin = margin;
                signs
            }
        }
    });
    [Some(errors), slow].into_iter().flatten().chain(further).collect()
}

impl Trial {
    fn see(&mut self, minute: &Minute, number: u32, policy: &Policy) {
        if matches!(self.source, Source::Slow) && number <= policy.cold_minutes {
            return;
        }
        let Some((canary, baseline)) = self.tallies(minute) else { return };
        if self.beside && baseline.requests == 0 && canary.requests > 0 {
            return self.see_alone(canary);
        }
        self.earlier.push(vec![baseline]);
        self.reading = Some(self.sequence.add(canary, baseline));
        if canary.requests > 0 && (baseline.requests > 0 || self.usual.is_some()) {
            self.canary = plus(self.canary, canary);
            self.baseline = plus(self.baseline, baseline);
            self.compared.add(canary, baseline);
        }
    }

    /// With all traffic on the canary it is held against what was usual, before the rollout or else in its earlier
    /// steps: an outage that the old version would have shared blames it. The other choice is to see nothing when all
    /// traffic is at stake; a few percent left on the old version (`hold_back`) are better than both.
    fn see_alone(&mut self, canary: Tally) {
        let Self { settings, history, earlier, .. } = self;
        let alone = self.alone.get_or_insert_with(|| {
            let usual = history.or_else(|| History::of(earlier));
            let settings =
                Settings { budget: settings.budget * OPEN_ENDED / 2.0, planned: ALONE, ..*settings };
            Sequence::before_and_after(settings, usual.as_ref())
        });
        let reading = alone.add(canary, Tally::default());
        self.full = plus(self.full, canary);
        if reading.crossed {
            (self.canary, self.baseline, self.compared) = (self.full, Tally::default(), Compared::default());
            self.usual = self.usual.or_else(|| {
                let usual = History::of(&self.earlier)?;
                Some(Rate::of(usual.events, usual.requests))
            });
            self.reading = Some(reading);
        }
    }

    /// Both arms' events; `None` where they were not counted.
    fn tallies(&self, minute: &Minute) -> Option<(Tally, Tally)> {
        let of = |arm: &Arm, events| Tally { requests: arm.requests(), events };
        let (canary, baseline) = (minute.canary(), minute.baseline());
        match self.source {
            Source::Errors => Some((of(canary, canary.errors()), of(baseline, baseline.errors()))),
            Source::Slow => Some((of(canary, canary.slow()?), of(baseline, baseline.slow()?))),
            Source::Further { place, kind, worse } => {
                let pair = (canary.further(place), baseline.further(place));
                match kind {
                    Kind::Counts => counts(pair, worse),
                    Kind::Values => signs(pair, worse, self.margin),
                }
            }
        }
    }

    fn crossed(&self) -> bool {
        self.reading.is_some_and(|reading| reading.crossed)
    }

    fn is_suspect(&self) -> bool {
        self.reading.is_some_and(|reading| reading.p <= SUSPECT)
    }

    fn is_comparison(&self) -> bool {
        self.canary.requests > 0
    }

    fn finding(&self) -> Finding {
        let reading = self.reading.unwrap_or(Reading::NOTHING);
        let counted = self.baseline.requests > 0;
        Finding {
            metric: self.metric.clone(),
            canary: Rate::of(self.canary.events, self.canary.requests),
            standard: Standard::Baseline {
                seen: if counted {
                    Rate::of(self.baseline.events, self.baseline.requests)
                } else {
                    Rate::of(0, 0)
                },
                usual: self.usual,
                margin: self.margin,
                key: reading.key,
            },
            effect: self.compared.effect(),
            p_value: Probability::rounded(reading.p.max(1e-100)),
            threshold: Probability::rounded(reading.threshold),
            sure: self.margin.get() > 1.0 && self.compared.is_surely_under(self.margin.get()),
        }
    }

    /// Whether requests like these could have failed a canary: by their number alone, for what is tested must not be
    /// chosen by its errors.
    fn is_testable(&self, case: &Case<'_>) -> bool {
        let place = match self.source {
            Source::Errors => 0,
            Source::Slow => 1,
            Source::Further { .. } => return true,
        };
        let mut fresh = trials(case);
        let Some(trial) = fresh.get_mut(place) else { return true };
        (1_u32..).zip(case.course).any(|(_, Counted(_, minute))| {
            let (canary, baseline) = (minute.canary().requests(), minute.baseline().requests());
            let all = Tally { requests: canary, events: canary };
            trial.sequence.add(all, Tally { requests: baseline, events: 0 }).crossed
        })
    }
}

const fn plus(left: Tally, right: Tally) -> Tally {
    Tally { requests: left.requests + right.requests, events: left.events + right.events }
}

fn counts(pair: (Sample, Sample), worse: Direction) -> Option<(Tally, Tally)> {
    let bad = |events: u64, of: u64| match worse {
        Direction::Higher => Tally { requests: of, events },
        Direction::Lower => Tally { requests: of, events: of - events },
    };
    match pair {
        (Sample::Count { events: x, of: n }, Sample::Count { events: y, of: m }) => {
            Some((bad(x, n), bad(y, m)))
        }
        _ => None,
    }
}

/// Values are compared by their sign: in how many minutes the canary's is worse. Equal versions are worse in half of
/// them, whatever moves both; how much worse is not used, so that no law of the values has to be known.
fn signs(pair: (Sample, Sample), worse: Direction, margin: Ratio) -> Option<(Tally, Tally)> {
    let (Sample::Value(canary), Sample::Value(baseline)) = pair else { return None };
    let (over, under) = match worse {
        Direction::Higher => (canary > baseline * margin.get(), canary < baseline),
        Direction::Lower => (canary * margin.get() < baseline, canary > baseline),
    };
    let mark = |is: bool| Tally { requests: 1, events: u64::from(is) };
    Some((mark(over), mark(under)))
}

/// The test of the canary's error rate against the greatest allowed. Each minute may spend what the plan's spending
/// function gives it.
struct Limit {
    allowed: Probability,
    budget: f64,
    spending: Spending,
    canary: Tally,
    threshold: f64,
    p: f64,
    crossed: bool,
}

impl Limit {
    fn new(case: &Case<'_>) -> Option<Self> {
        let budget = case.policy.false_rollback_budget.get() * case.policy.shares().max_error_rate;
        let spending = Spending { planned: case.planned };
        let canary = Tally::default();
        case.policy.max_error_rate.map(|allowed| Self {
            allowed,
            budget,
            spending,
            canary,
            threshold: 0.0,
            p: 1.0,
            crossed: false,
        })
    }

    fn see(&mut self, minute: &Minute, number: u32) {
        let canary = minute.canary();
        self.canary = plus(self.canary, Tally { requests: canary.requests(), events: canary.errors() });
        self.threshold = self.allowance(number);
        self.p = p_value_of_rate(self.canary.requests, self.canary.events, self.allowed.get());
        self.crossed = self.p <= self.threshold;
    }

    /// The sum over all minutes is the budget (union bound).
    fn allowance(&self, number: u32) -> f64 {
        self.budget * (self.spending.until(number) - self.spending.until(number - 1)).max(0.0)
    }

    fn finding(&self) -> Finding {
        Finding {
            metric: Metric::Errors,
            canary: Rate::of(self.canary.events, self.canary.requests),
            standard: Standard::MaxErrorRate { allowed: self.allowed },
            effect: None,
            p_value: Probability::rounded(self.p),
            threshold: Probability::rounded(self.threshold),
            sure: false,
        }
    }

    fn is_exceeded(&self) -> bool {
        float(self.canary.events) > self.allowed.get() * float(self.canary.requests)
    }

    fn is_testable(&self) -> bool {
        p_value_of_rate(self.canary.requests, self.canary.requests, self.allowed.get()) <= self.threshold
    }
}

pub(crate) fn silence(step: &[&Minute]) -> Option<NoData> {
    let served = |arm: fn(&Minute) -> &Arm| step.iter().any(|minute| arm(minute).requests() > 0);
    if served(Minute::canary) {
        return None;
    }
    let arm = if served(Minute::baseline) { SilentArm::Canary } else { SilentArm::Both };
    Some(NoData::NoRequests { arm })
}

/// A latency objective whose counts are missing where there were requests: protection that was asked for is lost.
fn unseen_latency(case: &Case<'_>, step: &[&Minute]) -> Option<NoData> {
    let objective = case.policy.latency_objective_ms?;
    let unseen = step.iter().find(|minute| {
        minute.canary().requests() > 0
            && [minute.canary(), minute.baseline()].iter().any(|arm| arm.slow().is_none())
    })?;
    Some(NoData::SourceDown {
        reason: format!(
            "requests over {objective} ms are not counted in the minute from {}; provide them or remove \
             latency_objective_ms",
            unseen.start()
        ),
    })
}

/// What stands between a canary that did not fail and a pass.
fn obstacle(case: &Case<'_>, step: &[&Minute], trials: &[Trial], limit: Option<&Limit>) -> Option<Reason> {
    minimum(case.policy, step).or_else(|| untested(case, trials, limit)).or_else(|| {
        let limit = limit.filter(|limit| limit.is_exceeded())?;
        let seen = Rate::of(limit.canary.events, limit.canary.requests);
        Some(Reason::AboveMaxErrorRate { seen, allowed: limit.allowed })
    })
}

/// A minimum of the policy that is not reached.
pub(crate) fn minimum(policy: &Policy, step: &[&Minute]) -> Option<Reason> {
    let served = step.iter().filter(|minute| minute.canary().requests() > 0).count();
    let (seen, needed) = (u32::try_from(served).unwrap_or(u32::MAX), policy.minimum_minutes);
    if seen < needed {
        return Some(Reason::TooFewMinutes { seen, needed });
    }
    let seen = step.iter().map(|minute| minute.canary().requests()).sum();
    let needed = policy.minimum_requests;
    (seen < needed).then_some(Reason::TooFewRequests { seen, needed })
}

/// A test that the policy asks for and that could not have failed.
fn untested(case: &Case<'_>, trials: &[Trial], limit: Option<&Limit>) -> Option<Reason> {
    for trial in trials {
        if !trial.is_comparison() {
            let excused = match trial.source {
                Source::Errors => limit.is_some_and(Limit::is_testable),
                Source::Slow => warming(case),
                Source::Further { .. } => false,
            };
            if !excused {
                return Some(Reason::NothingToCompare { metric: trial.metric.clone() });
            }
        } else if !trial.is_testable(case) {
            return Some(Reason::NotTestable { metric: trial.metric.clone() });
        }
    }
    None
}

/// Whether all that was seen are the minutes that say nothing of latency, and the plan has more.
fn warming(case: &Case<'_>) -> bool {
    let seen = u32::try_from(case.course.iter().len()).unwrap_or(u32::MAX);
    seen <= case.policy.cold_minutes && case.planned > case.policy.cold_minutes
}

#[cfg(test)]
mod tests;
