//! What people want beside the plan: overrides and one-off windows.

use super::*;

const PLAN: &str = "{ zone: Europe/Berlin, start: 0 8 * * 1-5, stop: 0 18 * * 1-5, once: [\
    { name: load test, state: on, from: 2026-06-06T10:00, to: 2026-06-06T14:00 },\
    { name: power cut, state: off, from: 2026-06-09T09:00, to: 2026-06-09T11:00 }] }";

fn over(state: &str, from: &str, until: &str, made: &str) -> Override {
    let text = format!(
        "{{ state: {state}, resources: all, from: \"{from}\", until: \"{until}\", by: ann, reason: {made} }}"
    );
    Override::read(serde_saphyr::from_str(&text).unwrap(), at(made)).unwrap()
}

/// State, until and why at an instant.
fn says(overrides: &[&Override], now: &str) -> String {
    let Desired { state, reason, until, .. } = desired(&plan(PLAN), overrides, at(now));
    format!("{state} until {}: {reason}", until.unwrap())
}

#[test]
fn a_one_off_window_is_above_hours_and_below_overrides() {
    assert_eq!(says(&[], "2026-06-06T09:00:00Z"), "on until 2026-06-06T12:00:00Z: on once: load test");
    assert_eq!(says(&[], "2026-06-06T07:00:00Z"), "off until 2026-06-06T08:00:00Z: stopped by 0 18 * * 1-5");
    assert_eq!(says(&[], "2026-06-09T08:30:00Z"), "off until 2026-06-09T09:00:00Z: off once: power cut");
    let off = over("off", "2026-06-06T09:00:00Z", "2026-06-06T10:00:00Z", "2026-06-01T00:00:00Z");
    let says = |now| says(&[&off], now);
    assert_eq!(says("2026-06-06T08:59:59Z"), "on until 2026-06-06T09:00:00Z: on once: load test");
    assert_eq!(
        says("2026-06-06T09:00:00Z"),
        "off until 2026-06-06T10:00:00Z: ann wants it off: 2026-06-01T00:00:00Z"
    );
    assert_eq!(says("2026-06-06T10:00:00Z"), "on until 2026-06-06T12:00:00Z: on once: load test");
}

#[test]
fn the_newest_override_counts_and_the_one_before_comes_back() {
    let long = over("on", "2026-06-06T00:00:00Z", "2026-06-07T00:00:00Z", "2026-06-05T00:00:00Z");
    let short = over("off", "2026-06-06T02:00:00Z", "2026-06-06T03:00:00Z", "2026-06-05T01:00:00Z");
    let same = over("on", "2026-06-06T02:30:00Z", "2026-06-06T02:45:00Z", "2026-06-05T01:00:00Z");
    for overrides in [[&long, &short], [&short, &long]] {
        assert!(says(&overrides, "2026-06-06T01:00:00Z").starts_with("on until 2026-06-06T02:00:00Z"));
        assert!(says(&overrides, "2026-06-06T02:00:00Z").starts_with("off until 2026-06-06T03:00:00Z"));
        assert!(says(&overrides, "2026-06-06T03:00:00Z").starts_with("on until 2026-06-07T00:00:00Z"));
    }
    // Of two as new the later in the list.
    assert!(
        says(&[&long, &short, &same], "2026-06-06T02:30:00Z").starts_with("on until 2026-06-06T02:45:00Z")
    );
    assert!(
        says(&[&long, &same, &short], "2026-06-06T02:30:00Z").starts_with("off until 2026-06-06T03:00:00Z")
    );
    // What an older one wants under a newer one changes nothing.
    let older = over("off", "2026-06-06T06:00:00Z", "2026-06-06T07:00:00Z", "2026-06-04T00:00:00Z");
    assert!(says(&[&older, &long], "2026-06-06T06:30:00Z").starts_with("on until 2026-06-07T00:00:00Z"));
    let voices = explain(&plan(PLAN), &[&older, &long], at("2026-06-06T08:30:00Z"));
    let voices: Vec<String> = voices.iter().map(|voice| voice.reason.to_string()).collect();
    assert_eq!(
        voices,
        ["ann wants it on: 2026-06-05T00:00:00Z", "on once: load test", "stopped by 0 18 * * 1-5"]
    );
}

