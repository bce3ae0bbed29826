//! Where past minutes come from.

use std::path::Path;

use foresight::{PastMinutes, read_csv};
use jiff::Timestamp;

use super::Subject;
use crate::arguments::BacktestCommand;
use crate::error::AceError;
use crate::inputs;

pub(crate) async fn minutes(arguments: &BacktestCommand, subject: &Subject) -> Result<PastMinutes, AceError> {
    let all = match &arguments.csv {
        Some(path) => from_csv(path)?,
        None => from_cloudwatch(arguments, subject).await?,
    };
    within(&all, arguments.from, arguments.to)
}

fn from_csv(path: &Path) -> Result<PastMinutes, AceError> {
    let text = inputs::text(path, "name a file with the header timestamp,requests,errors[,slow]")?;
    read_csv(&text).map_err(|source| AceError::Csv { path: path.display().to_string(), source })
}

/// The minutes from `from` to before `to`.
fn within(
    all: &PastMinutes,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<PastMinutes, AceError> {
    if let (Some(from), Some(to)) = (from, to)
        && to <= from
    {
        return Err(AceError::EmptyTime { from, to });
    }
    if from.is_none() && to.is_none() {
        return Ok(all.clone());
    }
    let mut chosen = PastMinutes::new();
    let inside = |at: Timestamp| from.is_none_or(|from| at >= from) && to.is_none_or(|to| at < to);
    for minute in all.all().iter().filter(|minute| inside(minute.start)) {
        chosen.push(*minute)?;
    }
    Ok(chosen)
}

#[cfg(not(feature = "aws"))]
#[expect(clippy::unused_async, reason = "with AWS it asks")]
async fn from_cloudwatch(_: &BacktestCommand, _: &Subject) -> Result<PastMinutes, AceError> {
    Err(AceError::WithoutAws)
}

#[cfg(feature = "aws")]
async fn from_cloudwatch(arguments: &BacktestCommand, subject: &Subject) -> Result<PastMinutes, AceError> {
    use cloudwatch_metrics::CloudWatchMetrics;

    let (Some(from), Some(to)) = (arguments.from, arguments.to) else {
        return Err(AceError::NoTime);
    };
    if to <= from {
        return Err(AceError::EmptyTime { from, to });
    }
    let aws = aws_client::from_env().map_err(AceError::Aws)?;
    let metrics = CloudWatchMetrics::new(&aws);
    let mut all = PastMinutes::new();
    for window in days(from, to) {
        ask(&metrics, subject, window, &mut all).await?;
    }
    Ok(all)
}

/// The whole minutes from `from` to before `to`, a day at a time.
#[cfg(feature = "aws")]
fn days(from: Timestamp, to: Timestamp) -> Vec<analysis::Window> {
    let (first, end) = (-(-from.as_second()).div_euclid(60) * 60, to.as_second().div_euclid(60) * 60);
    let day = |start: i64| {
        let first = Timestamp::from_second(start).ok()?;
        let end = Timestamp::from_second((start + 86_400).min(end)).ok()?;
        Some(analysis::Window { first, end })
    };
    (first..end).step_by(86_400).filter_map(day).collect()
}

/// Adds the minutes of a window, both colours together.
#[cfg(feature = "aws")]
async fn ask(
    metrics: &impl engine::ports::Metrics,
    subject: &Subject,
    window: analysis::Window,
    all: &mut PastMinutes,
) -> Result<(), AceError> {
    use analysis::Evidence;
    use foresight::PastMinute;

    let wanted = engine::ports::Wanted { slow_over_ms: subject.policy.latency_objective_ms, further: &[] };
    match metrics.minutes(&subject.route, rollout::Colour::Green, window, wanted).await {
        Evidence::SourceDown { reason } => Err(AceError::NoMinutes { reason }),
        Evidence::Minutes(minutes) => {
            for minute in &minutes {
                let (new, old) = (minute.canary(), minute.baseline());
                all.push(PastMinute {
                    start: minute.start(),
                    requests: new.requests() + old.requests(),
                    errors: new.errors() + old.errors(),
                    slow: new.slow().zip(old.slow()).map(|(new, old)| new + old),
                })?;
            }
            Ok(())
        }
    }
}
