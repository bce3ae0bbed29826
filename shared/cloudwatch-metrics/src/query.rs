//! What is asked of CloudWatch, and what its answer says: no call in here.

use std::collections::BTreeMap;

use analysis::{Arm, Minute, Minutes, Window};
use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, StatusCode,
};
use engine::ports::Wanted;
use jiff::Timestamp;
use rollout::{Colour, Route};

use crate::further;

pub(crate) const NAMESPACE: &str = "AWS/ApplicationELB";
/// Seconds; what the load balancer publishes at.
pub(crate) const PERIOD: i32 = 60;

/// What is counted of an arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Series {
    Requests,
    Successes,
    Redirects,
    ClientErrors,
    /// The percentage of requests that were not slow.
    Quick,
}

impl Series {
    const COUNTS: [Self; 4] = [Self::Requests, Self::Successes, Self::Redirects, Self::ClientErrors];

    pub(crate) const fn metric(self) -> &'static str {
        match self {
            Self::Requests => "RequestCount",
            Self::Successes => "HTTPCode_Target_2XX_Count",
            Self::Redirects => "HTTPCode_Target_3XX_Count",
            Self::ClientErrors => "HTTPCode_Target_4XX_Count",
            Self::Quick => "TargetResponseTime",
        }
    }

    /// The end of a query's id.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Successes => "successes",
            Self::Redirects => "redirects",
            Self::ClientErrors => "client_errors",
            Self::Quick => "quick",
        }
    }

    pub(crate) fn statistic(self, slow_over_ms: Option<u32>) -> String {
        match (self, slow_over_ms) {
            // A percentile rank: the share of values from 0 to the objective ("CloudWatch statistics definitions").
            (Self::Quick, Some(objective)) => format!("PR(0:{})", seconds(objective)),
            _ => "Sum".to_owned(),
        }
    }

    pub(crate) fn of(slow_over_ms: Option<u32>) -> impl Iterator<Item = Self> {
        Self::COUNTS.into_iter().chain(slow_over_ms.map(|_| Self::Quick))
    }
}

