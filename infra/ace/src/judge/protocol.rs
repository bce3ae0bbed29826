//! The lines of the protocol: what they say, and what is wrong with those that do not.

use analysis::sequential::Tally;
use analysis::{History, MAX_REQUESTS, Split};

/// A line that was refused.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {wrong}")]
pub(crate) struct LineError {
    pub(crate) line: usize,
    pub(crate) wrong: Wrong,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Wrong {
    #[error("{found:?} is neither a line of the protocol nor a block's end: write H,..., M,... or a point")]
    Kind { found: String },
    #[error("{found:?} is no run: write its number, from 0")]
    Run { found: String },
    #[error("an M line in the first block: write one H line for each run, then a point, then M lines")]
    MinuteBeforeHistory,
    #[error("an H line after the first block: write the H lines of all runs before the first point")]
    HistoryAfterStart,
    #[error("the input ends inside a block: end each block with a point on a line of its own")]
    Unended,
    #[error("{found} fields behind the letter where {expected} belong: write {form}")]
    Fields { found: usize, expected: usize, form: &'static str },
    #[error("{name} is {found:?}: write a whole number of 0 or more, at most {MAX_REQUESTS}")]
    Count { name: &'static str, found: String },
    #[error("{name} is {found:?}: write a number of 0 or more")]
    Number { name: &'static str, found: String },
    #[error("weight is {found:?}: write percent, 0 to 100")]
    Weight { found: String },
    #[error(
        "{errors} errors in {requests} requests of the {arm}: count errors among the requests of the same minute"
    )]
    MoreErrorsThanRequests { arm: &'static str, errors: u64, requests: u64 },
    #[error("run {run} has two H lines: write one for each run; it is held")]
    TwoHistories { run: u64 },
    #[error(
        "run {run} has no H line: write one in the first block, with zeros if nothing is known; it is held"
    )]
    UnknownRun { run: u64 },
    #[error("run {run} was rolled back: send no more minutes of it")]
    Ended { run: u64 },
    #[error("minute {minute} after minute {last}: write the minutes in order, each once; it does not count")]
    NotAfter { minute: u32, last: u32 },
    #[error(
        "minute {minute} after minute {last}: write those between too, with zeros if nothing was served; held once"
    )]
    Missing { minute: u32, last: u32 },
    #[error("step {step} after step {last}: steps only rise; the minute does not count")]
    StepBack { step: u32, last: u32 },
    #[error(
        "weight {weight} after {last} in the same step: write minutes that are wholly at one weight, and another step for \
         another weight; the minute does not count"
    )]
    WeightChanged { weight: f64, last: f64 },
}

const HISTORY: &str =
    "H,run,hist_minutes,hist_req,hist_err,azs,chi2_sum,chi2_df,min_mean,min_var,w10_mean,w10_var";
const MINUTE: &str = "M,run,minute,step,weight,c_req,c_err,b_req,b_err";

/// A minute of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MinuteLine {
    pub(crate) minute: u32,
    pub(crate) step: u32,
    pub(crate) weight: f64,
    pub(crate) canary: Tally,
    pub(crate) baseline: Tally,
}

/// The number behind the letter.
pub(crate) fn run(fields: &[&str]) -> Result<u64, Wrong> {
    let found = fields.first().copied().unwrap_or_default();
    found.parse().map_err(|_| Wrong::Run { found: short(found) })
}

/// The fields of an H line, the first of which is the run. A run without minutes before has no history.
pub(crate) fn history(fields: &[&str]) -> Result<Option<History>, Wrong> {
    let [_, minutes, requests, errors, zones, chi2, df, mean, variance, window_mean, window_variance] =
        *fields
    else {
        return Err(Wrong::Fields { found: fields.len(), expected: 11, form: HISTORY });
    };
    let (minutes, zones) = (small("hist_minutes", minutes)?, small("azs", zones)?);
    let (requests, errors) = (whole("hist_req", requests, u64::MAX)?, whole("hist_err", errors, u64::MAX)?);
    if errors > requests {
        return Err(Wrong::MoreErrorsThanRequests { arm: "history", errors, requests });
    }
    let split = Split { chi_squared: number("chi2_sum", chi2)?, degrees: number("chi2_df", df)? };
    let history = History {
        minutes,
        requests,
        events: errors,
        minute_mean: number("min_mean", mean)?,
        minute_variance: number("min_var", variance)?,
        window_mean: number("w10_mean", window_mean)?,
        window_variance: number("w10_var", window_variance)?,
        split: (zones > 1).then_some(split),
    };
    Ok((minutes > 0).then_some(history))
}

/// The fields of an M line, the first of which is the run.
pub(crate) fn minute(fields: &[&str]) -> Result<MinuteLine, Wrong> {
    let [_, minute, step, weight, canary, canary_errors, baseline, baseline_errors] = *fields else {
        return Err(Wrong::Fields { found: fields.len(), expected: 8, form: MINUTE });
    };
    let share = number("weight", weight).ok().filter(|weight| *weight <= 100.0);
    Ok(MinuteLine {
        minute: small("minute", minute)?,
        step: small("step", step)?,
        weight: share.ok_or_else(|| Wrong::Weight { found: short(weight) })?,
        canary: tally("canary", ("c_req", canary), ("c_err", canary_errors))?,
        baseline: tally("baseline", ("b_req", baseline), ("b_err", baseline_errors))?,
    })
}

type Field<'a> = (&'static str, &'a str);

fn tally(arm: &'static str, requests: Field<'_>, errors: Field<'_>) -> Result<Tally, Wrong> {
    let count = |(name, text)| whole(name, text, MAX_REQUESTS);
    let (requests, errors) = (count(requests)?, count(errors)?);
    if errors > requests {
        return Err(Wrong::MoreErrorsThanRequests { arm, errors, requests });
    }
    Ok(Tally { requests, events: errors })
}

/// A whole number, which may be written like `3.0` or `1e3`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole, not negative and below 2^53"
)]
fn whole(name: &'static str, text: &str, most: u64) -> Result<u64, Wrong> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let written = text.parse::<u64>().ok();
    let float = || text.parse::<f64>().ok().filter(|x| (0.0..EXACT).contains(x) && x.fract() <= 0.0);
    let count = written.or_else(|| float().map(|x| x as u64));
    count.filter(|count| *count <= most).ok_or_else(|| Wrong::Count { name, found: short(text) })
}

fn small(name: &'static str, text: &str) -> Result<u32, Wrong> {
    let count = whole(name, text, MAX_REQUESTS)?;
    u32::try_from(count).map_err(|_| Wrong::Count { name, found: short(text) })
}

fn number(name: &'static str, text: &str) -> Result<f64, Wrong> {
    let number = text.parse::<f64>().ok().filter(|x| x.is_finite() && *x >= 0.0);
    number.ok_or_else(|| Wrong::Number { name, found: short(text) })
}

/// The beginning of what was written, for a message.
pub(crate) fn short(text: &str) -> String {
    text.trim().chars().take(40).collect()
}
