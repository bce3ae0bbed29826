use super::support::*;
use crate::group::Held;
use crate::*;

fn usual() -> Policy {
    let mut policy = policy(vec![
        rule("Production Down", "status:unhealthy", Severity::Critical, &["pager"]),
        rule("Slow", "response_time > 2s", Severity::High, &["chat"]),
    ]);
    policy.grouping.by = vec![Label::Environment, Label::Service, Label::Rule];
    policy
}

fn slow(policy: Policy) -> (Played, Alert) {
    let alert = alert(&policy, "Slow", "production/shop", true, 0);
    (Played::new(policy, &alert), alert)
}

fn silence(alerts: &str, from: i64, until: i64) -> Silence {
    Silence {
        id: "s-1".parse().unwrap(),
        alerts: labels(alerts),
        by: "ann".to_owned(),
        reason: "the move".to_owned(),
        from: at(from),
        until: at(until),
    }
}

#[test]
fn what_is_silenced_is_told_once_the_silence_ends_if_it_still_fires() {
    let (mut group, alert) = slow(usual());
    group.silences = vec![silence("service:shop AND severity:(high, low)", 0, 600)];
    group.hear(&alert, 0);
    group.until(599);
    assert_eq!(group.take(), []);
    let Held::Silenced { silence, until } = &group.held[0].1 else { panic!("{:?}", group.held) };
    assert_eq!((silence.as_str(), *until), ("s-1", at(600)));
    group.until(600);
    assert_eq!(group.take(), [sent(600, "chat", "firing", "first", 1)]);
}

#[test]
fn a_silence_of_something_else_silences_nothing() {
    for (alerts, from, until) in [
        ("service:cart", 0, 600),
        ("severity:critical", 0, 600),
        ("service:shop", 100, 600),
        ("service:shop", -9, 0),
    ] {
        let (mut group, alert) = slow(usual());
        group.silences = vec![silence(alerts, from, until)];
        group.hear(&alert, 0);
        group.until(30);
        assert_eq!(group.take().len(), 1, "{alerts} {from} {until}");
    }
}

#[test]
fn what_was_told_before_its_silence_is_not_said_again_and_its_end_is_told() {
    let (mut group, fires) = slow(usual());
    group.hear(&fires, 0);
    group.until(30);
    group.take();
    group.silences = vec![silence("rule:Slow", 60, 8 * 3600)];
    group.until(7 * 3600);
    assert_eq!(group.take(), [], "no reminder");
    let ended = alert(&group.policy, "Slow", "production/shop", false, 7 * 3600);
    group.hear(&ended, 7 * 3600);
    assert_eq!(group.take(), [sent(7 * 3600, "chat", "resolved", "all ended", 0)]);
}

#[test]
fn a_mute_window_holds_what_it_is_about() {
    let written = r#"{"name":"nights","days":["monday"],"from":"00:00","to":"23:59","zone":"Europe/Berlin"}"#;
    let window: schedule::WrittenWindow = serde_json::from_str(written).unwrap();
    let window = schedule::Window::try_from(window).unwrap();
    let monday = "2026-06-01T10:00:00Z".parse::<jiff::Timestamp>().unwrap();
    let now = second(monday);
    for (about, told) in [(Some("severity:high"), 0), (Some("severity:critical"), 1), (None, 0)] {
        let mut policy = usual();
        policy.mutes = vec![Mute { window: window.clone(), alerts: about.map(labels) }];
        let alert = alert(&policy, "Slow", "production/shop", true, now);
        let mut group = Played::new(policy, &alert);
        group.hear(&alert, now);
        group.until(now + 3600);
        assert_eq!(group.take().len(), told, "{about:?}");
        // 21:59 in Berlin's summer is 19:59 in UTC, and two hours more than here.
        group.until(now + 12 * 3600);
        assert_eq!(group.take().iter().filter(|sent| sent.3 == "first").count(), 1 - told, "{about:?}");
    }
}

#[test]
fn a_production_that_is_down_silences_its_symptoms() {
    let mut policy = usual();
    policy.inhibitions = vec![Inhibition {
        source: labels("rule:\"Production Down\""),
        target: labels("severity:(low, high)"),
        equal: vec![Label::Environment],
    }];
    let down = alert(&policy, "Production Down", "production", true, 0);
    let elsewhere = alert(&policy, "Production Down", "staging", true, 0);
    let over = alert(&policy, "Production Down", "production", false, 0);
    for (fires, told) in [(vec![down.clone()], 0), (vec![elsewhere], 1), (vec![over], 1), (vec![], 1)] {
        let (mut group, alert) = slow(policy.clone());
        group.elsewhere = fires.clone();
        assert!(Group::of(&alert, &policy).alerts().next().is_none());
        group.hear(&alert, 0);
        group.until(30);
        assert_eq!(group.take().len(), told, "{fires:?}");
        if told == 0 {
            assert_eq!(group.held[0].1, Held::Inhibited { by: down.key.clone() });
            assert!(group.group.asks_elsewhere(&policy));
            // It is looked at again, and told once its cause has ended.
            group.elsewhere = Vec::new();
            group.until(400);
            assert_eq!(group.take().len(), 1);
        }
    }
}

#[test]
fn a_cause_is_not_its_own_symptom() {
    let mut policy = usual();
    policy.inhibitions = vec![Inhibition {
        source: labels("severity:critical"),
        target: labels("environment:production"),
        equal: vec![Label::Environment],
    }];
    let down = alert(&policy, "Production Down", "production", true, 0);
    let mut group = Played::new(policy, &down);
    group.elsewhere = vec![down.clone()];
    group.hear(&down, 0);
    assert_eq!(group.take(), [sent(0, "pager", "firing", "first", 1)]);
}
