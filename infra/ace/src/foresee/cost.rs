//! What a rollout calls, and what that costs.
//!
//! Counted from the plan for a rollout in which nothing goes wrong: evidence comes in time, nobody is waited for. The end
//! to end scenarios count the same (the test below compares with their transcripts).

use serde::{Deserialize, Serialize};

use super::table::table;
use super::{count, grouped};

/// The price list, with its sources and its date.
const PRICES: &str = include_str!("../../prices.json");

/// Looks before traffic: one that finds the new version coming up, and one that finds it ready.
const LOOKS_BEFORE: u64 = 2;
/// Seconds that a call takes and is billed for, rounded up generously.
const SECONDS_PER_CALL: f64 = 0.5;
/// Gibibytes of memory: 128 MiB, and 256 MiB for health-check (`infra/template.yaml`).
const SMALL: f64 = 0.125;
const LARGE: f64 = 0.25;
/// A rollout as it is stored, in KiB, which a write and a read of it are billed by: 2.1 on the embedded stack, and on AWS
/// longer names, the rule as it was, and what the old version did before.
const ROLLOUT_KIB: u64 = 4;
/// Both of its indexes hold a whole rollout (`infra/template.yaml`).
const INDEXES: u64 = 2;
/// The metrics of an arm: requests, and three classes of answers (`cloudwatch-metrics`).
const COUNTS: u64 = 4;

/// What is called in a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Calls {
    /// State transitions of Step Functions.
    pub(crate) transitions: u64,
    /// Invocations of start-deploy, promote-step and rollback.
    pub(crate) small_invocations: u64,
    /// Invocations of health-check.
    pub(crate) health_checks: u64,
    /// Decisions that are stored.
    pub(crate) commits: u64,
    /// `DynamoDB` write request units.
    pub(crate) writes: u64,
    /// `DynamoDB` read request units.
    pub(crate) reads: u64,
    /// Metrics that are asked of `CloudWatch`.
    pub(crate) metrics: u64,
}

impl Calls {
    /// Of steps that bake for so many minutes, with so many series for each arm beside the counts.
    pub(crate) fn of(bakes: &[u32], further: usize) -> Self {
        let steps = count_of(bakes.len());
        // A look a minute, and one when the bake ends.
        let looks: u64 = bakes.iter().map(|minutes| u64::from(*minutes) + 1).sum();
        let health_checks = LOOKS_BEFORE + looks;
        let promotions = steps + 1;
        // Each task is followed by a choice, and each but the last one by a wait, after start-deploy as well.
        let transitions = 3 * (1 + health_checks + promotions) - promotions;
        // Of each step: asked for, read back, told. What is judged: every closed minute that is new.
        let judged: u64 = bakes.iter().map(|minutes| u64::from(minutes.saturating_sub(1)).max(1)).sum();
        let commits = 8 + 3 * steps + judged;
        // A clean-up beside the steps.
        let small_invocations = 1 + promotions + 1;
        // In a transaction each item counts twice: rollout, record, and the service's target.
        let writes = commits * (2 * (ROLLOUT_KIB + 1 + 1) + INDEXES * ROLLOUT_KIB);
        // Consistent reads are billed by 4 KiB: the rollout, and the target around a write.
        let reads = (health_checks + small_invocations) * (ROLLOUT_KIB.div_ceil(4) + 1);
        let series = 2 * (COUNTS + count_of(further));
        // Every look under traffic, what the old version did before, and the clean-up.
        let metrics = (looks + 2) * series;
        Self { transitions, small_invocations, health_checks, commits, writes, reads, metrics }
    }
}

fn count_of(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

/// The prices.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    pub(crate) region: String,
    pub(crate) date: String,
    pub(crate) currency: String,
    sources: std::collections::BTreeMap<String, String>,
    step_functions_per_million_transitions: f64,
    lambda_per_million_requests: f64,
    lambda_per_gb_second: f64,
    dynamodb_per_million_writes: f64,
    dynamodb_per_million_reads: f64,
    get_metric_data_per_thousand_metrics: f64,
}

/// What calls cost, in the currency of the prices.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Cost {
    pub(crate) calls: Calls,
    pub(crate) step_functions: f64,
    pub(crate) lambda: f64,
    pub(crate) dynamodb: f64,
    pub(crate) cloudwatch: f64,
    pub(crate) total: f64,
    pub(crate) currency: String,
    pub(crate) prices_of: String,
    pub(crate) region: String,
}

