//! Writers of weights that outlive their epoch. ELB has no conditional write: the fence is the project's own.

use e2e::files::event;
use e2e::{Act, Allow, Run, Setup, Snag, configuration};
use environments::ZOMBIE_BOUND;
use rollout::{Colour, Seconds};

const ALARM: &str = "checkout-production-5xx";

/// promote-step asserts its epoch, then is slow to write 25 %; while it is, an alarm rolls back.
async fn overtaken(snag: Snag) -> Run {
    let configuration = configuration(&format!("  guardrails: [{ALARM}]\n"));
    let run = Run::new(Setup { configuration, ..Setup::default() }).await;
    run.alarms.set(ALARM.parse().unwrap(), false);
    run.world.snag(Act::Set(25), snag);
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("5:16").await;
    assert_eq!(run.ring(ALARM).await.unwrap()["next"], "settle");
    assert_eq!(run.world.share(Colour::Green), 0);
    execution.finished().await;
    let late = run.world.writes().iter().any(|write| write.percent == 25);
    assert!(late, "the late write was made");
    run
}

fn late() -> Allow {
    Allow { late_writes: true, ..Allow::default() }
}

#[tokio::test(start_paused = true)]
async fn a_late_writer_that_lives_puts_the_new_weights_back_itself() {
    let run = overtaken(Snag::Late(Seconds(25))).await;
    run.verified_but(late()).await.rolled_back(&run, "guardrail");
    let writes = run.world.writes();
    let bad = writes.iter().position(|write| write.percent == 25).unwrap();
    assert_eq!(writes[bad].at, writes[bad + 1].at, "put back at once");
    run.golden("late_writer_lives");
}

/// It dies between its write and its read: the verification after the zombie bound finds the weight and repairs it.
#[tokio::test(start_paused = true)]
async fn a_late_writer_that_dies_is_repaired_by_the_verification() {
    let run = overtaken(Snag::LateAndDies(Seconds(25))).await;
    run.verified_but(late()).await.rolled_back(&run, "guardrail");
    let writes = run.world.writes();
    let bad = writes.iter().position(|write| write.percent == 25).unwrap();
    let repaired = writes[bad + 1..].iter().find(|write| write.percent == 0).unwrap();
    let exposed = repaired.at.duration_since(writes[bad].at);
    assert!(exposed <= Seconds(ZOMBIE_BOUND.0 + 30).duration(), "exposed for {exposed}");
    run.golden("late_writer_dies");
}
