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
