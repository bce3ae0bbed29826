use analysis::{Evidence, Histories, Minutes, Window};
use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{MetricDataQuery, MetricDataResult, ScanBy};
use engine::ports::{Metrics, Wanted};
use rollout::{Colour, Route};

use crate::query::{NotAnArn, Values, queries};
use crate::zones;

/// Pages of one answer; the longest window that can be judged fills one (100,800 values a page).
const MAX_PAGES: usize = 4;

/// Both arms' counts from CloudWatch.
#[derive(Clone, Debug)]
pub struct CloudWatchMetrics(Client);

impl CloudWatchMetrics {
    /// With a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    /// All pages of the answer to these queries.
    async fn fetch(
        &self,
        queries: &[MetricDataQuery],
        window: Window,
    ) -> Result<Vec<MetricDataResult>, String> {
        let mut results = Vec::new();
        let mut next = None;
        for _ in 0..MAX_PAGES {
            let page = self
                .0
                .get_metric_data()
                .set_metric_data_queries(Some(queries.to_vec()))
                .start_time(DateTime::from_secs(window.first.as_second()))
                .end_time(DateTime::from_secs(window.end.as_second()))
                .scan_by(ScanBy::TimestampAscending)
                .set_next_token(next.take())
                .send()
                .await
                .map_err(|error| Fault::new("cloudwatch:GetMetricData", &error).to_string())?;
            results.extend(page.metric_data_results.unwrap_or_default());
            next = page.next_token;
            if next.is_none() {
                return Ok(results);
            }
        }
        Err(format!("CloudWatch does not end its answer within {MAX_PAGES} pages"))
    }

    async fn ask(
        &self,
        route: &Route,
        canary: Colour,
        window: Window,
        wanted: Wanted<'_>,
    ) -> Result<Minutes, String> {
        let queries = queries(route, wanted).map_err(not_an_arn)?;
        let mut values = Values::default();
        values.add(&self.fetch(&queries, window).await?)?;
        values.minutes(canary, window, wanted)
    }

    /// The totals, and how zones divide them where they can be found.
    async fn zoned(
        &self,
        route: &Route,
        live: Colour,
        window: Window,
        slow_over_ms: Option<u32>,
    ) -> Result<Histories, String> {
        let wanted = Wanted { slow_over_ms, ..Wanted::default() };
        let mut all = queries(route, wanted).map_err(not_an_arn)?;
        all.extend(zones::queries(route, live, slow_over_ms).map_err(not_an_arn)?);
        let results = self.fetch(&all, window).await?;
        let mut values = Values::default();
        values.add(&results)?;
        let totals = Histories::of(&values.minutes(live.other(), window, wanted)?);
        let zones = zones::minutes(&results, window, slow_over_ms)
            .and_then(|zones| totals.with_zones(&zones).map_err(|unequal| unequal.to_string()));
        Ok(zones.unwrap_or_else(|reason| {
            tracing::warn!(reason, "availability zones tell nothing of how much errors depend on each other");
            totals
        }))
    }
}

fn not_an_arn(NotAnArn(text): NotAnArn) -> String {
    format!("{text:?} is no ARN of a target group or load balancer: correct the environment's configuration")
}

#[async_trait]
impl Metrics for CloudWatchMetrics {
    async fn minutes(&self, route: &Route, canary: Colour, window: Window, wanted: Wanted<'_>) -> Evidence {
        if window.is_empty() {
            return Evidence::Minutes(Minutes::default());
        }
        match self.ask(route, canary, window, wanted).await {
            Ok(minutes) => Evidence::Minutes(minutes),
            Err(reason) => {
                tracing::warn!(reason, "evidence could not be read");
                Evidence::SourceDown { reason }
            }
        }
    }

