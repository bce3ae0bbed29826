//! The rollouts that are disturbed.

use std::num::NonZeroU32;
use std::sync::Arc;

use asl::Execution;
use e2e::files::event;
use e2e::{
    Fault, Lambda, Rates, Readiness, Run, Setup, Wiring, alarm_event, composite_alarm_event, configuration,
};
use environments::Environment;
use rollout::{Colour, Seconds};
use serde_json::json;

const ALARM: &str = "checkout-production-5xx";
const TAGGED: &str = "checkout-production-guardrail";
const ARN: &str = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:checkout-production-guardrail";

/// What happens to a rollout from outside, once its first step bakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// Nothing.
    Nothing,
    /// Its guardrail turns red, and nobody is told.
    GuardrailTurnsRed,
    /// Its guardrail turns red, and SNS tells rollback.
    AlarmRings,
    /// An alarm that is tagged with its service turns red, and SNS tells rollback.
    TaggedAlarmRings,
    /// A person asks for a rollback.
    PersonAsks,
    /// The execution is stopped.
    ExecutionStopped,
    /// Somebody else changes the weights, for good.
    WeightsChanged,
    /// Its event comes a second time.
    EventAgain,
    /// A person freezes the environment.
    Freezes,
    /// A person lifts the bar of a version that was rolled back before, and then asks for a rollback.
    Unholds,
}

/// A rollout and what becomes of it.
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// The settings under `rollout`.
    pub rules: &'static str,
    /// The sample event that starts it.
    pub event: &'static str,
    /// What the new version is like.
    pub prepare: fn(&Run),
    /// What happens to it.
    pub outside: Outside,
    /// The phase in which it ends if nothing is disturbed.
    pub end: &'static str,
    /// The events that come of themselves.
    pub wiring: Wiring,
}

const CANARY: &str = "codepipeline-succeeded-canary";
const BLUE_GREEN: &str = "codepipeline-succeeded-blue-green";
const SHORT: &str = "  canary: { steps: [{ weight: 25, bake: 1m }, { weight: 100, bake: 1m }] }\n";
/// The old colour serves requests until a minute before it is looked at first: there is a second look.
const BUSY: &str = "  canary: { steps: [{ weight: 25, bake: 1m }, { weight: 100, bake: 1m }] }\n  clean_up: { after: \
                    5m, quiet_minutes: 30 }\n";
const SWITCH: &str = "  blue_green: { monitor: 1m }\n";
const GUARDED: &str = "  canary: { steps: [{ weight: 25, bake: 3m }, { weight: 100, bake: 1m }] }\n  guardrails: \
                       [checkout-production-5xx]\n";
const FROZEN: &str = "  canary: { steps: [{ weight: 25, bake: 3m }, { weight: 100, bake: 1m }] }\n  evidence: { \
                      frozen: 90s }\n";
/// Longer than all attempts of an event's invocation that time out: what no look would find is tried until then.
const LONGER: &str = "  canary: { steps: [{ weight: 25, bake: 10m }, { weight: 100, bake: 1m }] }\n";
const LONG: &str = "  canary: { steps: [{ weight: 25, bake: 3m }, { weight: 100, bake: 1m }] }\n";

fn good(_: &Run) {}

fn bad(run: &Run) {
    let rates = Rates { errors: 50_000, ..Rates::USUAL };
    run.world.fault(Fault { colour: Colour::Green, from: 25, rates });
}

fn never_ready(run: &Run) {
    run.world.readiness(Readiness::NeverReady);
}

fn fails_smoke_test(run: &Run) {
    run.world.readiness(Readiness::FailsSmokeTest);
}

fn guarded(run: &Run) {
    run.alarms.set(ALARM.parse().unwrap(), false);
}

fn tagged(run: &Run) {
    run.alarms.tag(ARN, "ace-flow:service", "checkout");
}

const fn scenario(
    name: &'static str,
    rules: &'static str,
    event: &'static str,
    prepare: fn(&Run),
    outside: Outside,
    end: &'static str,
) -> Scenario {
    Scenario { name, rules, event, prepare, outside, end, wiring: Wiring::WHOLE }
}