/// What a rollout costs; `None` where the price list does not parse, which a test excludes.
pub(crate) fn cost(bakes: &[u32], further: usize) -> Option<Cost> {
    let prices: Prices = serde_json::from_str(PRICES).ok()?;
    let calls = Calls::of(bakes, further);
    let invocations = count(calls.small_invocations + calls.health_checks);
    let gigabyte_seconds =
        SECONDS_PER_CALL * (SMALL * count(calls.small_invocations) + LARGE * count(calls.health_checks));
    let step_functions = count(calls.transitions) * prices.step_functions_per_million_transitions / 1e6;
    let lambda = invocations * prices.lambda_per_million_requests / 1e6
        + gigabyte_seconds * prices.lambda_per_gb_second;
    let dynamodb = (count(calls.writes) * prices.dynamodb_per_million_writes
        + count(calls.reads) * prices.dynamodb_per_million_reads)
        / 1e6;
    let cloudwatch = count(calls.metrics) * prices.get_metric_data_per_thousand_metrics / 1e3;
    Some(Cost {
        calls,
        step_functions,
        lambda,
        dynamodb,
        cloudwatch,
        total: step_functions + lambda + dynamodb + cloudwatch,
        currency: prices.currency,
        prices_of: prices.date,
        region: prices.region,
    })
}

/// The cost for people.
pub(crate) fn told(cost: &Cost) -> String {
    let calls = &cost.calls;
    let row = |what: &str, how_much: String, price: f64| {
        vec![what.to_owned(), how_much, format!("{price:.5} {}", cost.currency)]
    };
    let number = |number: u64| grouped(count(number));
    let rows = vec![
        row("Step Functions", format!("{} transitions", number(calls.transitions)), cost.step_functions),
        row(
            "Lambda",
            format!("{} calls", number(calls.small_invocations + calls.health_checks)),
            cost.lambda,
        ),
        row(
            "DynamoDB",
            format!("{} write and {} read units", number(calls.writes), number(calls.reads)),
            cost.dynamodb,
        ),
        row("CloudWatch", format!("{} metrics", number(calls.metrics)), cost.cloudwatch),
        row("one rollout", String::new(), cost.total),
    ];
    format!(
        "\nIt calls, if nothing goes wrong (prices of {}, {}):\n{}",
        cost.region,
        cost.prices_of,
        table(&rows)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What really happens, minute by minute, in the end to end scenarios.
    const CANARY: &str = include_str!("../../../../tests/snapshots/canary_happy.snap");
    const BLUE_GREEN: &str = include_str!("../../../../tests/snapshots/blue_green_happy.snap");

    fn lines(transcript: &str, what: &str) -> u64 {
        count_of(transcript.lines().filter(|line| line.contains(what)).count())
    }

    #[test]
    fn what_is_counted_is_what_happens() {
        for (bakes, transcript) in [(&[5, 2, 2, 2, 2][..], CANARY), (&[5], BLUE_GREEN)] {
            let calls = Calls::of(bakes, 0);
            assert_eq!(calls.health_checks, lines(transcript, "state  HealthCheck"));
            let promotions = lines(transcript, "state  PromoteStep");
            // And the clean-up, and start-deploy.
            assert_eq!(calls.small_invocations, promotions + 2);
            assert_eq!(calls.commits, lines(transcript, "store  "));
            // The transcript has no choices: one follows each function.
            let shown = lines(transcript, "state  ") - lines(transcript, "the execution succeeded");
            let functions = calls.health_checks + promotions + 1;
            assert_eq!(calls.transitions, shown + functions);
        }
    }

    #[test]
    fn the_prices_are_there_with_their_date_and_sources() {
        let prices: Prices = serde_json::from_str(PRICES).unwrap();
        assert_eq!((prices.region.as_str(), prices.currency.as_str()), ("us-east-1", "USD"));
        assert_eq!(prices.date.len(), "2026-08".len());
        for service in ["step_functions", "lambda", "dynamodb", "cloudwatch"] {
            assert!(prices.sources[service].starts_with("https://aws.amazon.com/"), "{service}");
        }
        let cost = cost(&[5, 2, 2, 2, 2], 1).unwrap();
        let parts = cost.step_functions + cost.lambda + cost.dynamodb + cost.cloudwatch;
        assert!((cost.total - parts).abs() < 1e-12 && cost.total < 0.02, "{cost:?}");
    }

    #[test]
    fn longer_bakes_and_more_metrics_cost_more() {
        let total = |bakes: &[u32], further| cost(bakes, further).unwrap().total;
        assert!(total(&[5, 5], 0) < total(&[5, 30], 0));
        assert!(total(&[5, 5], 0) < total(&[5, 5, 5], 0));
        assert!(total(&[5, 5], 0) < total(&[5, 5], 3));
    }
}
