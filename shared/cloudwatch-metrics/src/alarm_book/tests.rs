use std::collections::BTreeMap;

use alerting::Missing;
use alerting::cloudwatch::{AlarmSpec, MetricAlarm, Operator, Watches};
use aws_client::replay::{Replay, Sent};
use rollout::Seconds;
use tokio::time::{Duration, Instant};

use super::*;
use crate::cbor::{array, double, map, text};

const ARN: &str = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:";

fn home() -> EnvironmentName {
    "production".parse().unwrap()
}

fn name(rule: &str) -> String {
    format!("ace-flow/production/staging/{rule}")
}

fn metric(statistic: &str) -> AlarmSpec {
    let watches = MetricAlarm {
        namespace: "Shop".to_owned(),
        metric: "Carts".to_owned(),
        statistic: statistic.to_owned(),
        dimensions: [("Environment".to_owned(), "staging".to_owned())].into(),
        period: Seconds(60),
        operator: Operator::Less,
        threshold: 0.5,
        missing: Missing::NotBreaching,
        periods: 1,
        datapoints: 1,
    };
    AlarmSpec {
        name: name("Slow"),
        description: "it is slow".to_owned(),
        watches: Watches::Metric(watches),
        alarm_actions: Vec::new(),
        ok_actions: Vec::new(),
        tags: [("ace-flow:home".to_owned(), "production".to_owned())].into(),
    }
}

fn composite() -> AlarmSpec {
    let rule = "ALARM(\"a #1\") AND ALARM(\"a #2\")".to_owned();
    AlarmSpec { name: name("Both"), watches: Watches::Composite { rule }, ..metric("Sum") }
}

/// Small numbers of seconds, periods and datapoints as CBOR has them.
fn whole(number: u8) -> Vec<u8> {
    if number < 24 { vec![number] } else { vec![0x18, number] }
}

fn described(alarm: &AlarmSpec) -> Vec<u8> {
    let arn = format!("{ARN}{}", alarm.name);
    let mut fields = vec![
        ("AlarmName", text(&alarm.name)),
        ("AlarmArn", text(&arn)),
        ("AlarmDescription", text(&alarm.description)),
        ("StateValue", text("OK")),
    ];
    match &alarm.watches {
        Watches::Composite { rule } => fields.push(("AlarmRule", text(rule))),
        Watches::Metric(metric) => {
            let dimension =
                |(name, value): (&String, &String)| map(&[("Name", text(name)), ("Value", text(value))]);
            fields.extend([
                ("Namespace", text(&metric.namespace)),
                ("MetricName", text(&metric.metric)),
                ("ExtendedStatistic", text(&metric.statistic)),
                ("Dimensions", array(metric.dimensions.iter().map(dimension))),
                ("Period", whole(60)),
                ("EvaluationPeriods", whole(1)),
                ("DatapointsToAlarm", whole(1)),
                ("Threshold", double(metric.threshold)),
                ("ComparisonOperator", text(metric.operator.as_str())),
                ("TreatMissingData", text(metric.missing.as_str())),
            ]);
        }
    }
    map(&fields)
}

fn page(metric: &[AlarmSpec], composite: &[AlarmSpec], token: Option<&str>) -> (u16, Vec<u8>) {
    let mut fields = vec![
        ("MetricAlarms", array(metric.iter().map(described))),
        ("CompositeAlarms", array(composite.iter().map(described))),
    ];
    fields.extend(token.map(|token| ("NextToken", text(token))));
    (200, map(&fields))
}

fn tags(tags: &BTreeMap<String, String>) -> (u16, Vec<u8>) {
    let tag = |(key, value): (&String, &String)| map(&[("Key", text(key)), ("Value", text(value))]);
    (200, map(&[("Tags", array(tags.iter().map(tag)))]))
}

fn error(status: u16, name: &str) -> (u16, Vec<u8>) {
    let kind = format!("com.amazonaws.cloudwatch#{name}");
    (status, map(&[("__type", text(&kind)), ("message", text("why"))]))
}

