//! Notices of every kind, to try templates on.

use alerting::{AlertView, GroupId, Notice, NoticeKind, Reason, RolloutView, Severity, Subject};
use jiff::Timestamp;

/// Notices, each with what it lacks. None of them, should a name that is written here not be one.
pub(super) fn all() -> Vec<(Option<&'static str>, Notice)> {
    let Some(full) = full() else { return Vec::new() };
    let mut all = vec![(None, full.clone())];
    for (kind, reason) in [
        (NoticeKind::Firing, Reason::NotAcknowledged { seconds: 900 }),
        (NoticeKind::Acknowledged { by: "ann@example.com".to_owned() }, Reason::Acknowledged),
        (NoticeKind::Resolved, Reason::AllEnded),
    ] {
        all.push((None, Notice { kind, reason, ..full.clone() }));
    }
    if let Some(rollout) = &full.rollout {
        let reason = Reason::RolloutAnswers { rollout: rollout.id.clone() };
        all.push((None, Notice { kind: NoticeKind::Folded, reason, ..full.clone() }));
    }
    all.push((Some("a rollout: {% if rollout %} … {% endif %}"), Notice { rollout: None, ..full.clone() }));
    all.push((Some("one: {% if alerts %} … {% endif %}"), Notice { alerts: Vec::new(), ..full.clone() }));
    let across = full.alerts.iter().map(|alert| AlertView { subject: None, ..alert.clone() }).collect();
    all.push((
        Some("one, as with {% if labels.environment is defined %} … {% endif %}"),
        Notice { labels: Vec::new(), alerts: across, ..full },
    ));
    all
}

fn full() -> Option<Notice> {
    let subject = Subject::service("production".parse().ok()?, "checkout".parse().ok()?);
    let since = Timestamp::UNIX_EPOCH;
    let alert = |rule: &str, severity, firing| {
        Some(AlertView {
            rule: rule.parse().ok()?,
            severity,
            subject: Some(subject.clone()),
            firing,
            since,
            ended: (!firing).then_some(since),
            because: "status is critical (HTTP 503)".to_owned(),
            flapping: !firing,
            runbook: Some("https://wiki.example.com/down".to_owned()),
            link: Some("https://console.example.com/alarm".to_owned()),
        })
    };
    Some(Notice {
        id: "0123456789abcdef0123456789abcdef.slack-critical.1".to_owned(),
        group: GroupId::of([("environment", "production"), ("service", "checkout")]),
        labels: [
            ("environment", "production"),
            ("service", "checkout"),
            ("rule", "Production Down"),
            ("severity", "critical"),
        ]
        .map(|(label, value)| (label.to_owned(), value.to_owned()))
        .to_vec(),
        kind: NoticeKind::Firing,
        reason: Reason::First,
        severity: Severity::Critical,
        alerts: vec![
            alert("Production Down", Severity::Critical, true)?,
            alert("High Errors", Severity::High, false)?,
        ],
        more: 1,
        rollout: Some(RolloutView {
            id: "checkout-5d201bea55da0056".parse().ok()?,
            service: "checkout".parse().ok()?,
            version: "v2".parse().ok()?,
            phase: "baking".to_owned(),
            step: Some((2, 5)),
            weight: 25.try_into().ok()?,
            verdict: Some("inconclusive".to_owned()),
            link: Some("https://console.example.com/rollout".to_owned()),
        }),
        instead_of: vec![("pagerduty-ops".parse().ok()?, "it answers 403".to_owned())],
        since,
        at: since,
    })
}
