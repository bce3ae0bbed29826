//! Functions that fail, hang or die, at each state of the machine.

use std::ops::RangeInclusive;

use asl::Outcome;
use e2e::files::event;
use e2e::{Act, Allow, Fault, Interference, Rates, Run, Setup, Snag, Wrong};
use rollout::Colour;

use crate::outside::ended;

const EVER: RangeInclusive<u32> = 1..=u32::MAX;

async fn with(function: &'static str, calls: RangeInclusive<u32>, wrong: Wrong) -> Run {
    let interferences = vec![Interference { function, calls, wrong }];
    Run::new(Setup { interferences, ..Setup::default() }).await
}

fn state(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Succeeded { state, .. } | Outcome::Failed { state, .. } => state,
        Outcome::TimedOut | Outcome::Aborted { .. } => panic!("{outcome:?}"),
    }
}

/// The first, and a later, call of each function on the way forward.
const FORWARD: [(&str, u32); 5] =
    [("start-deploy", 1), ("health-check", 1), ("health-check", 5), ("promote-step", 1), ("promote-step", 4)];

/// What the state machine has to survive once without anybody noticing: the names that Lambda and we give to what may
/// go away, a hang, a reply that was lost after everything was done.
#[tokio::test(start_paused = true)]
async fn one_failure_that_may_go_away_changes_nothing() {
    for (function, call) in FORWARD {
        for wrong in [
            Wrong::Error("TransientError"),
            Wrong::Error("ConflictError"),
            Wrong::Error("Lambda.TooManyRequestsException"),
            Wrong::Error("Lambda.Unknown"),
            Wrong::Hangs,
            Wrong::LostReply,
        ] {
            let run = with(function, call..=call, wrong).await;
            let outcome = run.canary().await;
            assert_eq!(state(&outcome), "Promoted", "call {call} of {function}: {wrong:?}");
            run.verified().await.promoted(&run);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_stays_rolls_back() {
    for (function, call) in FORWARD {
        if function == "start-deploy" {
            continue;
        }
        for wrong in [Wrong::Error("PermanentError"), Wrong::Error("TransientError"), Wrong::Hangs] {
            let run = with(function, call..=u32::MAX, wrong).await;
            let outcome = run.canary().await;
            assert_eq!(state(&outcome), "RolledBack", "{function} from call {call}: {wrong:?}");
            run.verified().await.rolled_back(&run, "failure");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_transient_error_is_tried_again() {
    let run = with("health-check", 4..=5, Wrong::Error("TransientError")).await;
    run.canary().await;
    run.verified().await.promoted(&run);
    run.golden("health_check_transient");
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_of_health_check_rolls_back() {
    let run = with("health-check", 4..=4, Wrong::Error("PermanentError")).await;
    run.canary().await;
    run.verified().await.rolled_back(&run, "failure");
    run.golden("health_check_permanent");
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_of_promote_step_rolls_back() {
    let run = with("promote-step", 2..=2, Wrong::Error("PermanentError")).await;
    run.canary().await;
    run.verified().await.rolled_back(&run, "failure");
    run.golden("promote_step_permanent");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_for_good_has_nothing_to_roll_back() {
    let run = with("start-deploy", EVER, Wrong::Error("PermanentError")).await;
    assert_eq!(state(&run.canary().await), "NotStarted");
    assert!(run.verified().await.rollouts.is_empty());
    assert!(run.world.writes().is_empty());
    run.golden("start_deploy_permanent");
}

/// The rollout began and its execution never heard of it: it is found by the execution.
#[tokio::test(start_paused = true)]
async fn a_start_whose_reply_is_always_lost_is_rolled_back() {
    let run = with("start-deploy", EVER, Wrong::LostReply).await;
    assert_eq!(state(&run.canary().await), "RolledBack");
    run.verified().await.rolled_back(&run, "failure");
    run.golden("start_deploy_reply_lost");
}

/// Bad canary, and rollback itself stumbles.
async fn bad_canary(run: &Run) -> Outcome {
    let rates = Rates { errors: 50_000, ..Rates::USUAL };
    run.world.fault(Fault { colour: Colour::Green, from: 25, rates });
    run.canary().await
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_fails_for_a_while_goes_on_until_it_is_done() {
    for wrong in
        [Wrong::Error("TransientError"), Wrong::Error("ConflictError"), Wrong::Hangs, Wrong::LostReply]
    {
        let run = with("rollback", 1..=15, wrong).await;
        assert_eq!(state(&bad_canary(&run).await), "RolledBack", "{wrong:?}");
        run.verified().await.rolled_back(&run, "verdict");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_fails_is_taken_over_by_the_watchdog() {
    let run = with("rollback", EVER, Wrong::Error("PermanentError")).await;
    let outcome = bad_canary(&run).await;
    let Outcome::Failed { error, state, .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!((error.as_deref(), state.as_str()), (Some("RollbackFailed"), "RollbackFailed"));
    let arn = run.rollouts().await[0].execution.clone();
    let reply = run.deliver("rollback", ended(arn.as_str(), "FAILED")).await.unwrap();
    assert_eq!(reply["next"], "rolled_back");
    run.verified().await.rolled_back(&run, "verdict");
    run.golden("rollback_permanent_then_watchdog");
}

/// Dead between the commit of a decision and the effect that it asks for, or between the effect and its
/// acknowledgement: the next attempt finds the decision and does the rest.
#[tokio::test(start_paused = true)]
async fn a_function_that_dies_after_its_commit_is_finished_by_the_next_attempt() {
    for act in [Act::BringUp, Act::Set(10), Act::Set(50), Act::Set(100)] {
        for snag in [Snag::DiesBefore, Snag::DiesAfter, Snag::Transient] {
            let run = Run::usual().await;
            run.world.snag(act, snag);
            assert_eq!(state(&run.canary().await), "Promoted", "{act:?} {snag:?}");
            run.verified_but(Allow { told_again: true, ..Allow::default() }).await.promoted(&run);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_dies_after_its_commit_is_finished_by_the_next_attempt() {
    for snag in [Snag::DiesBefore, Snag::DiesAfter, Snag::Transient] {
        let run = Run::usual().await;
        run.world.snag(Act::Set(0), snag);
        assert_eq!(state(&bad_canary(&run).await), "RolledBack", "{snag:?}");
        run.verified().await.rolled_back(&run, "verdict");
    }
}

/// The same for what SNS starts: it is delivered again, and the execution looks too.
#[tokio::test(start_paused = true)]
async fn an_alarm_whose_restore_goes_wrong_is_finished_by_itself_or_by_the_execution() {
    for snag in [Snag::DiesBefore, Snag::DiesAfter, Snag::Transient, Snag::Permanent] {
        let guarded = e2e::configuration("  guardrails: [checkout-production-5xx]\n");
        let run = Run::new(Setup { configuration: guarded, ..Setup::default() }).await;
        run.alarms.set("checkout-production-5xx".parse().unwrap(), false);
        run.world.snag(Act::Restore, snag);
        let execution = run.play("first", event("codepipeline-succeeded-canary"));
        run.until("7:03").await;
        let ring =
            tokio::time::timeout(std::time::Duration::from_secs(30), run.ring("checkout-production-5xx"));
        let answer = ring.await;
        let refused = matches!(snag, Snag::Transient | Snag::Permanent);
        assert_eq!(matches!(answer, Ok(Ok(_))), refused, "{snag:?}: {answer:?}");
        execution.finished().await;
        run.verified().await.rolled_back(&run, "guardrail");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_decision_and_weight_is_told_as_it_was() {
    let run = Run::usual().await;
    run.world.snag(Act::Set(25), Snag::DiesBefore);
    run.canary().await;
    run.verified().await.promoted(&run);
    run.golden("promote_step_dies_after_commit");
}

/// Half of the start is done: the colour is up, nothing is acknowledged.
#[tokio::test(start_paused = true)]
async fn a_crash_in_the_start_is_told_as_it_was() {
    let run = Run::usual().await;
    run.world.snag(Act::BringUp, Snag::DiesAfter);
    run.canary().await;
    run.verified().await.promoted(&run);
    run.golden("start_deploy_dies_after_commit");
}

#[tokio::test(start_paused = true)]
async fn a_weight_that_the_load_balancer_refuses_for_good_rolls_back() {
    let run = Run::usual().await;
    run.world.snag(Act::Set(25), Snag::Permanent);
    run.play("first", event("codepipeline-succeeded-canary")).finished().await;
    run.verified().await.rolled_back(&run, "failure");
}

/// Those who want to know must not stop a rollout: what could not be told is told when it can be, in order.
#[tokio::test(start_paused = true)]
async fn a_topic_out_of_reach_for_a_while_holds_nothing_up() {
    let run = Run::usual().await;
    run.topic_down(true);
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("9:03").await;
    run.topic_down(false);
    execution.finished().await;
    run.verified().await.promoted(&run);
    run.golden("topic_down_for_a_while");
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_gone_rolls_nothing_back() {
    let run = Run::usual().await;
    run.topic_down(true);
    let outcome = run.canary().await;
    let rollout = run.rollouts().await[0].clone();
    assert_eq!(rollout.phase.name(), "promoted", "{outcome:?}");
    assert_eq!(run.world.share(Colour::Green), 100);
    assert!(!rollout.pending.is_empty(), "what was never told is not forgotten");
    run.golden("topic_gone");
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_gone_does_not_keep_a_bad_canary_alive() {
    let run = Run::usual().await;
    run.topic_down(true);
    bad_canary(&run).await;
    let rollout = run.rollouts().await[0].clone();
    assert_eq!(rollout.phase.name(), "rolled_back");
    assert_eq!(run.world.share(Colour::Green), 0);
    run.golden("topic_gone_bad_canary");
}