fn book(answers: impl IntoIterator<Item = (u16, Vec<u8>)>) -> (AlarmBook, Replay) {
    let replay = Replay::new(answers);
    (AlarmBook::new(&replay.config().unwrap()), replay)
}

fn operations(sent: &[Sent]) -> Vec<&str> {
    sent.iter().map(|sent| sent.uri.rsplit('/').next().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn alarms_of_both_kinds_are_listed_page_by_page_with_their_tags() {
    let (slow, both) = (metric("p99"), composite());
    let own = slow.tags.clone();
    let (mut book, replay) = book([
        page(std::slice::from_ref(&slow), &[], Some("more")),
        page(&[], std::slice::from_ref(&both), None),
        tags(&own),
        tags(&BTreeMap::new()),
    ]);
    let found = book.list(&home()).await.unwrap();
    assert_eq!(
        found.iter().map(|one| &one.alarm).collect::<Vec<_>>(),
        [&slow, &AlarmSpec { tags: BTreeMap::new(), ..both.clone() }]
    );
    assert!(found.iter().all(|one| one.arn == format!("{ARN}{}", one.alarm.name) && one.further.is_empty()));
    let sent = replay.sent();
    let [first, second, third, _] = sent.as_slice() else { panic!("{sent:#?}") };
    assert_eq!(
        operations(&sent),
        ["DescribeAlarms", "DescribeAlarms", "ListTagsForResource", "ListTagsForResource"]
    );
    for asked in ["AlarmNamePrefix", "ace-flow/production/", "MetricAlarm", "CompositeAlarm"] {
        assert!(first.body.contains(asked), "{}", first.body);
    }
    assert!(!first.body.contains("NextToken") && second.body.contains("more"), "{}", second.body);
    assert!(third.body.contains(&found[0].arn), "{}", third.body);
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_is_deleted_meanwhile_is_not_listed_and_one_that_cannot_be_asked_is_an_error() {
    let both = || page(&[metric("p99")], &[composite()], None);
    let (mut first, _) = book([both(), error(404, "ResourceNotFoundException"), tags(&BTreeMap::new())]);
    assert_eq!(first.list(&home()).await.unwrap()[0].alarm.name, name("Both"));
    let (mut second, _) = book([both(), error(403, "AccessDenied")]);
    let fault = second.list(&home()).await.unwrap_err();
    assert_eq!((fault.kind, fault.action), (FaultKind::Denied, "cloudwatch:ListTagsForResource"));
}

/// Somebody made something else of it in the console.
#[tokio::test(start_paused = true)]
async fn what_none_of_ours_has_is_told_apart() {
    let described = map(&[
        ("AlarmName", text(&name("Slow"))),
        ("AlarmArn", text(ARN)),
        ("ActionsEnabled", vec![0xf4]),
        ("InsufficientDataActions", array([text("arn:aws:sns:eu-west-1:1:x")].into_iter())),
        ("Unit", text("Seconds")),
        ("ComparisonOperator", text("LessThanLowerThreshold")),
        ("ThresholdMetricId", text("band")),
        ("EvaluateLowSampleCountPercentile", text("ignore")),
        ("EvaluationPeriods", whole(3)),
        ("Metrics", array([map(&[("Id", text("m1"))])].into_iter())),
    ]);
    let body = map(&[("MetricAlarms", array([described].into_iter()))]);
    let (mut book, _) = book([(200, body), tags(&BTreeMap::new())]);
    let found = book.list(&home()).await.unwrap();
    let further: Vec<(&str, &str)> =
        found[0].further.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(
        further,
        [
            ("actions", "disabled"),
            ("comparison", "LessThanLowerThreshold"),
            ("few samples", "ignore"),
            ("metric math", "1 metrics and expressions"),
            ("on INSUFFICIENT_DATA", "arn:aws:sns:eu-west-1:1:x"),
            ("threshold metric", "band"),
            ("unit", "Seconds"),
        ]
    );
    let Watches::Metric(metric) = &found[0].alarm.watches else { panic!() };
    assert_eq!((metric.periods, metric.datapoints, metric.missing), (3, 3, Missing::Missing));
}

#[tokio::test(start_paused = true)]
async fn each_step_is_a_call_with_all_that_it_says() {
    let done = || (200, map(&[]));
    let (mut book, replay) = book([done(), done(), done(), done(), done()]);
    let topic = "arn:aws:sns:eu-west-1:123456789012:people".to_owned();
    let told =
        AlarmSpec { alarm_actions: vec![topic.clone()], ok_actions: vec![topic.clone()], ..composite() };
    for step in [
        Step::Put(metric("p99")),
        Step::Put(metric("Sum")),
        Step::Put(told),
        Step::Tag {
            name: name("Slow"),
            arn: format!("{ARN}x"),
            tags: [("a".to_owned(), "b".to_owned())].into(),
        },
        Step::Delete(vec![name("One"), name("Two")]),
    ] {
        book.perform(&step).await.unwrap();
    }
    let sent = replay.sent();
    assert_eq!(
        operations(&sent),
        ["PutMetricAlarm", "PutMetricAlarm", "PutCompositeAlarm", "TagResource", "DeleteAlarms"]
    );
    for (sent, texts) in sent.iter().zip([
        &["ExtendedStatistic", "p99", "LessThanThreshold", "notBreaching", "ace-flow:home", "Shop", "Carts"]
            [..],
        &["Statistic", "Sum", "DatapointsToAlarm", "Threshold", "it is slow", "ActionsEnabled"],
        &["AlarmRule", "ALARM(\"a #1\") AND ALARM(\"a #2\")", &topic, "OKActions", "ace-flow:home"],
        &["ResourceARN", ARN, "Tags"],
        &["AlarmNames", "ace-flow/production/staging/One", "ace-flow/production/staging/Two"],
    ]) {
        for text in texts {
            assert!(sent.body.contains(text), "{text} is not in {}", sent.body);
        }
    }
    assert!(!sent[1].body.contains("ExtendedStatistic"), "{}", sent[1].body);
}

#[tokio::test(start_paused = true)]
async fn calls_keep_half_of_the_quota_free_and_what_is_throttled_is_tried_again() {
    let done = || (200, map(&[]));
    let (mut book, replay) = book(std::iter::repeat_with(done).take(13));
    let began = Instant::now();
    for _ in 0..7 {
        book.perform(&Step::Put(metric("Sum"))).await.unwrap();
    }
    let puts = began.elapsed();
    assert!((4.0..4.1).contains(&puts.as_secs_f64()), "six gaps of two thirds of a second: {puts:?}");
    // Another call has a quota of its own.
    let again = Instant::now();
    for _ in 0..6 {
        book.perform(&Step::Tag { name: name("Slow"), arn: ARN.to_owned(), tags: BTreeMap::new() })
            .await
            .unwrap();
    }
    let tags = again.elapsed();
    assert!((0.5..0.6).contains(&tags.as_secs_f64()), "{tags:?}");
    assert_eq!(replay.sent().len(), 13);

    let throttled = || error(400, "Throttling");
    let (mut book, replay) = self::book([throttled(), throttled(), throttled(), done()]);
    book.perform(&Step::Put(composite())).await.unwrap();
    assert_eq!(replay.sent().len(), 4);
    let (mut book, replay) = self::book(std::iter::repeat_with(throttled).take(20));
    let fault = book.perform(&Step::Put(composite())).await.unwrap_err();
    assert_eq!((fault.kind, replay.sent().len()), (FaultKind::Throttled, 8));
    assert!(began.elapsed() < Duration::from_mins(3));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_with_its_reason_and_not_tried_again() {
    let (mut book, replay) = book([error(400, "ValidationError")]);
    let fault = book.perform(&Step::Delete(vec![name("One #1")])).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Refused);
    assert!(fault.detail().contains("cloudwatch:DeleteAlarms was refused: ValidationError: why"), "{fault}");
    assert_eq!(replay.sent().len(), 1);
}
