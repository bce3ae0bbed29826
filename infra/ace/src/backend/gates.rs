//! Where the gates stand for a rollout that nobody has asked for yet.

use engine::gates::{Findings, GateState, Gates, Question, Standing};
use engine::ports::PortError;
use environments::Environment;
use jiff::Timestamp;
use local_stack::Ports;
use rollout::{GateName, Plan, Target};
use serde::{Deserialize, Serialize};

/// A rollout as it would be asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// What it would do.
    pub(crate) plan: Plan,
    /// What the environment would be configured with.
    pub(crate) configuration: Environment,
}

/// Which of them are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All.
    All,
    /// Those that records decide.
    Stored,
}

/// Those that a service's target decides.
const OF_THE_TARGET: [GateName; 3] = [GateName::Lease, GateName::Barred, GateName::RollbackTarget];

/// Asks them; a target that cannot be read leaves the gates unknown that it decides.
pub(super) async fn evaluate(gates: Gates<'_>, wish: &Wish, asked: Asked, now: Timestamp) -> Findings {
    let Wish { plan, configuration } = wish;
    let untouched = || Target::untouched(plan.environment.clone(), plan.service.clone());
    let (target, unread) = match gates.store.target(&plan.environment, &plan.service).await {
        Ok(target) => (target.unwrap_or_else(untouched), None),
        Err(error) => (untouched(), Some(error)),
    };
    let target = &target;
    let question = Question { configuration, plan, target, lift_bar: false, overridden: None, now };
    let mut findings = match asked {
        Asked::All => gates.evaluate(&question).await,
        Asked::Stored => gates.stored(&question).await,
    };
    if let Some(error) = unread {
        unknown(&mut findings, &OF_THE_TARGET, &error);
    }
    findings
}

fn unknown(findings: &mut Findings, gates: &[GateName], error: &PortError) {
    for state in findings.states.iter_mut().filter(|state| gates.contains(&state.gate)) {
        state.standing = Standing::Unknown { reason: error.to_string() };
        findings.unknown.push((state.gate, error.clone()));
    }
}

/// On this machine. Where no process serves the service's requests, there is no rule and no machine that could be asked.
pub(super) async fn here(ports: &Ports, wish: &Wish, asked: Asked) -> Vec<GateState> {
    let gates = Gates {
        store: &*ports.store,
        below: &*ports.below,
        served: &*ports.served,
        traffic: &*ports.traffic,
        fleet: &*ports.fleet,
        alarms: &*ports.alarms,
    };
    let Findings { mut states, .. } = evaluate(gates, wish, asked, ports.clock.now()).await;
    if asked == Asked::Stored {
        let reason = "it is asked when the rollout starts: no process serves requests here now";
        let left = GateName::ALL.into_iter().filter(|gate| states.iter().all(|state| state.gate != *gate));
        let left =
            left.map(|gate| GateState { gate, standing: Standing::Unknown { reason: reason.to_owned() } });
        states.extend(left.collect::<Vec<_>>());
    }
    states
}
