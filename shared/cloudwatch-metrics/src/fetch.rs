use std::fmt;

use analysis::Window;
use aws_client::Fault;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{MetricDataQuery, MetricDataResult, ScanBy};

/// Pages of one answer; the longest window that can be judged fills one (100,800 values a page).
const MAX_PAGES: usize = 4;

/// Why there is no answer.
pub(crate) enum NoAnswer {
    /// The call failed.
    Fault(Fault),
    /// It has more pages than it can have.
    Endless,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Endless => write!(f, "CloudWatch does not end its answer within {MAX_PAGES} pages"),
        }
    }
}

/// All pages of the answer to these queries.
pub(crate) async fn fetch(
    client: &Client,
    queries: &[MetricDataQuery],
    window: Window,
) -> Result<Vec<MetricDataResult>, NoAnswer> {
    let mut results = Vec::new();
    let mut next = None;
    for _ in 0..MAX_PAGES {
        let page = client
            .get_metric_data()
            .set_metric_data_queries(Some(queries.to_vec()))
            .start_time(DateTime::from_secs(window.first.as_second()))
            .end_time(DateTime::from_secs(window.end.as_second()))
            .scan_by(ScanBy::TimestampAscending)
            .set_next_token(next.take())
            .send()
            .await
            .map_err(|error| NoAnswer::Fault(Fault::new("cloudwatch:GetMetricData", &error)))?;
        results.extend(page.metric_data_results.unwrap_or_default());
        next = page.next_token;
        if next.is_none() {
            return Ok(results);
        }
    }
    Err(NoAnswer::Endless)
}