/// All of them. Those that end promoted go on until the old colour is cleaned up.
pub const SCENARIOS: [Scenario; 18] = [
    scenario("the-seeds-canary", "", CANARY, good, Outside::Nothing, "promoted"),
    scenario("canary", SHORT, CANARY, good, Outside::Nothing, "promoted"),
    scenario("bad-canary", SHORT, CANARY, bad, Outside::Nothing, "rolled_back"),
    scenario("blue-green", SWITCH, BLUE_GREEN, good, Outside::Nothing, "promoted"),
    scenario("bad-blue-green", SWITCH, BLUE_GREEN, bad, Outside::Nothing, "rolled_back"),
    scenario("never-healthy", SHORT, CANARY, never_ready, Outside::Nothing, "rolled_back"),
    scenario("smoke-test-fails", SHORT, CANARY, fails_smoke_test, Outside::Nothing, "rolled_back"),
    scenario("weights-changed", FROZEN, CANARY, good, Outside::WeightsChanged, "rolled_back"),
    scenario("guardrail-turns-red", GUARDED, CANARY, guarded, Outside::GuardrailTurnsRed, "rolled_back"),
    scenario("alarm-rings", GUARDED, CANARY, guarded, Outside::AlarmRings, "rolled_back"),
    scenario("tagged-alarm-rings", LONGER, CANARY, tagged, Outside::TaggedAlarmRings, "rolled_back"),
    scenario("person-asks", LONGER, CANARY, good, Outside::PersonAsks, "rolled_back"),
    scenario("person-freezes", LONG, CANARY, good, Outside::Freezes, "promoted"),
    scenario("person-unholds", LONG, CANARY, good, Outside::Unholds, "rolled_back"),
    scenario("execution-stopped", LONG, CANARY, good, Outside::ExecutionStopped, "rolled_back"),
    scenario("event-again", LONG, CANARY, good, Outside::EventAgain, "promoted"),
    Scenario {
        wiring: Wiring::UNWATCHED,
        ..scenario("nobody-watches", LONG, CANARY, good, Outside::ExecutionStopped, "rolled_back")
    },
    Scenario {
        wiring: Wiring::FORGETFUL,
        ..scenario("clean-up-forgotten", BUSY, CANARY, good, Outside::Nothing, "promoted")
    },
];

/// The version that was rolled back before, which is the beginning of the execution's id.
pub const BARRED: &str = "9d0e1f2a";

/// A version was rolled back for its own fault, with nothing going wrong.
async fn rolled_back_before(run: &Run) {
    bad(run);
    let mut sample = event(CANARY);
    sample["detail"]["execution-id"] = format!("{BARRED}-0000").into();
    run.play("before", sample).finished().await;
    run.world.fault(Fault { colour: Colour::Green, from: u8::MAX, rates: Rates::USUAL });
    run.world.outage(Rates::USUAL);
}

impl Scenario {
    /// How many rollouts there were before the one that is disturbed.
    pub fn before(&self) -> usize {
        usize::from(self.outside == Outside::Unholds)
    }

    /// The configuration that its runs have.
    pub fn configuration(&self) -> Environment {
        let mut configuration = configuration(self.rules);
        configuration.rollout.readiness.attempts = NonZeroU32::new(6).unwrap();
        configuration
    }

    /// A run of it that has not begun.
    pub async fn run(&self, configuration: Environment) -> Run {
        let run = Run::new(Setup { configuration, ..Setup::default() }).await;
        (self.prepare)(&run);
        if self.outside == Outside::Unholds {
            rolled_back_before(&run).await;
        }
        run
    }

    /// Plays it until nothing happens any more.
    pub async fn play(&self, run: &Run, lambda: &Arc<Lambda>) {
        let execution = start(run, lambda, "first", self.event);
        let comes_anyway = matches!(self.outside, Outside::Freezes | Outside::Unholds);
        if self.outside != Outside::Nothing
            && (run.baking(|| execution.outcome().is_some()).await || comes_anyway)
        {
            self.disturb(run, lambda, &execution).await;
        }
        lambda.settled().await;
    }

    async fn disturb(&self, run: &Run, lambda: &Arc<Lambda>, execution: &Execution) {
        run.note(format!("{:?}", self.outside));
        match self.outside {
            Outside::Nothing => {}
            Outside::GuardrailTurnsRed => run.alarms.set(ALARM.parse().unwrap(), true),
            Outside::AlarmRings => {
                run.alarms.set(ALARM.parse().unwrap(), true);
                lambda.deliver("rollback", &alarm_event(ALARM, "ALARM", run.now()));
            }
            Outside::TaggedAlarmRings => {
                lambda.deliver("rollback", &composite_alarm_event(TAGGED, run.now()));
            }
            Outside::PersonAsks => {
                let id = run.rollouts().await[0].id.clone();
                let request = json!({ "rollout_id": id, "by": "dana", "reason": "wrong tax" });
                lambda.deliver("rollback", &json!({ "roll_back": request }));
            }
            Outside::Freezes => lambda.deliver("rollback", &event("freeze")),
            Outside::Unholds => {
                let mut unhold = event("unhold");
                unhold["unhold"]["version"] = BARRED.into();
                lambda.deliver("rollback", &unhold);
                run.stack.clock().wait(Seconds(20)).await;
                if let Some(rollout) = run.rollouts().await.get(self.before()) {
                    let request =
                        json!({ "rollout_id": rollout.id, "by": "dana", "reason": "the first one" });
                    lambda.deliver("rollback", &json!({ "roll_back": request }));
                }
            }
            Outside::ExecutionStopped => execution.stop(None, None),
            Outside::WeightsChanged => run.world.meddle(Colour::Green, 60),
            Outside::EventAgain => {
                start(run, lambda, "second", self.event);
            }
        }
    }
}

fn start(run: &Run, lambda: &Arc<Lambda>, name: &str, sample: &str) -> Execution {
    run.note(format!("execution {name} starts"));
    let execution = run.stack.play_over(name, event(sample), Arc::clone(lambda) as _).unwrap();
    lambda.watch(&execution);
    execution
}
