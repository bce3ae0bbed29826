//! What has to hold when nothing happens any more.

use e2e::{Allow, Call, Lambda, Run};
use rollout::{Barred, Freeze};

use crate::fault::{Disturbance, Fault};
use crate::scenario::{BARRED, Outside, Scenario};

/// A rollout that was never stored.
const NEVER: &str = "never started";

/// Asserts everything about the end of a run, and gives the phase of its rollout.
///
/// On top of [`Run::verified_but`], which holds for every run: no event ended among the dead letters (but for the
/// watchdog's when two of its three attempts failed), no function panicked.
pub async fn converged(
    run: &Run,
    lambda: &Lambda,
    scenario: &Scenario,
    disturbed: Option<(Disturbance, &Call)>,
) {
    assert_eq!(lambda.panics(), Vec::<String>::new());
    let letters = lambda.dead_letters();
    if !(matches!(letters.as_slice(), [one] if one.starts_with("rollback: ")) && spent(scenario, disturbed)) {
        assert_eq!(letters, Vec::<String>::new());
    }
    let allow = Allow { late_writes: true, told_again: true };
    let verified = run.verified_but(allow).await;
    for rollout in &verified.rollouts {
        assert!(rollout.is_at_rest(), "nothing is left to do for {}: {:?}", rollout.id, rollout.phase);
    }
    let end = match &verified.rollouts[scenario.before()..] {
        [] => NEVER,
        [rollout] => rollout.phase.name(),
        several => panic!("{} rollouts", several.len()),
    };
    let allowed = ends(scenario, disturbed);
    assert!(allowed.contains(&end), "it ended {end}, and should have ended {allowed:?}");
    match end {
        "promoted" => {
            let only = verified.promoted(run).only();
            assert_eq!(run.world.version(only.canary.other()), None, "the old colour is cleaned up");
        }
        "rolled_back" => {
            let last = &verified.rollouts[scenario.before()];
            assert_eq!(run.world.share(last.canary), 0);
        }
        _ => assert!(run.world.writes().is_empty() || scenario.before() > 0),
    }
    ordered(run, scenario).await;
}

/// What a person ordered holds, once.
async fn ordered(run: &Run, scenario: &Scenario) {
    let environment = &run.stack.ports().environment;
    match scenario.outside {
        Outside::Freezes => {
            let control = run.store.control(environment).await.unwrap();
            let changes = 1 + control.rollbacks.len() as u64;
            let frozen = matches!(control.freeze, Freeze::Until { .. });
            assert!(frozen && control.version == changes, "{control:?}");
        }
        Outside::Unholds => {
            let barred = run.target(&"checkout".parse().unwrap()).await.unwrap().barred;
            let still = matches!(&barred, Barred::Version { version, .. } if version.as_str() == BARRED);
            assert!(!still, "the bar is lifted, and stays lifted: {barred:?}");
        }
        _ => {}
    }
}

/// The watchdog's event is handled in two of Lambda's three attempts: with two faults it may end among the dead letters,
/// which tell a person. The sweep finishes it.
fn spent(scenario: &Scenario, disturbed: Option<(Disturbance, &Call)>) -> bool {
    scenario.outside == Outside::ExecutionStopped
        && disturbed.is_some_and(|(disturbance, _)| disturbance.again)
}

/// The ends that a disturbed run may have.
///
/// - Whatever may go away leads to the end of the undisturbed run.
/// - A permanent error in a function on the way forward may end in a rollback instead, and one in start-deploy in no
///   rollout at all. In rollback, and in any function that was called by an event, it may not.
/// - What looks at a version's health sees an illness: a version that answers none of the looks that would clear it is
///   rolled back.
fn ends(scenario: &Scenario, disturbed: Option<(Disturbance, &Call)>) -> Vec<&'static str> {
    let mut ends = vec![scenario.end];
    let Some((disturbance, call)) = disturbed else { return ends };
    let forward = &*call.function != "rollback";
    if disturbance.fault == Fault::Permanent && forward {
        ends.push("rolled_back");
        if &*call.function == "start-deploy" {
            ends.push(NEVER);
        }
    }
    if call.port == "Prober" && disturbance.fault == Fault::Throttled {
        ends.push("rolled_back");
    }
    ends
}
