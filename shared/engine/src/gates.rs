//! The policy gates: what has to be so before a rollout starts. Each is data, so that start-deploy can refuse with all
//! that are closed, and a plan can show them before anybody starts anything.

mod promotion;

use environments::Environment;
use jiff::Timestamp;
use rollout::{Barred, Freeze, GateName, Lease, Line, Overridden, Plan, RuleSnapshot, Target};
use schedule::{Standing as Windows, standing};
use serde::{Deserialize, Serialize};

use crate::ports::{AlarmState, Alarms, Below, Fleet, PortError, PortResult, Served, Store, Traffic};

/// A gate and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateState {
    /// Which.
    pub gate: GateName,
    /// Whether it lets the rollout through.
    pub standing: Standing,
}

/// Whether a gate lets a rollout through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It does.
    Open,
    /// It does not.
    Closed {
        /// Why not, and what to do.
        reason: String,
        /// From when on it will by itself, where that is known.
        passes: Option<Timestamp>,
    },
    /// It could not be asked.
    Unknown {
        /// Why not, and what to do.
        reason: String,
    },
}

impl Standing {
    fn closed(reason: String) -> Self {
        Self::Closed { reason, passes: None }
    }
}

/// What is asked of the gates.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The environment's configuration.
    pub configuration: &'a Environment,
    /// What would be done.
    pub plan: &'a Plan,
    /// The service as it is.
    pub target: &'a Target,
    /// Whether a version that was rolled back may come back.
    pub lift_bar: bool,
    /// The gates that are not asked.
    pub overridden: Option<&'a Overridden>,
    /// Now.
    pub now: Timestamp,
}

/// What gates ask.
#[derive(Clone, Copy)]
pub struct Gates<'a> {
    /// Where rollouts are stored.
    pub store: &'a dyn Store,
    /// The environment below.
    pub below: &'a dyn Below,
    /// What versions have served there.
    pub served: &'a dyn Served,
    /// The rules that divide traffic.
    pub traffic: &'a dyn Traffic,
    /// The machines behind the colours.
    pub fleet: &'a dyn Fleet,
    /// The guardrails.
    pub alarms: &'a dyn Alarms,
}

/// What the gates say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Each gate that was asked, in the order of [`GateName::ALL`]; those that are overridden are not.
    pub states: Vec<GateState>,
    /// The load balancer's rule as it is, where it can carry a rollout.
    pub rule: Option<RuleSnapshot>,
    /// Why those that are [`Standing::Unknown`] could not be asked, in the same order.
    pub unknown: Vec<(GateName, PortError)>,
}

impl Findings {
    /// Why the rollout is refused: every closed gate's reason. `None` if none of those that were asked is closed.
    pub fn refusal(&self) -> Option<String> {
        let reasons: Vec<&str> = self
            .states
            .iter()
            .filter_map(|state| match &state.standing {
                Standing::Open | Standing::Unknown { .. } => None,
                Standing::Closed { reason, .. } => Some(reason.as_str()),
            })
            .collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// The gates that are closed.
    pub fn closed(&self) -> impl Iterator<Item = &GateState> {
        self.states.iter().filter(|state| matches!(state.standing, Standing::Closed { .. }))
    }

    fn note(&mut self, gate: GateName, asked: PortResult<Standing>) {
        let standing = asked.unwrap_or_else(|error| {
            let reason = error.to_string();
            self.unknown.push((gate, error));
            Standing::Unknown { reason }
        });
        self.states.push(GateState { gate, standing });
    }
}

impl Gates<'_> {
    /// Asks all gates, whether or not one of them is closed already or cannot be asked, and changes nothing.
    pub async fn evaluate(&self, question: &Question<'_>) -> Findings {
        let Question { plan, target, .. } = *question;
        let mut findings = self.stored(question).await;
        let admitted = self.traffic.admit(&plan.route).await;
        findings.rule = admitted.as_ref().ok().and_then(|admitted| admitted.as_ref().ok()).cloned();
        let standing =
            |admitted: Result<_, String>| admitted.map_or_else(Standing::closed, |_| Standing::Open);
        findings.note(GateName::Rule, admitted.map(standing));
        let healthy = self.fleet.healthy(&plan.route, target.live).await;
        let unfit = |reason| {
            Standing::closed(format!("the live colour {} could not take a rollback: {reason}", target.live))
        };
        let standing = |healthy: Result<(), String>| healthy.map_or_else(unfit, |()| Standing::Open);
        findings.note(GateName::RollbackTarget, healthy.map(standing));
        let states = self.alarms.states(&plan.guardrails).await;
        findings.note(GateName::Guardrails, states.map(|states| guardrails(plan, states)));
        findings
    }

