//! `ace plan` and `ace backtest`: what a plan will notice, and what it would have done.

pub(crate) mod backtest;
mod cost;
mod gates;
mod past;
pub(crate) mod plan;
pub(crate) mod policies;
mod table;

use analysis::Policy;
use foresight::Plan;
use rollout::{Route, Strategy, Version};

use crate::arguments::Foresee;
use crate::error::{AceError, Reason};
use crate::inputs::{self, Configured};

/// A service's rollout as its configuration and the arguments have it.
pub(crate) struct Subject {
    pub(crate) strategy: Strategy,
    pub(crate) plan: Plan,
    pub(crate) policy: Policy,
    pub(crate) guardrails: Vec<String>,
    /// What is counted of an arm beside requests and answers.
    pub(crate) further: usize,
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "only CloudWatch is asked by it"))]
    pub(crate) route: Route,
}

pub(crate) fn subject(arguments: &Foresee) -> Result<Subject, AceError> {
    let configured = inputs::configuration(&arguments.environment, arguments.config.as_ref())?;
    let foreseen: Version =
        "foreseen".parse().map_err(|error: rollout::InvalidName| AceError::Prober(error.to_string()))?;
    let whole = subject_plan(&configured, arguments, foreseen)?;
    let planned = match &arguments.plan {
        Some(plan) => plan.clone(),
        None => Plan::of(&whole.steps)?,
    };
    let mut plan = planned
        .with_delay(whole.evidence.metric_delay.0.div_ceil(60))
        .with_patience(whole.evidence.patience.0 / 60);
    if let Some(percent) = arguments.hold_back {
        plan = plan.with_hold_back(percent)?;
    }
    if arguments.micro_ramp {
        plan = plan.with_micro_ramp()?;
    }
    Ok(Subject {
        strategy: whole.strategy,
        plan,
        further: whole.sources.len() + usize::from(whole.judge.latency_objective_ms.is_some()),
        policy: whole.judge,
        guardrails: whole.guardrails.iter().map(|name| name.as_str().to_owned()).collect(),
        route: whole.route,
    })
}

/// What a rollout of the service would do.
fn subject_plan(
    configured: &Configured,
    arguments: &Foresee,
    version: Version,
) -> Result<rollout::Plan, AceError> {
    let plan = configured.rollouts().plan(&arguments.environment, &arguments.service, version, None);
    plan.map_err(|unknown| AceError::UnknownService {
        path: configured.path.clone(),
        source: Reason(unknown.to_string()),
    })
}

/// A count as a number to compute with.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(crate) const fn count(count: u64) -> f64 {
    count as f64
}

/// A share as percent.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = match percent {
        x if x < 0.000_5 => 0,
        x if x < 0.1 => 3,
        x if x < 99.95 => 1,
        _ => 0,
    };
    format!("{percent:.digits$} %")
}

/// A whole number with its thousands apart.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_people_read_them() {
        assert_eq!([0.0, 999.4, 1_000.0, 1_234_567.0].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, 1.0, 0.0001, 0.013, 0.5].map(percent),
            ["0 %", "100 %", "0.010 %", "1.3 %", "50.0 %"]
        );
    }
}
