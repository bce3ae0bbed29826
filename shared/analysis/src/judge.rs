use crate::evidence::{Arm, Evidence, Minute, Minutes, Reference};
use crate::number::{Probability, Ratio, float};
use crate::tail::{Table, p_value, p_value_of_rate};
use crate::verdict::{Finding, Metric, NoData, Rate, Reason, SilentArm, Standard, Verdict};
use crate::{Look, Policy};

/// Judges one step on all its counted minutes.
///
/// Errors, and slow requests if the policy has a latency objective, are each tested by an exact conditional test
/// stratified by minute: whether the canary has more of them than a version within the margin would have, given what
/// each minute carried. What both arms share, such as an outage, moves nothing. Minutes without baseline requests are
/// taken together and held against the [`Reference`]. The greatest error rate is tested by an exact binomial test. All
/// tests and all looks of a rollout share the false-rollback budget; [`Look`] has the proof.
///
/// - Fail: a p-value is at or under its threshold, whatever the policy's minimums.
/// - No data: the canary served no requests; or a source is down, to which a latency objective without counts of slow
///   requests belongs.
/// - Inconclusive: a minimum is not reached, there is nothing to compare with, the traffic is too small for any result
///   to fail, or the error rate is above the greatest allowed without being surely so.
/// - Pass: none of these. Without a baseline and a reference, but with a greatest error rate, errors pass on it alone.
pub fn judge(policy: &Policy, evidence: &Evidence, look: Look) -> Verdict {
    match evidence {
        Evidence::SourceDown { reason } => {
            Verdict::NoData { kind: NoData::SourceDown { reason: reason.clone() } }
        }
        Evidence::Minutes(minutes) => Bench::new(policy, minutes, look).verdict(),
    }
}

/// A metric of both arms, ready to be tested.
struct Comparison {
    metric: Metric,
    tables: Vec<Table>,
    canary: Tally,
    baseline: Tally,
    earlier_requests: u64,
    margin: Ratio,
    threshold: f64,
}

#[derive(Clone, Copy, Default)]
struct Tally {
    events: u64,
    requests: u64,
}

impl Tally {
    fn add(&mut self, events: u64, requests: u64) {
        self.events += events;
        self.requests += requests;
    }

    fn rate(self) -> Rate {
        Rate::of(self.events, self.requests)
    }
}

impl Comparison {
    fn new(
        metric: Metric,
        minutes: &Minutes,
        events: fn(&Arm) -> Option<u64>,
        earlier: Option<(&Reference, u64)>,
        (margin, threshold): (Ratio, f64),
    ) -> Self {
        let (canary, baseline) = (Tally::default(), Tally::default());
        let mut this =
            Self { metric, tables: vec![], canary, baseline, earlier_requests: 0, margin, threshold };
        let mut alone = Tally::default();
        for minute in minutes {
            let (canary, baseline) = (minute.canary(), minute.baseline());
            let (Some(on_canary), Some(on_baseline)) = (events(canary), events(baseline)) else { continue };
            if baseline.requests() == 0 {
                alone.add(on_canary, canary.requests());
            } else {
                this.compare((canary.requests(), on_canary), (baseline.requests(), on_baseline));
            }
        }
        if let Some((reference, events)) = earlier {
            let compared = this.compare((alone.requests, alone.events), (reference.requests(), events));
            this.earlier_requests = if compared { reference.requests() } else { 0 };
        }
        this
    }

    /// Adds two arms as (requests, events), unless one is idle.
    fn compare(&mut self, canary: (u64, u64), baseline: (u64, u64)) -> bool {
        let Some(table) = Table::new(canary, baseline) else { return false };
        self.tables.push(table);
        self.canary.add(canary.1, canary.0);
        self.baseline.add(baseline.1, baseline.0);
        true
    }

    fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    fn finding(&self) -> Finding {
        Finding {
            metric: self.metric,
            canary: self.canary.rate(),
            standard: Standard::Baseline {
                seen: self.baseline.rate(),
                earlier_requests: self.earlier_requests,
                margin: self.margin,
            },
            p_value: Probability::rounded(p_value(self.tables.clone(), self.margin)),
            threshold: Probability::rounded(self.threshold),
        }
    }

    /// Whether these requests could have failed the canary: by their number alone, for a look's evidence must not
    /// be chosen by its errors.
    fn is_testable(&self) -> bool {
        let worst = self.tables.iter().map(|table| table.at_worst()).collect();
        p_value(worst, self.margin) <= self.threshold
    }
}

/// The test of the canary's error rate against the greatest allowed.
struct Limit {
    allowed: Probability,
    canary: Tally,
    threshold: f64,
}

impl Limit {
    fn p_value(&self, errors: u64) -> f64 {
        p_value_of_rate(self.canary.requests, errors, self.allowed.get())
    }

    fn finding(&self) -> Finding {
        Finding {
            metric: Metric::Errors,
            canary: self.canary.rate(),
            standard: Standard::MaxErrorRate { allowed: self.allowed },
            p_value: Probability::rounded(self.p_value(self.canary.events)),
            threshold: Probability::rounded(self.threshold),
        }
    }

