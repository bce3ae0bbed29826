//! Notices to try.

use alerting::{
    AlertView, ChannelName, GroupId, Notice, NoticeKind, Reason, RolloutView, RuleName, Severity, Subject,
};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rollout::{EnvironmentName, RolloutId, ServiceName, Version, Weight};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Production is down while a rollout runs.
pub(crate) fn usual() -> Notice {
    let subject = Subject::service("production".parse().unwrap(), "checkout".parse().unwrap());
    let alert = |rule: &str, severity, since: &str, because: &str| AlertView {
        rule: rule.parse().unwrap(),
        severity,
        subject: Some(subject.clone()),
        firing: true,
        since: at(since),
        ended: None,
        because: because.to_owned(),
        flapping: false,
        runbook: Some("https://wiki.example.com/down".to_owned()),
        link: Some("https://console.example.com/alarm?name=a&region=b".to_owned()),
    };
    let errors = AlertView {
        flapping: true,
        runbook: Some("call ann".to_owned()),
        ..alert("High Errors", Severity::High, "2026-01-02T03:06:05Z", "errors 7 % > 5 %")
    };
    Notice {
        id: "0123456789abcdef0123456789abcdef.slack-critical.1".to_owned(),
        group: GroupId::of([("environment", "production"), ("service", "checkout")]),
        labels: vec![
            ("environment".to_owned(), "production".to_owned()),
            ("service".to_owned(), "checkout".to_owned()),
        ],
        kind: NoticeKind::Firing,
        reason: Reason::First,
        severity: Severity::Critical,
        alerts: vec![
            alert(
                "Production Down",
                Severity::Critical,
                "2026-01-02T03:04:05Z",
                "status is critical (HTTP 503)",
            ),
            errors,
        ],
        more: 1,
        rollout: Some(RolloutView {
            id: "checkout-5d201bea55da0056".parse().unwrap(),
            service: "checkout".parse().unwrap(),
            version: "v2".parse().unwrap(),
            phase: "baking".to_owned(),
            step: Some((2, 5)),
            weight: 25.try_into().unwrap(),
            verdict: Some("inconclusive".to_owned()),
            link: Some("https://console.example.com/rollout".to_owned()),
        }),
        instead_of: Vec::new(),
        since: at("2026-01-02T03:04:05Z"),
        at: at("2026-01-02T03:16:05Z"),
    }
}

/// Texts as nobody wants them: emoji, control characters, markup, long, empty.
fn text() -> BoxedStrategy<String> {
    prop_oneof![
        Just(String::new()),
        Just("<!channel> & <script>alert(1)</script> *bold* `code` @here".to_owned()),
        Just("🔥".repeat(600)),
        Just("&".repeat(4_000)),
        Just("a\u{0}b\r\nc\u{1b}[31m\u{202e}d\u{2028}e".to_owned()),
        Just("\u{7}\u{8}\n".to_owned()),
        any::<String>(),
        "\\PC{0,300}",
    ]
    .boxed()
}

fn link() -> BoxedStrategy<Option<String>> {
    let links = prop_oneof![
        Just("https://wiki.example.com/down?a=b&c=d".to_owned()),
        Just("https://x.example.com/a|b>c".to_owned()),
        Just("javascript:alert(1)".to_owned()),
        Just("https://".to_owned()),
        (0_u32..40).prop_map(|n| format!("https://wiki.example.com/{n}/{}", "p".repeat(n as usize * 40))),
        text(),
    ];
    option::of(links).boxed()
}

