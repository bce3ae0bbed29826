use std::num::NonZeroU32;

use analysis::{
    Finding, Key, Metric, NoData, Policy, Probability, Rate, Ratio, Reason, SilentArm, Standard, Verdict,
};
use jiff::Timestamp;

use crate::*;

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).unwrap()
}

pub(super) fn weight(percent: u8) -> Weight {
    Weight::try_from(percent).unwrap()
}

pub(super) fn steps(steps: &[(u8, u32)]) -> Steps {
    let steps: Vec<Step> = steps.iter().map(|(percent, bake)| step(*percent, *bake)).collect();
    Steps::try_from(steps).unwrap()
}

pub(super) fn step(percent: u8, bake: u32) -> Step {
    Step { weight: weight(percent), bake: Seconds(bake), approval: false, ramp: false }
}

/// The same steps; those of these numbers, from 0, need an approval.
pub(super) fn with_approvals(steps: Steps, which: &[usize]) -> Steps {
    let steps: Vec<Step> = Vec::from(steps)
        .into_iter()
        .enumerate()
        .map(|(index, step)| Step { approval: which.contains(&index), ..step })
        .collect();
    Steps::try_from(steps).unwrap()
}

pub(super) fn times(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap()
}

pub(super) fn plan(list: Steps) -> Plan {
    let arm = |colour: &str| Arm {
        target_group: format!("arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/{colour}/1"),
        endpoint: format!("http://{colour}.internal:8080"),
    };
    Plan {
        environment: "staging".parse().unwrap(),
        service: "checkout".parse().unwrap(),
        version: "sha256:0f1e".parse().unwrap(),
        strategy: Strategy::Canary,
        steps: list,
        route: Route {
            rule: "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/a/1/2/3".to_owned(),
            load_balancer: "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/a/1"
                .to_owned(),
            blue: arm("blue"),
            green: arm("green"),
        },
        readiness: Readiness {
            attempts: times(3),
            interval: Seconds(10),
            path: "/health".to_owned(),
            smoke_tests: Vec::new(),
        },
        judge: Policy::default(),
        sources: Vec::new(),
        evidence: EvidenceRules {
            settle: Seconds(30),
            metric_delay: Seconds(60),
            patience: Seconds(600),
            blind: Seconds(300),
            frozen: Seconds(1800),
        },
        guardrails: vec!["checkout 5xx".parse().unwrap()],
        clean_up: CleanUpRules { after: Seconds(3600), quiet_minutes: 5, attempts: times(2) },
        stop_the_line: StopRules { rollbacks: times(3), within: Seconds(3600) },
        approvals: Approvals::of_anybody(Seconds(7200)),
        configuration: Configured { version: 7, digest: "0f1e".to_owned() },
        zombie_bound: Seconds(35),
    }
}

pub(super) fn canary() -> Plan {
    plan(steps(&[(10, 300), (50, 120), (100, 120)]))
}

pub(super) fn start(plan: Plan) -> Start {
    Start {
        id: "checkout-0123456789abcdef".parse().unwrap(),
        target: Target::untouched(plan.environment.clone(), plan.service.clone()),
        plan,
        rule: RuleSnapshot("[]".to_owned()),
        requested_by: "dana".to_owned(),
        overridden: None,
        execution: "arn:aws:states:us-east-1:123456789012:execution:rollout:1".parse().unwrap(),
        at: at(0),
    }
}

fn finding(threshold: f64) -> Finding {
    Finding {
        metric: Metric::Errors,
        canary: Rate::of(38, 1_840),
        standard: Standard::Baseline {
            seen: Rate::of(66, 16_560),
            usual: None,
            margin: Ratio::ONE,
            key: Key::Concurrent,
        },
        effect: None,
        p_value: Probability::new(0.000_2).unwrap(),
        threshold: Probability::new(threshold).unwrap(),
        sure: false,
    }
}

pub(super) fn pass() -> Verdict {
    Verdict::Pass(finding(0.000_1).into())
}

pub(super) fn fail() -> Verdict {
    Verdict::Fail(finding(0.001).into())
}

pub(super) fn suspect() -> Verdict {
    Verdict::Suspect(Box::new(finding(0.000_1)))
}

pub(super) fn inconclusive() -> Verdict {
    Verdict::Inconclusive { reason: Reason::TooFewRequests { seen: 7, needed: 50 } }
}

pub(super) fn silent() -> Verdict {
    Verdict::NoData { kind: NoData::NoRequests { arm: SilentArm::Both } }
}

pub(super) fn blind() -> Verdict {
    Verdict::NoData { kind: NoData::SourceDown { reason: "timed out".to_owned() } }
}

pub(super) fn requested() -> Cause {
    Cause::Requested { by: "alice".to_owned(), reason: "wrong version".to_owned() }
}

pub(super) fn held() -> Hold {
    Hold::By { who: "bob".to_owned(), why: "lunch".to_owned(), since: at(0) }
}

pub(super) fn ordered(order: Order, seconds: i64) -> Event {
    Event::Ordered { order, by: "alice".to_owned(), why: "release train".to_owned(), at: at(seconds) }
}

/// The effects without their numbers.
pub(super) fn effects(rollout: &Rollout) -> Vec<Effect> {
    rollout.pending.iter().map(|pending| pending.effect.clone()).collect()
}
