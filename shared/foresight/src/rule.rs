//! What is compared in a backtest: policies of this project's judge, and the peers' rules.

use std::num::NonZeroU32;

use analysis::peers::{
    Alarm, AlarmMetric, ArgoAnalysis, Comparison, FlaggerChecks, Kayenta, Outcome, Peer, PeerMinute, Served,
    TreatMissingData,
};
use analysis::{Arm, Case, Course, Histories, Minute, Minutes, Policy, TooLittleTraffic, Verdict, judge};
use jiff::Timestamp;
use serde::Serialize;

use crate::plan::Plan;
use crate::play::{Look, Order, Stop};

/// Kayenta's judge is asked at the end of a step, once there are this many minutes.
const KAYENTA_MINUTES: usize = 5;

/// A way to judge rollouts, by name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// What it is called in tables.
    pub name: String,
    /// How it judges.
    pub kind: RuleKind,
}

/// How a rule judges.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// As this project does.
    Policy(Policy),
    /// As a peer does.
    Peer(Peer),
}

/// The peers' rules as their tools' guides have them.
pub fn peers() -> Vec<Rule> {
    let alarm = |metric, comparison, of| {
        Alarm::new(metric, comparison, 1.0, of, TreatMissingData::NotBreaching).map(Peer::Alarm).ok()
    };
    let flagger = FlaggerChecks { threshold: NonZeroU32::MIN.saturating_add(4), ..FlaggerChecks::default() };
    [
        ("alarm > 1 %, 2 of 3", alarm(AlarmMetric::ErrorPercent, Comparison::GreaterThan, (2, 3))),
        ("alarm any error, 2 of 2", alarm(AlarmMetric::ErrorCount, Comparison::AtLeast, (2, 2))),
        ("Flagger < 99 %, 5 checks", Some(Peer::Flagger(flagger))),
        ("Argo < 95 %, 3 failures", Some(Peer::Argo(ArgoAnalysis::default()))),
        ("Kayenta", Some(Peer::Kayenta(Kayenta::default()))),
    ]
    .into_iter()
    .filter_map(|(name, peer)| Some(Rule { name: name.to_owned(), kind: RuleKind::Peer(peer?) }))
    .collect()
}

/// What both arms served in a minute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub(crate) start: Timestamp,
    pub(crate) canary: Counted,
    pub(crate) baseline: Counted,
}

/// What an arm served in a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    pub(crate) slow: Option<u64>,
}

/// A rule at work in one rollout.
pub(crate) enum Playing<'a> {
    Policy { policy: &'a Policy, plan: &'a Plan, histories: Histories, course: Course, waited: u32 },
    Peer { peer: &'a Peer, plan: &'a Plan, minutes: Vec<PeerMinute> },
}

impl<'a> Playing<'a> {
    pub(crate) fn new(rule: &'a Rule, plan: &'a Plan, histories: Histories) -> Self {
        match &rule.kind {
            RuleKind::Policy(policy) => {
                Self::Policy { policy, plan, histories, course: Course::default(), waited: 0 }
            }
            RuleKind::Peer(peer) => Self::Peer { peer, plan, minutes: Vec::new() },
        }
    }

    pub(crate) fn order(&mut self, look: &Look, counts: Option<Counts>) -> Order {
        match self {
            Self::Policy { policy, plan, histories, course, waited } => {
                if let (Some(seen), Some(counts)) = (look.seen, counts) {
                    *course = counted(course, seen.step, &counts).unwrap_or_default();
                }
                let verdict = judge(&Case {
                    policy,
                    planned: planned(plan),
                    beside: plan.minutes_beside() > 0,
                    history: histories,
                    course,
                    step: u16::try_from(look.step).unwrap_or(u16::MAX),
                });
                by_verdict(&verdict, policy, plan, look, waited)
            }
            Self::Peer { peer, plan, minutes } => {
                let (Some(seen), Some(counts)) = (look.seen, counts) else { return Order::Go };
                let served = |arm: Counted| Served { requests: arm.requests, errors: arm.errors };
                minutes.push(PeerMinute {
                    step: u32::try_from(seen.step).unwrap_or(u32::MAX),
                    canary: served(counts.canary),
                    baseline: served(counts.baseline),
                });
                by_peer(peer, plan, minutes, seen.step)
            }
        }
    }
}

/// The data minutes of a plan, as a rollout has them.
fn planned(plan: &Plan) -> u32 {
    match plan.minutes_beside() {
        0 => plan.minutes(),
        beside => beside,
    }
}

fn counted(course: &Course, step: usize, counts: &Counts) -> Option<Course> {
    let arm = |of: Counted| Arm::new(of.requests, of.errors, of.slow).ok();
    let minute = Minute::new(counts.start, arm(counts.canary)?, arm(counts.baseline)?).ok()?;
    course.followed_by(u16::try_from(step).ok()?, &Minutes::new(vec![minute]).ok()?).ok()
}

/// What a rollout does with a verdict.
fn by_verdict(verdict: &Verdict, policy: &Policy, plan: &Plan, look: &Look, waited: &mut u32) -> Order {
    let baked = look.beyond.is_some();
    match verdict {
        Verdict::Fail(_) => Order::Stop(Stop::Blamed(verdict.to_string())),
        Verdict::Pass(_) if policy.early_promotion && verdict.is_sure() => Order::Advance,
        Verdict::Suspect(_) if baked && *waited < policy.suspect_minutes => {
            *waited += 1;
            Order::Wait
        }
        Verdict::Pass(_) | Verdict::Suspect(_) => Order::Go,
        Verdict::Inconclusive { .. } | Verdict::NoData { .. } if look.ramp => Order::Go,
        Verdict::Inconclusive { .. } | Verdict::NoData { .. } => {
            match (look.beyond, policy.too_little_traffic) {
                (None, _) => Order::Go,
                (Some(_), TooLittleTraffic::RollBack) => Order::Stop(Stop::TooLittle(verdict.to_string())),
                (Some(_), TooLittleTraffic::Ask) if !look.last => Order::Stop(Stop::Asked),
                (Some(beyond), _) if beyond >= plan.patience() => {
                    Order::Stop(Stop::TooLittle(verdict.to_string()))
                }
                (Some(_), _) => Order::Wait,
            }
        }
    }
}

fn by_peer(peer: &Peer, plan: &Plan, minutes: &[PeerMinute], step: usize) -> Order {
    if let Peer::Kayenta(_) = peer {
        let in_step = minutes.iter().filter(|minute| minute.step as usize == step).count();
        let ends = plan.steps().get(step).is_some_and(|step| step.minutes as usize == in_step);
        if !ends || minutes.len() < KAYENTA_MINUTES {
            return Order::Go;
        }
    }
    match peer.judge(minutes) {
        Outcome::Fail(failure) => Order::Stop(Stop::Blamed(failure.to_string())),
        Outcome::Pause(_) => Order::Stop(Stop::Asked),
        Outcome::KeepGoing => match peer {
            Peer::Flagger(rule) if rule.halts(minutes) => Order::Wait,
            _ => Order::Go,
        },
    }
}
