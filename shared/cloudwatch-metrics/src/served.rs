//! What a version has served since it was promoted: the requests of its target group.

use analysis::Window;
use async_trait::async_trait;
use aws_client::SdkConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::Metric;
use engine::ports::{PortError, PortResult, Served, Stay};
use jiff::Timestamp;

use crate::evidence::not_an_arn;
use crate::fetch::{NoAnswer, fetch};
use crate::query::{NAMESPACE, Series, Values, dimensions_of, query_every};

const SERVICE: &str = "CloudWatch";
const ID: &str = "requests";
/// The most values that are asked for: a day of minutes.
const VALUES: i64 = 1440;

/// How old data points of a period may be, in seconds, each: 15 days, 63 days, 455 days ("Metrics retention", Amazon
/// `CloudWatch` User Guide). The last one is the same data, a day at a time.
const PERIODS: [(i32, i64); 4] = [(60, 15 * DAY), (300, 63 * DAY), (3600, 455 * DAY), (86_400, 455 * DAY)];
const DAY: i64 = 86_400;

/// The requests of stays, from `CloudWatch`, in one call each.
#[derive(Clone, Debug)]
pub struct CloudWatchServed {
    client: Client,
    region: Option<String>,
}

impl CloudWatchServed {
    /// With a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        let region = config.region().map(|region| region.as_ref().to_owned());
        Self { client: Client::new(config), region }
    }
}

/// The shortest period in which the whole of a stay is kept and is not too many values, and the whole periods in it: what
/// was served in a part of one could be another version's.
fn periods(stay: &Stay, now: Timestamp) -> (i32, Window) {
    let end = stay.end(now).as_second();
    let of = |(period, kept): (i32, i64)| {
        let size = i64::from(period);
        let oldest = now.as_second() - kept + size;
        let since = stay.since.as_second();
        let first = since.max(oldest);
        let first = first + (size - first.rem_euclid(size)).rem_euclid(size);
        let end = (end - end.rem_euclid(size)).max(first);
        (period, since >= oldest && (end - first) / size <= VALUES, first, end)
    };
    let fits = PERIODS.into_iter().map(of).find(|(_, fits, ..)| *fits);
    // Of what is older than anything that is kept, what is kept.
    let (period, _, first, end) = fits.unwrap_or_else(|| of((86_400, 455 * DAY)));
    let at = |second| Timestamp::from_second(second).unwrap_or(now);
    (period, Window { first: at(first), end: at(end) })
}

fn permanent(detail: String, remedy: &str) -> PortError {
    PortError::Permanent { service: SERVICE, detail, remedy: remedy.to_owned() }
}

#[async_trait]
impl Served for CloudWatchServed {
    async fn requests(&self, stay: &Stay, now: Timestamp) -> PortResult<u64> {
        let serving = &stay.serving;
        let region = serving.load_balancer.split(':').nth(3);
        if let (Some(theirs), Some(own)) = (region, &self.region)
            && theirs != own
        {
            return Err(permanent(
                format!(
                    "the load balancer of the environment below is in {theirs}, and metrics are read in {own}"
                ),
                "leave promotion.soak.requests out and write a longer time",
            ));
        }
        let (period, window) = periods(stay, now);
        if window.is_empty() {
            return Ok(0);
        }
        let remedy = "correct the configuration of the environment below";
        let dimensions = dimensions_of(&serving.target_group, &serving.load_balancer)
            .map_err(|error| permanent(not_an_arn(error), remedy))?;
        let metric = Metric::builder()
            .namespace(NAMESPACE)
            .metric_name(Series::Requests.metric())
            .set_dimensions(Some(dimensions.to_vec()))
            .build();
        let query = query_every(period, ID.to_owned(), metric, Series::Requests.statistic(None));
        let results = fetch(&self.client, &[query], window).await.map_err(|why| match why {
            NoAnswer::Fault(fault) => {
                PortError::of(SERVICE, fault.kind.is_transient(), fault.detail(), fault.remedy())
            }
            NoAnswer::Endless => PortError::Transient { service: SERVICE, detail: why.to_string() },
        })?;
        let transient = |detail| PortError::Transient { service: SERVICE, detail };
        let mut values = Values::default();
        values.add(&results).map_err(transient)?;
        values.sum(ID).ok_or_else(|| transient(format!("there is no answer for {ID}")))
    }
}

#[cfg(test)]
mod tests {
    use aws_client::replay::Replay;
    use engine::ports::Serving;
    use jiff::SignedDuration;
    use rollout::Colour;

    use super::*;
    use crate::cbor::{array, double, map, text, time};
    use crate::query::tests::route;