    async fn history(
        &self,
        route: &Route,
        live: Colour,
        window: Window,
        slow_over_ms: Option<u32>,
    ) -> Result<Histories, String> {
        if window.is_empty() {
            return Ok(Histories::default());
        }
        match self.zoned(route, live, window, slow_over_ms).await {
            Ok(histories) => Ok(histories),
            Err(reason) => {
                tracing::warn!(reason, "availability zones cannot be searched; asking without them");
                let minutes = self
                    .ask(route, live.other(), window, Wanted { slow_over_ms, ..Wanted::default() })
                    .await?;
                Ok(Histories::of(&minutes))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_client::replay::Replay;

    use super::*;
    use crate::cbor::{array, double, map, text, time};
    use crate::query::tests::{route, window};

    /// One result: query, label, values by minute of the window.
    type Series<'a> = (&'a str, &'a str, &'a [(i64, f64)]);

    fn answer(series: &[Series<'_>]) -> Vec<u8> {
        let result = |(id, label, points): &Series<'_>| {
            let at = |(minute, _): &(i64, f64)| time(window().first.as_second() + minute * 60);
            map(&[
                ("Id", text(id)),
                ("Label", text(label)),
                ("StatusCode", text("Complete")),
                ("Timestamps", array(points.iter().map(at))),
                ("Values", array(points.iter().map(|(_, value)| double(*value)))),
            ])
        };
        map(&[("MetricDataResults", array(series.iter().map(result)))])
    }

    /// 200 requests with 4 errors, then 100 with none.
    const TOTALS: [Series<'static>; 8] = [
        ("blue_requests", "", &[(0, 200.0), (1, 100.0)]),
        ("blue_successes", "", &[(0, 196.0), (1, 100.0)]),
        ("blue_redirects", "", &[]),
        ("blue_client_errors", "", &[]),
        ("green_requests", "", &[]),
        ("green_successes", "", &[]),
        ("green_redirects", "", &[]),
        ("green_client_errors", "", &[]),
    ];

    const ZONES: [Series<'static>; 5] = [
        ("zone_requests", "eu-west-1a", &[(0, 100.0), (1, 100.0)]),
        ("zone_requests", "eu-west-1b", &[(0, 100.0)]),
        ("zone_successes", "eu-west-1a", &[(0, 97.0), (1, 100.0)]),
        ("zone_successes", "eu-west-1b", &[(0, 90.0)]),
        ("zone_redirects", "eu-west-1b", &[(0, 9.0)]),
    ];

    fn history(answers: Vec<(u16, Vec<u8>)>) -> (Result<Histories, String>, Replay) {
        let replay = Replay::new(answers);
        let metrics = CloudWatchMetrics::new(&replay.config().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        (runtime.block_on(metrics.history(&route(), Colour::Blue, window(), None)), replay)
    }

    #[test]
    fn the_zones_of_the_live_colour_come_with_its_totals_in_one_call() {
        let (histories, replay) = history(vec![(200, answer(&[&TOTALS[..], &ZONES].concat()))]);
        let errors = histories.unwrap().errors.unwrap();
        assert_eq!((errors.minutes, errors.requests, errors.events), (2, 300, 4));
        let split = errors.split.unwrap();
        // (3-2)^2/2 + (1-2)^2/2 in the first minute.
        assert!((split.chi_squared - 1.0).abs() < 1e-12 && (split.degrees - 1.0).abs() < 1e-12);
        let [sent] = <[_; 1]>::try_from(replay.sent()).unwrap();
        for part in [
            "SEARCH('{AWS/ApplicationELB,AvailabilityZone,LoadBalancer,TargetGroup} MetricName=\"RequestCount\" \
             TargetGroup=\"targetgroup/blue/73e2d6bc24d8a067\" LoadBalancer=\"app/lb/50dc6c495c0c9188\"', 'Sum', 60)",
            "${PROP('Dim.AvailabilityZone')}",
            "zone_client_errors",
        ] {
            assert!(sent.body.contains(part), "{part}: {}", sent.body);
        }
        assert!(!sent.body.contains("TargetGroup=\"targetgroup/green"), "{}", sent.body);
    }

    #[test]
    fn without_zones_that_add_up_the_totals_stand_alone() {
        let unknown: &[Series<'_>] = &[("zone_requests", "${PROP('Dim.AvailabilityZone')}", &[(0, 200.0)])];
        let part: &[Series<'_>] =
            &[("zone_requests", "a", &[(0, 20.0)]), ("zone_requests", "b", &[(0, 20.0)])];
        let silent: &[Series<'_>] = &[("zone_requests", "zone_requests", &[])];
        for zones in [&[], unknown, part, silent] {
            let (histories, replay) = history(vec![(200, answer(&[&TOTALS[..], zones].concat()))]);
            let errors = histories.unwrap().errors.unwrap();
            assert_eq!((errors.requests, errors.events, errors.split), (300, 4, None), "{zones:?}");
            assert_eq!(replay.sent().len(), 1);
        }
    }

    #[test]
    fn who_cannot_search_is_asked_without() {
        let refused = map(&[
            ("__type", text("com.amazonaws.cloudwatch#InvalidParameterValueException")),
            ("message", text("SEARCH")),
        ]);
        let (histories, replay) = history(vec![(400, refused.clone()), (200, answer(&TOTALS))]);
        let errors = histories.unwrap().errors.unwrap();
        assert_eq!((errors.requests, errors.events, errors.split), (300, 4, None));
        let sent = replay.sent();
        assert!(sent[0].body.contains("SEARCH(") && !sent[1].body.contains("SEARCH("));
        let (histories, _) = history(vec![(400, refused.clone()), (400, refused)]);
        assert!(histories.unwrap_err().contains("cloudwatch:GetMetricData"));
    }
}