#[test]
fn an_override_without_a_use_is_refused_with_a_remedy() {
    let now = at("2026-06-05T00:00:00Z");
    let refused = |rest: &str| {
        let text = format!("{{ state: off, {rest} }}");
        let (key, why) = Override::read(serde_saphyr::from_str(&text).unwrap(), now).unwrap_err();
        format!("{key}: {why}")
    };
    let who = "resources: all, by: ann, reason: x";
    for (rest, says) in [
        (who.to_owned(), "until: the override has no end: write until when it holds"),
        (
            format!("{who}, until: \"2026-06-05T00:00:00Z\""),
            "until: the override ended at 2026-06-05T00:00:00Z: write an end",
        ),
        (format!("{who}, until: \"2025-06-05T00:00:00Z\""), "until: the override ended at"),
        (
            format!("{who}, from: \"2026-06-07T00:00:00Z\", until: \"2026-06-06T00:00:00Z\""),
            "until: the override ends at 2026-06-06T00:00:00Z and begins at 2026-06-07T00:00:00Z: write",
        ),
        (
            format!("{who}, until: \"2027-06-07T00:00:00Z\""),
            "until: the override ends at 2027-06-07T00:00:00Z, more than a year",
        ),
        (
            "resources: \" \", by: ann, reason: x, until: \"2026-06-06T00:00:00Z\"".to_owned(),
            "resources: `resources` is empty",
        ),
        (
            "resources: all, by: \"\", reason: x, until: \"2026-06-06T00:00:00Z\"".to_owned(),
            "by: `by` is empty: fill it in",
        ),
        (
            "resources: all, by: ann, reason: \"\", until: \"2026-06-06T00:00:00Z\"".to_owned(),
            "reason: `reason` is empty",
        ),
    ] {
        let told = refused(&rest);
        assert!(told.starts_with(says), "{told}");
    }
    let unknown = serde_saphyr::from_str::<WrittenOverride>(
        "{ state: off, resources: all, by: ann, reason: x, untill: 1 }",
    );
    assert!(unknown.unwrap_err().to_string().contains("untill"));
}

#[test]
fn an_override_survives_storage_and_an_impossible_one_does_not() {
    let over = over("off", "2026-06-06T02:00:00Z", "2026-06-06T03:00:00Z", "2026-06-05T01:00:00Z");
    let stored = serde_json::to_string(&over).unwrap();
    assert_eq!(serde_json::from_str::<Override>(&stored).unwrap(), over);
    assert_eq!((over.resources(), over.by(), over.made()), ("all", "ann", at("2026-06-05T01:00:00Z")));
    let turned = stored.replace("2026-06-06T03", "2026-06-06T01");
    assert!(
        serde_json::from_str::<Override>(&turned)
            .unwrap_err()
            .to_string()
            .contains("write an end that is later")
    );
    // Without a beginning it holds at once.
    let text = "{ state: on, resources: all, until: \"2026-06-06T00:00:00Z\", by: ann, reason: x }";
    let now = at("2026-06-05T00:00:00Z");
    let read = Override::read(serde_saphyr::from_str(text).unwrap(), now).unwrap();
    assert!(read.from() == now && read.holds(now) && !read.holds(read.until()));
}

#[test]
fn what_is_desired_survives_storage() {
    let off = over("off", "2026-06-06T02:00:00Z", "2026-06-06T03:00:00Z", "2026-06-05T01:00:00Z");
    for now in
        ["2026-06-06T02:30:00Z", "2026-06-06T09:00:00Z", "2026-06-05T09:00:00Z", "2026-06-05T19:00:00Z"]
    {
        let told = desired(&plan(PLAN), &[&off], at(now));
        let stored = serde_json::to_string(&told).unwrap();
        assert_eq!(serde_json::from_str::<Desired>(&stored).unwrap(), told, "{stored}");
    }
    for reason in [
        Reason::Window {
            days: vec![Day::Monday],
            from: "08:00".to_owned().try_into().unwrap(),
            to: "18:00".to_owned().try_into().unwrap(),
        },
        Reason::Holiday { day: "2026-12-25 Christmas".to_owned().try_into().unwrap() },
        Reason::Outside,
        Reason::NotYet,
        Reason::Always,
    ] {
        let stored = serde_json::to_string(&reason).unwrap();
        assert_eq!(serde_json::from_str::<Reason>(&stored).unwrap(), reason, "{stored}");
    }
}