    const NOW: &str = "2026-06-15T12:34:56Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn stay(since: &str, until: Option<&str>) -> Stay {
        let (route, colour) = (route(), Colour::Green);
        Stay {
            rollout: "shop-1".parse().unwrap(),
            since: at(since),
            until: until.map(at),
            serving: Serving {
                colour,
                target_group: route.green.target_group,
                load_balancer: route.load_balancer,
            },
        }
    }

    fn asked(since: &str, until: Option<&str>) -> (i32, String, String) {
        let (period, window) = periods(&stay(since, until), at(NOW));
        (period, window.first.to_string(), window.end.to_string())
    }

    #[test]
    fn a_stay_is_asked_for_in_the_shortest_period_that_is_kept_and_not_too_many() {
        for (since, until, period, first, end) in [
            ("2026-06-15T10:00:30Z", None, 60, "2026-06-15T10:01:00Z", "2026-06-15T12:34:00Z"),
            (
                "2026-06-15T10:00:00Z",
                Some("2026-06-15T11:00:00Z"),
                60,
                "2026-06-15T10:00:00Z",
                "2026-06-15T11:00:00Z",
            ),
            ("2026-06-14T12:34:01Z", None, 60, "2026-06-14T12:35:00Z", "2026-06-15T12:34:00Z"),
            ("2026-06-14T12:00:00Z", None, 300, "2026-06-14T12:00:00Z", "2026-06-15T12:30:00Z"),
            // Short, but longer ago than minutes are kept.
            (
                "2026-05-20T10:02:00Z",
                Some("2026-05-20T11:04:00Z"),
                300,
                "2026-05-20T10:05:00Z",
                "2026-05-20T11:00:00Z",
            ),
            ("2026-06-01T10:02:00Z", None, 3600, "2026-06-01T11:00:00Z", "2026-06-15T12:00:00Z"),
            (
                "2026-02-01T10:02:00Z",
                Some("2026-02-01T12:10:00Z"),
                3600,
                "2026-02-01T11:00:00Z",
                "2026-02-01T12:00:00Z",
            ),
            ("2025-12-31T23:00:00Z", None, 86_400, "2026-01-01T00:00:00Z", "2026-06-15T00:00:00Z"),
            // Of what is not kept any more, the rest.
            ("2020-01-01T00:00:00Z", None, 86_400, "2025-03-19T00:00:00Z", "2026-06-15T00:00:00Z"),
            (
                "2020-01-01T00:00:00Z",
                Some("2020-02-01T00:00:00Z"),
                86_400,
                "2025-03-19T00:00:00Z",
                "2025-03-19T00:00:00Z",
            ),
            // No whole period.
            ("2026-06-15T12:34:10Z", None, 60, "2026-06-15T12:35:00Z", "2026-06-15T12:35:00Z"),
        ] {
            assert_eq!(asked(since, until), (period, first.to_owned(), end.to_owned()), "{since} {until:?}");
        }
    }

    /// Whatever the stay: a period that CloudWatch has, aligned, within the stay, kept, and few values.
    #[test]
    fn no_stay_asks_for_what_is_not_there() {
        let now = at(NOW);
        for hours in (0..12_000).step_by(7) {
            for length in [1, 59, 61, 3600, 40_000, 100_000, 9_000_000] {
                let since = now - SignedDuration::from_hours(hours) - SignedDuration::from_secs(13);
                let until = Some(since + SignedDuration::from_secs(length)).filter(|until| *until < now);
                let stay = Stay { since, until, ..stay(NOW, None) };
                let (period, window) = periods(&stay, now);
                let size = i64::from(period);
                let kept = PERIODS.iter().find(|(known, _)| *known == period).unwrap().1;
                assert!(window.first >= since && (window.is_empty() || window.end <= stay.end(now)));
                assert_eq!((window.first.as_second() % size, window.end.as_second() % size), (0, 0));
                assert!(now.as_second() - window.first.as_second() <= kept);
                assert!((window.end.as_second() - window.first.as_second()) / size <= VALUES);
            }
        }
    }

    fn served(status: u16, body: Vec<u8>, stay: &Stay) -> (PortResult<u64>, Replay) {
        let replay = Replay::new([(status, body)]);
        let mut served = CloudWatchServed::new(&replay.config().unwrap());
        served.region = Some("eu-west-1".to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        (runtime.block_on(served.requests(stay, at(NOW))), replay)
    }

    fn answer(points: &[f64]) -> Vec<u8> {
        let result = map(&[
            ("Id", text(ID)),
            ("StatusCode", text("Complete")),
            ("Timestamps", array((0..points.len()).map(|place| time(i64::try_from(place).unwrap() * 60)))),
            ("Values", array(points.iter().map(|value| double(*value)))),
        ]);
        map(&[("MetricDataResults", array([result].into_iter()))])
    }

    #[test]
    fn the_requests_of_the_target_group_are_summed_up_in_one_call() {
        let two_hours = stay("2026-06-15T10:00:00Z", None);
        let (requests, replay) = served(200, answer(&[600.0, 0.0, 401.0]), &two_hours);
        assert_eq!(requests, Ok(1001));
        let [sent] = <[_; 1]>::try_from(replay.sent()).unwrap();
        for part in ["RequestCount", "targetgroup/green/73e2d6bc24d8a067", "app/lb/50dc6c495c0c9188", "Sum"] {
            assert!(sent.body.contains(part), "{part}: {}", sent.body);
        }
        assert_eq!(served(200, answer(&[]), &two_hours).0, Ok(0));
        let empty = map(&[("MetricDataResults", array([].into_iter()))]);
        assert!(matches!(served(200, empty, &two_hours).0, Err(PortError::Transient { .. })));
        let denied =
            map(&[("__type", text("com.amazonaws.cloudwatch#AccessDenied")), ("message", text("no"))]);
        let error = served(403, denied, &two_hours).0.unwrap_err();
        assert!(error.to_string().contains("cloudwatch:GetMetricData"), "{error}");
    }

    #[test]
    fn what_cannot_be_known_is_an_error_and_not_zero() {
        let mut elsewhere = stay("2026-06-15T10:00:00Z", None);
        elsewhere.serving.load_balancer = elsewhere.serving.load_balancer.replace("eu-west-1", "us-east-1");
        let (requests, replay) = served(200, answer(&[1.0]), &elsewhere);
        let error = requests.unwrap_err().to_string();
        assert!(error.contains("is in us-east-1, and metrics are read in eu-west-1"), "{error}");
        assert!(replay.sent().is_empty());
        let mut nothing = stay("2026-06-15T10:00:00Z", None);
        nothing.serving.target_group = "green".to_owned();
        assert!(matches!(served(200, answer(&[1.0]), &nothing).0, Err(PortError::Permanent { .. })));
    }
}
