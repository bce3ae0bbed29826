use super::support::*;
use crate::*;

#[test]
fn steps_rise_and_end_at_full_weight() {
    let of = |list: &[(u8, u32)]| {
        let steps: Vec<Step> = list.iter().map(|(percent, bake)| step(*percent, *bake)).collect();
        Steps::try_from(steps).map(Vec::from).map_err(|error| error.to_string())
    };
    let cases: [(&[(u8, u32)], &str); 6] = [
        (&[], "there are no steps: give at least one, ending at weight 100"),
        (
            &[(0, 60), (100, 0)],
            "step 1 has weight 0 %, which does not rise above the 0 % before it: order the steps by rising \
             weight, starting above 0",
        ),
        (
            &[(10, 60), (10, 60), (100, 0)],
            "step 2 has weight 10 %, which does not rise above the 10 % before it: order the steps by rising \
             weight, starting above 0",
        ),
        (
            &[(50, 60), (25, 60), (100, 0)],
            "step 2 has weight 25 %, which does not rise above the 50 % before it: order the steps by rising \
             weight, starting above 0",
        ),
        (&[(10, 60), (75, 60)], "the last step has weight 75 %: end with a step of weight 100"),
        (
            &[(100, 60), (100, 60)],
            "step 2 has weight 100 %, which does not rise above the 100 % before it: order the steps by \
             rising weight, starting above 0",
        ),
    ];
    for (list, says) in cases {
        assert_eq!(of(list), Err(says.to_owned()), "{list:?}");
    }
    assert_eq!(of(&[(1, 0), (99, 60), (100, 0)]).unwrap().len(), 3);
    assert_eq!(Vec::from(Steps::at_once(Seconds(300))), of(&[(100, 300)]).unwrap());
}

#[test]
fn stored_steps_are_checked_when_they_are_read() {
    let read = |text| serde_json::from_str::<Steps>(text).map_err(|error| error.to_string());
    assert!(read(r#"[{"weight":10,"bake":300},{"weight":100,"bake":0}]"#).is_ok());
    for (text, says) in [
        (r#"[{"weight":101,"bake":300}]"#, "weight 101 is over 100"),
        (r#"[{"weight":10,"bake":300}]"#, "end with a step of weight 100"),
        ("[]", "there are no steps"),
        (r#"[{"weight":100,"bake":-1}]"#, "invalid value"),
        (r#"[{"weight":100,"bake":1,"why":1}]"#, "unknown field `why`"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn weights_are_percentages() {
    for percent in 0..=100 {
        assert_eq!(Weight::try_from(percent).map(Weight::percent), Ok(percent));
    }
    for percent in 101..=u8::MAX {
        assert_eq!(Weight::try_from(percent), Err(WeightOver100(percent)));
    }
    assert_eq!(serde_json::to_string(&Weight::FULL).unwrap(), "100");
    assert_eq!(Weight::FULL.to_string(), "100 %");
}

#[test]
fn names_keep_to_their_alphabet_and_length() {
    fn refused<T: std::str::FromStr<Err = InvalidName> + std::fmt::Debug>(text: &str) -> String {
        text.parse::<T>().unwrap_err().to_string()
    }
    for good in ["a", "checkout-api_2.0", &"x".repeat(48)] {
        assert_eq!(good.parse::<ServiceName>().unwrap().as_str(), good);
    }
    for bad in ["", "a b", "a#b", "a/b", "ä", &"x".repeat(49)] {
        let error = refused::<ServiceName>(bad);
        assert!(error.starts_with("service ") && error.contains("use 1 to 48 characters"), "{error}");
    }
    assert!(refused::<EnvironmentName>(&"x".repeat(33)).contains("use 1 to 32 characters"));
    assert!(refused::<RolloutId>("a:b").starts_with("rollout id \"a:b\" is not valid"));
    assert!(refused::<Version>("a b").contains("without spaces"));
    assert!(refused::<ExecutionArn>("").contains("use 1 to 512 characters"));
    // CloudWatch allows spaces in alarm names.
    assert_eq!("High 5XX rate".parse::<AlarmName>().unwrap().as_str(), "High 5XX rate");
    assert!(refused::<AlarmName>("a\nb").starts_with("alarm "));
    assert!(serde_json::from_str::<ServiceName>(r#""a b""#).is_err());
}

#[test]
fn the_other_colour_of_the_other_is_the_same() {
    for colour in [Colour::Blue, Colour::Green] {
        assert_ne!(colour.other(), colour);
        assert_eq!(colour.other().other(), colour);
    }
}

#[test]
fn a_plan_gives_the_judge_the_minutes_that_have_the_old_version_beside_the_new_one() {
    assert_eq!((canary().planned_minutes(), canary().is_beside()), (5 + 2, true));
    assert_eq!(plan(Steps::at_once(Seconds(0))).planned_minutes(), 1);
    let at_once = plan(Steps::at_once(Seconds(u32::MAX)));
    assert_eq!((at_once.planned_minutes(), at_once.is_beside()), (u32::MAX / 60, false));
}

#[test]
fn a_rollout_starts_on_the_idle_colour_with_the_next_epoch() {
    let mut begin = start(canary());
    begin.target.live = Colour::Green;
    begin.target.epoch = Epoch(7);
    begin.target.stable = Some("sha256:0ld".parse().unwrap());
    let rollout = Rollout::start(begin.clone());
    assert_eq!((rollout.canary, rollout.epoch, rollout.version), (Colour::Blue, Epoch(8), 1));
    assert_eq!(effects(&rollout), [Effect::BringUp(Colour::Blue), Effect::Publish(Milestone::Started)]);
    assert_eq!(
        rollout.target(),
        Target {
            epoch: Epoch(8),
            lease: Lease::Held { by: rollout.id.clone(), until: LEASE.after(at(0)) },
            ..begin.target.clone()
        }
    );
    let refused = Rollout::refuse(begin, "frozen".to_owned());
    assert_eq!((refused.epoch, refused.pending.len()), (Epoch(7), 0));
    assert_eq!(invariants(&refused), Ok(()));
}

#[test]
fn every_cause_and_milestone_says_what_happened() {
    let causes = [
        (Cause::Verdict(fail()), "verdict", "canary fails 2.1 %"),
        (Cause::Guardrail("High 5XX".parse().unwrap()), "guardrail", "alarm High 5XX is in ALARM"),
        (Cause::NeverReady("refused".to_owned()), "never_ready", "never became healthy: refused"),
        (Cause::SmokeTestFailed("cart".to_owned()), "smoke_test_failed", "a smoke test failed: cart"),
        (Cause::Unhealthy("HTTP 503".to_owned()), "unhealthy", "not healthy any more: HTTP 503"),
        (Cause::NotEnoughEvidence("7 of 50".to_owned()), "not_enough_evidence", "in time: 7 of 50"),
        (Cause::Blind("timed out".to_owned()), "blind", "out of reach for too long: timed out"),
        (Cause::NotApproved, "not_approved", "nobody approved"),
        (Cause::ForeignChange("3 groups".to_owned()), "foreign_change", "by somebody else: 3 groups"),
        (
            Cause::Failure { error: "TransientError".to_owned(), detail: "throttled".to_owned() },
            "failure",
            "TransientError: throttled",
        ),
        (requested(), "requested", "asked for by alice: wrong version"),
    ];
    for (cause, name, says) in causes {
        assert_eq!(cause.name(), name);
        assert!(cause.to_string().contains(says), "{cause}");
        assert_eq!(Milestone::RollingBack(cause).name(), "rolling_back");
    }
}