fn name<T: TryFrom<String> + std::fmt::Debug>(pattern: &'static str) -> BoxedStrategy<T>
where
    T::Error: std::fmt::Debug,
{
    pattern.prop_map(|text| T::try_from(text).unwrap()).boxed()
}

fn rule() -> BoxedStrategy<RuleName> {
    prop_oneof![
        Just("🔥".repeat(30).parse().unwrap()),
        Just("x".repeat(120).parse().unwrap()),
        Just("<!here> & *".parse().unwrap()),
        name("[A-Za-zäöü0-9<>&*]([A-Za-zäöü0-9<>&* ]{0,40}[A-Za-zäöü0-9])?"),
    ]
    .boxed()
}

fn instant() -> BoxedStrategy<Timestamp> {
    (0_i64..4_000_000_000, 0_i32..1_000_000_000).prop_map(|(s, n)| Timestamp::new(s, n).unwrap()).boxed()
}

fn subject() -> BoxedStrategy<Option<Subject>> {
    let environment = name::<EnvironmentName>("[a-z0-9._-]{1,32}");
    let service = option::of(name::<ServiceName>("[A-Za-z0-9._-]{1,48}"));
    option::of((environment, service).prop_map(|(environment, service)| Subject { environment, service }))
        .boxed()
}

fn severity() -> impl Strategy<Value = Severity> {
    proptest::sample::select(Severity::ALL)
}

fn alert() -> BoxedStrategy<AlertView> {
    let what = (rule(), severity(), subject(), text(), link(), link());
    let when = (any::<bool>(), instant(), option::of(instant()), any::<bool>());
    (what, when)
        .prop_map(|((rule, severity, subject, because, runbook, link), (firing, since, ended, flapping))| {
            AlertView { rule, severity, subject, firing, since, ended, because, flapping, runbook, link }
        })
        .boxed()
}

fn rollout_id() -> BoxedStrategy<RolloutId> {
    name("[A-Za-z0-9._-]{1,80}")
}

fn rollout() -> BoxedStrategy<RolloutView> {
    let names = (rollout_id(), name::<ServiceName>("[a-z0-9-]{1,48}"), name::<Version>("[!-~]{1,256}"));
    let state = (text(), option::of((1_u16..99, 1_u16..99)), 0_u8..=100, option::of(text()), link());
    (names, state)
        .prop_map(|((id, service, version), (phase, step, weight, verdict, link))| RolloutView {
            id,
            service,
            version,
            phase,
            step,
            weight: Weight::try_from(weight).unwrap(),
            verdict,
            link,
        })
        .boxed()
}

fn kind() -> BoxedStrategy<NoticeKind> {
    prop_oneof![
        Just(NoticeKind::Firing),
        Just(NoticeKind::Folded),
        text().prop_map(|by| NoticeKind::Acknowledged { by }),
        Just(NoticeKind::Resolved),
    ]
    .boxed()
}

fn reason() -> BoxedStrategy<Reason> {
    prop_oneof![
        Just(Reason::First),
        (0_usize..30).prop_map(|alerts| Reason::Joined { alerts }),
        (0_usize..30).prop_map(|alerts| Reason::SomeEnded { alerts }),
        Just(Reason::Reminder),
        any::<u32>().prop_map(|seconds| Reason::NotAcknowledged { seconds }),
        rollout_id().prop_map(|rollout| Reason::RolloutDidNotHelp { rollout }),
        rollout_id().prop_map(|rollout| Reason::RolloutAnswers { rollout }),
        Just(Reason::Acknowledged),
        Just(Reason::AllEnded),
    ]
    .boxed()
}

/// Any notice, likely or not.
pub(crate) fn any_notice() -> BoxedStrategy<Notice> {
    let labels = vec((text(), text()), 0..5);
    let alerts = prop_oneof![vec(alert(), 0..4), vec(alert(), Notice::MAX_ALERTS)];
    let others = vec((name::<ChannelName>("[A-Za-z0-9_-]{1,48}"), text()), 0..4);
    let what = (labels, kind(), reason(), severity(), alerts, 0_usize..1_000);
    let around = (option::of(rollout()), others, instant(), instant());
    ("[ -~]{1,120}", what, around)
        .prop_map(|(id, (labels, kind, reason, severity, alerts, more), (rollout, instead_of, since, at))| {
            Notice {
                id,
                group: GroupId::of(labels.iter().map(|(label, value)| (label.as_str(), value.as_str()))),
                labels,
                kind,
                reason,
                severity,
                alerts,
                more,
                rollout,
                instead_of,
                since,
                at,
            }
        })
        .boxed()
}