/// Milliseconds as seconds without trailing zeros.
fn seconds(milliseconds: u32) -> String {
    let text = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// An ARN that cannot be a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotAnArn(pub(crate) String);

/// The last part of an ARN, from `targetgroup/` on, and after `loadbalancer/`: the values of the dimensions.
pub(crate) fn dimensions(route: &Route, colour: Colour) -> Result<[Dimension; 2], NotAnArn> {
    dimensions_of(&route.arm(colour).target_group, &route.load_balancer)
}

/// The same of a target group and its load balancer.
pub(crate) fn dimensions_of(group: &str, balancer: &str) -> Result<[Dimension; 2], NotAnArn> {
    let target_group = group.find("targetgroup/").and_then(|at| group.get(at..));
    let load_balancer = balancer.split_once(":loadbalancer/").map(|(_, name)| name);
    let target_group = target_group.ok_or_else(|| NotAnArn(group.to_owned()))?;
    let load_balancer = load_balancer.ok_or_else(|| NotAnArn(balancer.to_owned()))?;
    let dimension = |name, value| Dimension::builder().name(name).value(value).build();
    Ok([dimension("TargetGroup", target_group), dimension("LoadBalancer", load_balancer)])
}

fn id(colour: Colour, series: Series) -> String {
    format!("{colour}_{}", series.tag())
}

/// The queries of both arms.
pub(crate) fn queries(route: &Route, wanted: Wanted<'_>) -> Result<Vec<MetricDataQuery>, NotAnArn> {
    let slow_over_ms = wanted.slow_over_ms;
    let mut queries = Vec::new();
    for colour in [Colour::Blue, Colour::Green] {
        let dimensions = dimensions(route, colour)?;
        for series in Series::of(slow_over_ms) {
            let metric = Metric::builder()
                .namespace(NAMESPACE)
                .metric_name(series.metric())
                .set_dimensions(Some(dimensions.to_vec()))
                .build();
            queries.push(query(id(colour, series), metric, series.statistic(slow_over_ms)));
        }
        let [target_group, _] = &dimensions;
        queries.extend(further::queries(colour, target_group.value().unwrap_or_default(), wanted.further));
    }
    Ok(queries)
}

/// The query of a metric's statistic in each minute.
pub(crate) fn query(id: String, metric: Metric, statistic: String) -> MetricDataQuery {
    query_every(PERIOD, id, metric, statistic)
}

/// The query of a metric's statistic in each period of so many seconds.
pub(crate) fn query_every(period: i32, id: String, metric: Metric, statistic: String) -> MetricDataQuery {
    let stat = MetricStat::builder().metric(metric).period(period).stat(statistic).build();
    MetricDataQuery::builder().id(id).metric_stat(stat).build()
}

/// The values of each query by minute, in seconds since 1970.
#[derive(Debug, Default)]
pub(crate) struct Values(BTreeMap<String, BTreeMap<i64, f64>>);

impl Values {
    /// Takes the results of one page. Anything but complete or continued values is a reason not to judge.
    pub(crate) fn add(&mut self, results: &[MetricDataResult]) -> Result<(), String> {
        for result in results {
            let id = result.id().unwrap_or_default();
            match result.status_code() {
                None | Some(StatusCode::Complete | StatusCode::PartialData) => {}
                Some(other) => return Err(format!("CloudWatch answers {} for {id}", other.as_str())),
            }
            let values = self.0.entry(id.to_owned()).or_default();
            let points = result.timestamps().iter().zip(result.values());
            values.extend(points.map(|(time, value)| (time.secs(), *value)));
        }
        Ok(())
    }

    /// The minutes of the window with requests to either arm. A query without any result is a source that is down, not
    /// silence: CloudWatch answers each query, if only with no values.
    pub(crate) fn minutes(
        &self,
        canary: Colour,
        window: Window,
        wanted: Wanted<'_>,
    ) -> Result<Minutes, String> {
        for colour in [Colour::Blue, Colour::Green] {
            let counts = Series::of(wanted.slow_over_ms).map(|series| id(colour, series));
            let mut asked = counts.chain(further::ids(colour, wanted.further));
            if let Some(missing) = asked.find(|id| !self.0.contains_key(id)) {
                return Err(format!("CloudWatch does not answer for {missing}"));
            }
        }
        let mut minutes = Vec::new();
        for second in (window.first.as_second()..window.end.as_second()).step_by(60) {
            let of = |colour| {
                let arm = self.arm(|series| id(colour, series), second)?;
                let samples = further::samples(self, colour, second, arm.requests(), wanted.further);
                arm.with(samples).map_err(|error| error.to_string())
            };
            let (new, old) = (of(canary)?, of(canary.other())?);
            if new.requests() == 0 && old.requests() == 0 {
                continue;
            }
            let start = Timestamp::from_second(second).map_err(|error| error.to_string())?;
            minutes.push(Minute::new(start, new, old).map_err(|error| error.to_string())?);
        }
        Minutes::new(minutes).map_err(|error| error.to_string())
    }

    /// The sum of all values of a query; `None` where CloudWatch does not answer it.
    pub(crate) fn sum(&self, id: &str) -> Option<u64> {
        self.0.get(id).map(|values| values.values().map(|value| count(*value)).sum())
    }

    /// The value of a query in the minute that begins then.
    pub(crate) fn value(&self, id: &str, second: i64) -> Option<f64> {
        self.0.get(id)?.get(&second).copied()
    }

    /// What one arm served in the minute that begins then; `id` is the query of a series.
    pub(crate) fn arm(&self, id: impl Fn(Series) -> String, second: i64) -> Result<Arm, String> {
        let value = |series| self.value(&id(series), second);
        let count = |series| value(series).map_or(0, count);
        let requests = count(Series::Requests);
        let answered =
            [Series::Successes, Series::Redirects, Series::ClientErrors].into_iter().map(count).sum();
        // A request and its answer can fall into different minutes, so that more may be answered than were asked.
        let errors = requests.saturating_sub(answered);
        let slow = value(Series::Quick).map(|quick| slow(requests, quick));
        Arm::new(requests, errors, slow).map_err(|error| error.to_string())
    }
}

/// A published sum as the whole number it is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float is cast to the nearest number in range, and not-a-number to 0"
)]
pub(crate) fn count(value: f64) -> u64 {
    value.round() as u64
}

/// How many of the requests were slow, when `quick` percent were not. Interpolated by CloudWatch, hence rounded.
#[expect(clippy::cast_precision_loss, reason = "requests of one minute are far below 2^53")]
fn slow(requests: u64, quick: f64) -> u64 {
    count(requests as f64 * (100.0 - quick.clamp(0.0, 100.0)) / 100.0).min(requests)
}

#[cfg(test)]
pub(crate) mod tests {
    use analysis::Sample;
    use aws_sdk_cloudwatch::primitives::DateTime;
    use rollout::{Arm as RouteArm, ArmDimension, ArmValue, Source};

    use super::*;

