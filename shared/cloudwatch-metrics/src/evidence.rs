use analysis::{Evidence, Minutes, Window};
use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::ScanBy;
use engine::ports::Metrics;
use rollout::{Colour, Route};

use crate::query::{NotAnArn, Values, queries};

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

    async fn ask(
        &self,
        route: &Route,
        canary: Colour,
        window: Window,
        slow_over_ms: Option<u32>,
    ) -> Result<Minutes, String> {
        let queries = queries(route, slow_over_ms).map_err(|NotAnArn(text)| {
            format!("{text:?} is no ARN of a target group or load balancer: correct the environment's configuration")
        })?;
        let mut values = Values::default();
        let mut next = None;
        for _ in 0..MAX_PAGES {
            let page = self
                .0
                .get_metric_data()
                .set_metric_data_queries(Some(queries.clone()))
                .start_time(DateTime::from_secs(window.first.as_second()))
                .end_time(DateTime::from_secs(window.end.as_second()))
                .scan_by(ScanBy::TimestampAscending)
                .set_next_token(next.take())
                .send()
                .await
                .map_err(|error| Fault::new("cloudwatch:GetMetricData", &error).to_string())?;
            values.add(page.metric_data_results())?;
            next = page.next_token;
            if next.is_none() {
                return values.minutes(canary, window, slow_over_ms);
            }
        }
        Err(format!("CloudWatch does not end its answer within {MAX_PAGES} pages"))
    }
}

#[async_trait]
impl Metrics for CloudWatchMetrics {
    async fn minutes(
        &self,
        route: &Route,
        canary: Colour,
        window: Window,
        slow_over_ms: Option<u32>,
    ) -> Evidence {
        if window.is_empty() {
            return Evidence::Minutes(Minutes::default());
        }
        match self.ask(route, canary, window, slow_over_ms).await {
            Ok(minutes) => Evidence::Minutes(minutes),
            Err(reason) => {
                tracing::warn!(reason, "evidence could not be read");
                Evidence::SourceDown { reason }
            }
        }
    }
}