    fn is_exceeded(&self) -> bool {
        float(self.canary.events) > self.allowed.get() * float(self.canary.requests)
    }

    fn is_testable(&self) -> bool {
        self.p_value(self.canary.requests) <= self.threshold
    }
}

/// Everything that is weighed for one verdict.
struct Bench<'a> {
    policy: &'a Policy,
    minutes: &'a Minutes,
    errors: Comparison,
    slow: Option<Comparison>,
    limit: Option<Limit>,
}

impl<'a> Bench<'a> {
    fn new(policy: &'a Policy, minutes: &'a Minutes, look: Look) -> Self {
        let budget = policy.false_rollback_budget.get() * look.share();
        let shares = policy.shares();
        let reference = minutes.reference();
        let errors = Comparison::new(
            Metric::Errors,
            minutes,
            |arm| Some(arm.errors()),
            reference.map(|earlier| (earlier, earlier.errors())),
            (policy.margin, budget * shares.errors),
        );
        let slow = policy.latency_objective_ms.map(|objective_ms| {
            Comparison::new(
                Metric::SlowRequests { objective_ms },
                minutes,
                Arm::slow,
                reference.and_then(|earlier| Some((earlier, earlier.slow()?))),
                (policy.margin, budget * shares.slow),
            )
        });
        let limit = policy.max_error_rate.map(|allowed| {
            let mut canary = Tally::default();
            minutes
                .iter()
                .for_each(|minute| canary.add(minute.canary().errors(), minute.canary().requests()));
            Limit { allowed, canary, threshold: budget * shares.max_error_rate }
        });
        Self { policy, minutes, errors, slow, limit }
    }

    fn verdict(self) -> Verdict {
        if let Some(kind) = self.silence() {
            return Verdict::NoData { kind };
        }
        let comparisons = [Some(&self.errors), self.slow.as_ref()].into_iter().flatten();
        let compared = comparisons.filter(|comparison| !comparison.is_empty()).map(Comparison::finding);
        let findings: Vec<Finding> = compared.chain(self.limit.as_ref().map(Limit::finding)).collect();
        let weight = |finding: &Finding| finding.p_value.get() / finding.threshold.get();
        let gravest = findings.into_iter().min_by(|left, right| weight(left).total_cmp(&weight(right)));
        match gravest {
            Some(finding) if finding.is_failure() => Verdict::Fail(finding),
            Some(finding) => match (self.unseen_latency(), self.obstacle()) {
                (Some(kind), _) => Verdict::NoData { kind },
                (None, Some(reason)) => Verdict::Inconclusive { reason },
                (None, None) => Verdict::Pass(finding),
            },
            None => Verdict::Inconclusive { reason: Reason::NothingToCompare { metric: Metric::Errors } },
        }
    }

    fn silence(&self) -> Option<NoData> {
        let served = |arm: fn(&Minute) -> &Arm| self.minutes.iter().any(|minute| arm(minute).requests() > 0);
        if served(Minute::canary) {
            return None;
        }
        let arm = if served(Minute::baseline) { SilentArm::Canary } else { SilentArm::Both };
        Some(NoData::NoRequests { arm })
    }

    /// A latency objective whose counts are missing where there were requests: protection that was asked for is lost.
    fn unseen_latency(&self) -> Option<NoData> {
        let objective = self.policy.latency_objective_ms?;
        let unseen = self.minutes.iter().find(|minute| {
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
    fn obstacle(&self) -> Option<Reason> {
        self.minimum().or_else(|| self.untested()).or_else(|| {
            let limit = self.limit.as_ref().filter(|limit| limit.is_exceeded())?;
            Some(Reason::AboveMaxErrorRate { seen: limit.canary.rate(), allowed: limit.allowed })
        })
    }

    /// A minimum of the policy that is not reached.
    fn minimum(&self) -> Option<Reason> {
        let served = self.minutes.iter().filter(|minute| minute.canary().requests() > 0).count();
        let (seen, needed) = (u32::try_from(served).unwrap_or(u32::MAX), self.policy.minimum_minutes);
        if seen < needed {
            return Some(Reason::TooFewMinutes { seen, needed });
        }
        let seen = match &self.limit {
            Some(limit) if self.errors.is_empty() => limit.canary.requests,
            _ => self.errors.canary.requests,
        };
        let needed = self.policy.minimum_requests;
        (seen < needed).then_some(Reason::TooFewRequests { seen, needed })
    }

    /// A test that the policy asks for and that could not have failed.
    fn untested(&self) -> Option<Reason> {
        let errors_testable = match &self.limit {
            Some(limit) if self.errors.is_empty() => limit.is_testable(),
            _ => self.errors.is_testable(),
        };
        if !errors_testable {
            return Some(Reason::NotTestable { metric: Metric::Errors });
        }
        let slow = self.slow.as_ref()?;
        if slow.is_empty() {
            return Some(Reason::NothingToCompare { metric: slow.metric });
        }
        (!slow.is_testable()).then_some(Reason::NotTestable { metric: slow.metric })
    }
}

#[cfg(test)]
mod tests;