    /// Asks those gates alone that records decide, of this environment and the one below: all but the rule, the rollback
    /// target and the guardrails.
    pub async fn stored(&self, question: &Question<'_>) -> Findings {
        let Question { plan, target, .. } = *question;
        let mut findings = Findings::default();
        let overridden =
            |gate| question.overridden.is_some_and(|overridden: &Overridden| overridden.passes(gate));
        findings.note(GateName::Lease, Ok(lease(plan, target)));
        let control = self.store.control(&plan.environment).await;
        findings.note(GateName::Line, control.clone().map(|control| line(plan, control.line)));
        if !overridden(GateName::Freeze) {
            findings.note(GateName::Freeze, control.map(|control| freeze(question, &control.freeze)));
        }
        findings.note(GateName::Barred, Ok(barred(question)));
        if !overridden(GateName::Promotion) {
            let standing = promotion::promotion(self.below, self.served, question).await;
            findings.note(GateName::Promotion, standing);
        }
        findings
    }
}

fn lease(plan: &Plan, target: &Target) -> Standing {
    match &target.lease {
        Lease::Free => Standing::Open,
        Lease::Held { by, .. } => Standing::closed(format!(
            "rollout {by} holds service {}: start this one again when that one has ended",
            plan.service
        )),
    }
}

fn line(plan: &Plan, line: Line) -> Standing {
    match line {
        Line::Running => Standing::Open,
        Line::Stopped { by, why, since } => Standing::closed(format!(
            "the line of environment {} was stopped at {since} by {by} ({why}): resume it first",
            plan.environment
        )),
    }
}

/// A person's freeze, a window of the configuration, or both: the gate passes when the last of them ends.
fn freeze(question: &Question<'_>, person: &Freeze) -> Standing {
    let environment = &question.plan.environment;
    let mut reasons = Vec::new();
    let mut passes = Vec::new();
    if let Freeze::Until { until, .. } = person
        && person.holds_at(question.now)
    {
        reasons.push(format!(
            "environment {environment} is {person}: start it afterwards, thaw the environment, or override freeze with a reason"
        ));
        passes.push(*until);
    }
    if let Windows::Inside { windows, until } = standing(question.configuration.freeze(), question.now) {
        let until_then =
            until.map_or_else(|| "for more than a year".to_owned(), |until| format!("until {until}"));
        reasons.push(format!(
            "environment {environment} is frozen {until_then} by its configuration ({}): start it afterwards, or \
             override freeze with a reason",
            windows.join(", ")
        ));
        passes.push(until);
    }
    if reasons.is_empty() {
        return Standing::Open;
    }
    // One without an end has the gate closed for good, whenever the other ends.
    let passes = passes.into_iter().collect::<Option<Vec<_>>>().and_then(|ends| ends.into_iter().max());
    Standing::Closed { reason: reasons.join("; "), passes }
}

fn barred(question: &Question<'_>) -> Standing {
    match &question.target.barred {
        Barred::Version { version, why, .. } if *version == question.plan.version && !question.lift_bar => {
            Standing::closed(format!(
                "version {version} was rolled back before ({why}): roll out another one, or ask for this one with lift_bar"
            ))
        }
        Barred::Version { .. } | Barred::Nothing => Standing::Open,
    }
}

fn guardrails(plan: &Plan, states: Vec<AlarmState>) -> Standing {
    let reasons: Vec<String> = plan
        .guardrails
        .iter()
        .zip(states)
        .filter_map(|(alarm, state)| match state {
            AlarmState::Quiet => None,
            AlarmState::Alarm => Some(format!("guardrail {alarm} is in ALARM: start again when it is OK")),
            AlarmState::Missing => Some(format!(
                "guardrail {alarm} does not exist: create the alarm or take it out of guardrails"
            )),
        })
        .collect();
    if reasons.is_empty() { Standing::Open } else { Standing::closed(reasons.join("; ")) }
}
