//! The service as a rollout leaves it: what is barred, and what counts against the line.

use super::support::*;
use super::transitions::{given, read};
use crate::*;

fn settling(cause: &Cause) -> Rollout {
    given(Phase::Settling { cause: cause.clone(), since: at(0), restored_at: at(0) })
}

fn barred(version: &str) -> Barred {
    Barred::Version { version: version.parse().unwrap(), since: at(0), why: "it was bad".to_owned() }
}

#[test]
fn a_rollback_bars_its_version_and_counts_exactly_when_the_cause_blames_it() {
    let text = || "x".to_owned();
    let blamed = [
        Cause::Verdict(fail()),
        Cause::Guardrail("High 5XX".parse().unwrap()),
        Cause::NeverReady(text()),
        Cause::SmokeTestFailed(text()),
        Cause::Unhealthy(text()),
    ];
    let innocent = [
        Cause::NotEnoughEvidence(text()),
        Cause::Blind(text()),
        Cause::NotApproved,
        Cause::ForeignChange(text()),
        Cause::Failure { error: text(), detail: text() },
        requested(),
    ];
    for cause in blamed {
        let done = decide(&settling(&cause), &read(0, 35)).unwrap();
        assert_eq!(
            effects(&done),
            [Effect::CountRollback, Effect::Publish(Milestone::RolledBack(cause.clone()))]
        );
        let version = done.plan.version.clone();
        assert_eq!(done.target().barred, Barred::Version { version, since: at(35), why: cause.to_string() });
    }
    for cause in innocent {
        let before = Rollout { barred: barred("v0"), ..settling(&cause) };
        let done = decide(&before, &read(0, 35)).unwrap();
        assert_eq!(effects(&done), [Effect::Publish(Milestone::RolledBack(cause.clone()))]);
        assert_eq!(done.target().barred, barred("v0"), "{cause}: what was barred stays so");
    }
}

#[test]
fn what_is_barred_stays_so_until_another_version_is_promoted() {
    let mut begin = start(canary());
    begin.target.barred = barred("v0");
    let rollout = Rollout::start(begin.clone());
    assert_eq!((&rollout.barred, rollout.target().barred), (&barred("v0"), barred("v0")));
    assert_eq!(rollout.rule, begin.rule);
    assert_eq!(Rollout::refuse(begin, "no".to_owned()).target().barred, barred("v0"));
    let promoted = Phase::Promoted { at: at(9), clean_up: CleanUp::Done { at: at(9) } };
    assert_eq!(Rollout { phase: promoted, ..rollout }.target().barred, Barred::Nothing);
}

#[test]
fn a_rollout_is_at_rest_when_it_has_ended_and_told_everything() {
    let cause = Cause::Guardrail("High 5XX".parse().unwrap());
    assert!(!settling(&cause).is_at_rest());
    let done = decide(&settling(&cause), &read(0, 35)).unwrap();
    assert!(!done.is_at_rest());
    let told =
        Event::Performed { effects: done.pending.iter().map(|pending| pending.id).collect(), at: at(36) };
    assert!(decide(&done, &told).unwrap().is_at_rest());
}

#[test]
fn a_promoted_rollout_owes_what_it_has_to_tell_and_its_clean_up() {
    let told = |rollout: &Rollout| Event::Performed {
        effects: rollout.pending.iter().map(|pending| pending.id).collect(),
        at: at(901),
    };
    let mut promoted = settling(&Cause::NotApproved);
    promoted.phase = Phase::Cleared { next: Next::Finish };
    promoted.pending.clear();
    promoted.ask(Effect::BringUp(promoted.canary));
    let promoted = decide(&promoted, &Event::Advance { at: at(900) }).unwrap();
    assert!(promoted.pending.iter().all(|pending| !matches!(pending.effect, Effect::BringUp(_))));
    assert_eq!(promoted.standing(), Standing::Owing);
    let told_all = decide(&promoted, &told(&promoted)).unwrap();
    assert_eq!((told_all.pending.len(), told_all.standing()), (0, Standing::Owing), "the old colour is up");
    for (traffic, left) in [(OldTraffic::Quiet, 1), (OldTraffic::Reused("by x".to_owned()), 0)] {
        // The reminder was never made, and the look was taken all the same.
        let looked =
            decide(&promoted, &Event::CleanUpDue { attempt: 1, traffic: traffic.clone(), at: at(4500) })
                .unwrap();
        assert_eq!(
            (looked.pending.len(), looked.standing()),
            (left + 1, Standing::Owing),
            "it is promoted: not told yet"
        );
        let looked = decide(&told_all, &Event::CleanUpDue { attempt: 1, traffic, at: at(4500) }).unwrap();
        let standing = if left > 0 { Standing::Owing } else { Standing::AtRest };
        assert_eq!((looked.pending.len(), looked.standing()), (left, standing));
        if left > 0 {
            assert!(decide(&looked, &told(&looked)).unwrap().is_at_rest());
        }
    }
}
