//! One rollout, every event of which is delivered ten times.

use std::sync::Arc;

use asl::Execution;
use e2e::files::event;
use e2e::{Allow, Fault, Lambda, Rates, Run, alarm_event, configuration};
use environments::Environment;
use rollout::{Colour, Seconds};
use serde_json::json;

const ALARM: &str = "checkout-production-5xx";

/// When what comes from outside comes, counted from the first bake: within it, or later than the end.
const DISTURBED_WITHIN: u32 = 240;

/// How often each event is delivered.
pub const COPIES: usize = 10;

/// What becomes of a rollout, and of whom it gets its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A good canary.
    Canary,
    /// A canary that is bad from its first step on.
    BadCanary,
    /// A good blue-green rollout.
    BlueGreen,
    /// A canary whose alarm rings.
    AlarmRings,
    /// A canary that a person rolls back.
    PersonAsks,
    /// A canary whose execution is stopped: the watchdog finds it.
    ExecutionStopped,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Canary,
        Self::BadCanary,
        Self::BlueGreen,
        Self::AlarmRings,
        Self::PersonAsks,
        Self::ExecutionStopped,
    ];

    /// The kinds take turns.
    pub fn of(seed: u64) -> Self {
        let count = Self::ALL.len() as u64;
        Self::ALL[usize::try_from(seed % count).unwrap()]
    }

    /// The configuration of its runs, with these settings under `rollout`.
    pub fn configuration(self, rules: &str) -> Environment {
        let guardrails = match self {
            Self::AlarmRings => format!("  guardrails: [{ALARM}]\n"),
            _ => String::new(),
        };
        configuration(&format!("{rules}{guardrails}"))
    }

    /// The phases in which it may end.
    const fn ends(self) -> &'static [&'static str] {
        match self {
            Self::Canary | Self::BlueGreen => &["promoted"],
            Self::BadCanary => &["rolled_back"],
            // What comes from outside may come when everything is over.
            Self::AlarmRings | Self::PersonAsks | Self::ExecutionStopped => &["promoted", "rolled_back"],
        }
    }
}

/// Plays a rollout until nothing happens any more. `seconds` draws a number of seconds up to a greatest.
/// Executions have this name and a number.
pub async fn play(run: &Run, lambda: &Arc<Lambda>, kind: Kind, name: &str, seconds: impl Fn(u32) -> Seconds) {
    run.alarms.set(ALARM.parse().unwrap(), false);
    if kind == Kind::BadCanary {
        let rates = Rates { errors: 50_000, ..Rates::USUAL };
        run.world.fault(Fault { colour: Colour::Green, from: 25, rates });
    }
    let sample = if kind == Kind::BlueGreen {
        "codepipeline-succeeded-blue-green"
    } else {
        "codepipeline-succeeded-canary"
    };
    let mut executions = Vec::new();
    for copy in 0..COPIES {
        let name = format!("{name}-{copy}");
        let execution = run.stack.play_over(&name, event(sample), Arc::clone(lambda) as _).unwrap();
        lambda.watch(&execution);
        executions.push(execution);
        run.stack.clock().wait(seconds(2)).await;
    }
    let ended = || executions.iter().all(|execution| execution.outcome().is_some());
    let outside = matches!(kind, Kind::AlarmRings | Kind::PersonAsks | Kind::ExecutionStopped);
    if outside && run.baking(ended).await {
        run.stack.clock().wait(seconds(DISTURBED_WITHIN)).await;
        disturb(run, lambda, kind, &executions).await;
    }
    lambda.settled().await;
}

async fn disturb(run: &Run, lambda: &Arc<Lambda>, kind: Kind, executions: &[Execution]) {
    run.note(format!("{kind:?}"));
    let rollout = run.rollouts().await[0].clone();
    match kind {
        Kind::Canary | Kind::BadCanary | Kind::BlueGreen => {}
        Kind::AlarmRings => {
            run.alarms.set(ALARM.parse().unwrap(), true);
            lambda.deliver("rollback", &alarm_event(ALARM, "ALARM", run.now()));
        }
        Kind::PersonAsks => {
            let request = json!({ "rollout_id": rollout.id, "by": "dana", "reason": "wrong tax" });
            lambda.deliver("rollback", &json!({ "roll_back": request }));
        }
        Kind::ExecutionStopped => {
            let arn = rollout.execution.as_str();
            let driver = executions.iter().find(|execution| execution.identity().execution_arn() == arn);
            driver.unwrap().stop(None, None);
        }
    }
}

/// Asserts what one delivery of each event would have led to.
pub async fn verify(run: &Run, lambda: &Lambda, kind: Kind) {
    assert_eq!(lambda.panics(), Vec::<String>::new());
    let allow = Allow { late_writes: true, told_again: true };
    let verified = run.verified_but(allow).await;
    let rollout = verified.only();
    let end = rollout.phase.name();
    assert!(kind.ends().contains(&end), "{kind:?} ended {end}: {:?}", rollout.phase);
    run.weights_of_one_execution(rollout);
    match end {
        "promoted" => drop(verified.promoted(run)),
        _ => assert_eq!(run.world.share(rollout.canary), 0),
    }
}