    pub(crate) fn route() -> Route {
        let arm = |name: &str| RouteArm {
            target_group: format!(
                "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/{name}/73e2d6bc24d8a067"
            ),
            endpoint: "http://x".to_owned(),
        };
        Route {
            rule: "arn:rule".to_owned(),
            load_balancer:
                "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/lb/50dc6c495c0c9188"
                    .to_owned(),
            blue: arm("blue"),
            green: arm("green"),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    pub(crate) fn window() -> Window {
        Window { first: at("2026-01-02T03:04:00Z"), end: at("2026-01-02T03:07:00Z") }
    }

    /// Results for all queries; `points` are query id, minute of the window, value.
    fn slow(slow_over_ms: u32) -> Wanted<'static> {
        Wanted { slow_over_ms: Some(slow_over_ms), further: &[] }
    }

    fn values(points: &[(&str, i64, f64)], wanted: Wanted<'_>) -> Values {
        let mut values = Values::default();
        for query in queries(&route(), wanted).unwrap() {
            let id = query.id().unwrap();
            let mut result = MetricDataResult::builder().id(id).status_code(StatusCode::Complete);
            for (_, minute, value) in points.iter().filter(|(of, ..)| *of == id) {
                let time = DateTime::from_secs(window().first.as_second() + minute * 60);
                result = result.timestamps(time).values(*value);
            }
            values.add(&[result.build()]).unwrap();
        }
        values
    }

    #[test]
    fn both_arms_are_asked_for_by_target_group_and_load_balancer() {
        let queries = queries(&route(), slow(500)).unwrap();
        assert_eq!(queries.len(), 10);
        let seen: Vec<_> = queries
            .iter()
            .map(|query| {
                let stat = query.metric_stat().unwrap();
                let metric = stat.metric().unwrap();
                assert_eq!((metric.namespace(), stat.period()), (Some("AWS/ApplicationELB"), Some(60)));
                let dimensions: Vec<_> =
                    metric.dimensions().iter().map(|d| (d.name().unwrap(), d.value().unwrap())).collect();
                let group = query.id().unwrap().split_once('_').unwrap().0;
                let group = format!("targetgroup/{group}/73e2d6bc24d8a067");
                assert_eq!(
                    dimensions,
                    [("TargetGroup", group.as_str()), ("LoadBalancer", "app/lb/50dc6c495c0c9188")]
                );
                (query.id().unwrap(), metric.metric_name().unwrap(), stat.stat().unwrap())
            })
            .collect();
        assert_eq!(
            seen[..5],
            [
                ("blue_requests", "RequestCount", "Sum"),
                ("blue_successes", "HTTPCode_Target_2XX_Count", "Sum"),
                ("blue_redirects", "HTTPCode_Target_3XX_Count", "Sum"),
                ("blue_client_errors", "HTTPCode_Target_4XX_Count", "Sum"),
                ("blue_quick", "TargetResponseTime", "PR(0:0.5)"),
            ]
        );
        assert_eq!(super::queries(&route(), Wanted::default()).unwrap().len(), 8);
    }

    #[test]
    fn an_arn_of_something_else_is_named() {
        let wrong = Route { load_balancer: "lb".to_owned(), ..route() };
        assert_eq!(queries(&wrong, Wanted::default()), Err(NotAnArn("lb".to_owned())));
    }

    #[test]
    fn objectives_are_written_in_seconds() {
        for (ms, text) in
            [(500, "0.5"), (1000, "1"), (1250, "1.25"), (20, "0.02"), (10_000, "10"), (1, "0.001")]
        {
            assert_eq!(seconds(ms), text);
        }
    }

    #[test]
    fn errors_are_what_was_not_answered_well_and_silent_minutes_are_left_out() {
        let values = values(
            &[
                ("green_requests", 0, 100.0),
                ("green_successes", 0, 80.0),
                ("green_redirects", 0, 5.0),
                ("green_client_errors", 0, 5.0),
                ("blue_requests", 0, 900.0),
                ("blue_successes", 0, 900.0),
                ("blue_requests", 2, 10.0),
            ],
            Wanted::default(),
        );
        let minutes = values.minutes(Colour::Green, window(), Wanted::default()).unwrap();
        let expected = [
            Minute::new(
                at("2026-01-02T03:04:00Z"),
                Arm::new(100, 10, None).unwrap(),
                Arm::new(900, 0, None).unwrap(),
            ),
            Minute::new(at("2026-01-02T03:06:00Z"), Arm::IDLE, Arm::new(10, 10, None).unwrap()),
        ]
        .map(Result::unwrap);
        assert_eq!(minutes.iter().cloned().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn more_answers_than_requests_are_no_errors() {
        let values = values(&[("green_requests", 0, 10.0), ("green_successes", 0, 12.0)], Wanted::default());
        let minutes = values.minutes(Colour::Green, window(), Wanted::default()).unwrap();
        assert_eq!(minutes.iter().map(|minute| minute.canary().errors()).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn slow_requests_come_from_the_percentile_rank() {
        let points = [
            ("blue_requests", 0, 200.0),
            ("blue_successes", 0, 200.0),
            ("blue_quick", 0, 97.4),
            ("green_requests", 0, 3.0),
        ];
        let minutes = values(&points, slow(500)).minutes(Colour::Blue, window(), slow(500)).unwrap();
        let minute = minutes.iter().next().unwrap();
        assert_eq!(minute.canary().slow(), Some(5));
        assert_eq!(
            minute.baseline().slow(),
            None,
            "requests without a response time are not known to be quick"
        );
    }

    #[test]
    fn values_outside_of_the_window_do_not_count() {
        let values = values(&[("green_requests", -1, 5.0), ("green_requests", 3, 5.0)], Wanted::default());
        assert_eq!(values.minutes(Colour::Green, window(), Wanted::default()).unwrap().iter().count(), 0);
    }

    #[test]
    fn a_query_that_is_not_answered_is_no_silence() {
        let error = Values::default().minutes(Colour::Green, window(), Wanted::default()).unwrap_err();
        assert_eq!(error, "CloudWatch does not answer for blue_requests");
        for status in [StatusCode::InternalError, StatusCode::Forbidden] {
            let result = MetricDataResult::builder().id("blue_requests").status_code(status).build();
            assert!(Values::default().add(&[result]).is_err());
        }
    }

    #[test]
    fn further_metrics_come_with_the_minutes() {
        let series = |metric: &str, statistic: &str, value| rollout::Series {
            namespace: "Shop".to_owned(),
            metric: metric.to_owned(),
            statistic: statistic.to_owned(),
            dimensions: [("Service".to_owned(), "checkout".to_owned())].into(),
            arm: ArmDimension { dimension: "Side".to_owned(), value },
        };
        let named = ArmValue::Named { blue: "b".to_owned(), green: "g".to_owned() };
        let further = [
            Source::Values(series("Latency", "p99", ArmValue::TargetGroup)),
            Source::Counts { events: series("Orders", "Sum", ArmValue::Colour), of: None },
            Source::Counts {
                events: series("Refused", "Sum", ArmValue::Colour),
                of: Some(series("Cards", "Sum", named)),
            },
        ];
        let wanted = Wanted { slow_over_ms: None, further: &further };
        let asked = queries(&route(), wanted).unwrap();
        let seen = |id: &str| {
            let query = asked.iter().find(|query| query.id() == Some(id)).unwrap();
            let stat = query.metric_stat().unwrap();
            let metric = stat.metric().unwrap();
            let dimensions: Vec<_> = metric
                .dimensions()
                .iter()
                .map(|of| format!("{}={}", of.name().unwrap(), of.value().unwrap()))
                .collect();
            format!(
                "{} {} {} {} {}",
                metric.namespace().unwrap(),
                metric.metric_name().unwrap(),
                stat.stat().unwrap(),
                stat.period().unwrap(),
                dimensions.join(" ")
            )
        };
        assert_eq!(asked.len(), 2 * (4 + 4));
        assert_eq!(
            seen("green_further_0"),
            "Shop Latency p99 60 Service=checkout Side=targetgroup/green/73e2d6bc24d8a067"
        );
        assert_eq!(seen("blue_further_1"), "Shop Orders Sum 60 Service=checkout Side=blue");
        assert_eq!(seen("green_of_2"), "Shop Cards Sum 60 Service=checkout Side=g");

        let points = [
            ("blue_requests", 0, 100.0),
            ("green_requests", 0, 10.0),
            ("green_further_0", 0, 0.75),
            ("blue_further_1", 0, 7.0),
            ("green_further_1", 0, 12.0),
            ("green_of_2", 0, 4.0),
            ("blue_further_2", 0, 1.0),
        ];
        let minutes = values(&points, wanted).minutes(Colour::Green, window(), wanted).unwrap();
        let minute = minutes.iter().next().unwrap();
        let of = |arm: &Arm| [0, 1, 2].map(|place| arm.further(place));
        assert_eq!(
            of(minute.canary()),
            // More orders than requests are as many; none refused of four is a count.
            [Sample::Value(0.75), Sample::Count { events: 10, of: 10 }, Sample::Count { events: 0, of: 4 }]
        );
        assert_eq!(
            of(minute.baseline()),
            [Sample::Missing, Sample::Count { events: 7, of: 100 }, Sample::Missing],
            "what is a part of nothing is not known"
        );
        let error = values(&points, Wanted::default()).minutes(Colour::Green, window(), wanted).unwrap_err();
        assert_eq!(error, "CloudWatch does not answer for blue_further_0");
    }

    #[test]
    fn pages_add_up() {
        let mut values = values(&[("green_requests", 0, 5.0)], Wanted::default());
        let time = DateTime::from_secs(window().first.as_second() + 60);
        let page = MetricDataResult::builder()
            .id("green_requests")
            .status_code(StatusCode::PartialData)
            .timestamps(time)
            .values(7.0)
            .build();
        values.add(&[page]).unwrap();
        let minutes = values.minutes(Colour::Green, window(), Wanted::default()).unwrap();
        assert_eq!(minutes.iter().map(|minute| minute.canary().requests()).collect::<Vec<_>>(), [5, 7]);
    }
}
