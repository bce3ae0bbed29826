//! What a judge is told and what it answers: the types, and their text lines (`ace judge --stdio`).

use std::fmt;

/// Requests of one arm in one minute, and the errors among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub requests: u64,
    pub errors: u64,
}

/// What is known of the baseline before a rollout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Minutes looked back at.
    pub minutes: u32,
    /// Requests in them.
    pub requests: u64,
    /// Errors in them.
    pub errors: u64,
    /// Availability zones.
    pub zones: u32,
    /// Pearson's statistic of the split of each minute's errors over the zones, given the minute's total.
    pub chi2_sum: f64,
    /// Its degrees of freedom.
    pub chi2_df: u64,
    /// Mean and sample variance of errors per minute.
    pub minute_mean: f64,
    pub minute_variance: f64,
    /// Mean and sample variance of errors per window of ten minutes.
    pub window_mean: f64,
    pub window_variance: f64,
}

/// One closed minute of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the protocol's name")]
pub struct Minute {
    /// Minutes since the rollout began, the first is 0.
    pub minute: u32,
    /// The step in force in that minute, the first is 0.
    pub step: u32,
    /// The canary's weight in that minute, percent.
    pub weight: u32,
    pub canary: Counts,
    pub baseline: Counts,
}

/// What a judge orders at the end of a wall minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Go on with the plan.
    Continue,
    /// The step lasts one minute longer.
    Hold,
    /// The step ends now.
    Advance,
    /// The canary goes to weight 0 from the next minute on.
    RollBack,
}

/// Something that judges rollouts.
pub trait Judge: Send + Sync {
    fn name(&self) -> &str;
    fn begin(&self, history: &History) -> Box<dyn Run>;
}

/// One rollout as its judge sees it.
pub trait Run: Send {
    fn minute(&mut self, minute: &Minute) -> Action;
}

/// A line of a first block.
pub struct HistoryLine<'a>(pub usize, pub &'a History);

impl fmt::Display for HistoryLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(run, h) = self;
        write!(
            f,
            "H,{run},{},{},{},{},{},{},{},{},{},{}",
            h.minutes,
            h.requests,
            h.errors,
            h.zones,
            h.chi2_sum,
            h.chi2_df,
            h.minute_mean,
            h.minute_variance,
            h.window_mean,
            h.window_variance
        )
    }
}

/// A line of a later block.
pub struct MinuteLine<'a>(pub usize, pub &'a Minute);

impl fmt::Display for MinuteLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(run, m) = self;
        write!(
            f,
            "M,{run},{},{},{},{},{},{},{}",
            m.minute,
            m.step,
            m.weight,
            m.canary.requests,
            m.canary.errors,
            m.baseline.requests,
            m.baseline.errors
        )
    }
}

/// Reads `run,action`.
pub fn answer(line: &str) -> Result<(usize, Action), String> {
    let wrong = || format!("`{line}` is not an answer: write `run,continue|hold|advance|rollback`");
    let (run, action) = line.trim().split_once(',').ok_or_else(wrong)?;
    let action = match action {
        "continue" => Action::Continue,
        "hold" => Action::Hold,
        "advance" => Action::Advance,
        "rollback" => Action::RollBack,
        _ => return Err(wrong()),
    };
    Ok((run.parse().map_err(|_| wrong())?, action))
}

fn fields<const N: usize>(line: &str, kind: &str) -> Result<[f64; N], String> {
    let wrong = || format!("`{line}` is not a line of {N} numbers after `{kind}`");
    let rest = line.trim().strip_prefix(kind).and_then(|rest| rest.strip_prefix(',')).ok_or_else(wrong)?;
    let numbers: Result<Vec<f64>, _> = rest.split(',').map(str::parse).collect();
    numbers.map_err(|_| wrong())?.try_into().map_err(|_| wrong())
}

/// Reads a line of a first block.
pub fn history(line: &str) -> Result<(usize, History), String> {
    let all: [f64; 11] = fields(line, "H")?;
    let [run, minutes, requests, errors, zones, chi2_sum, chi2_df, minute_mean, minute_variance, ..] = all;
    let history = History {
        minutes: minutes as u32,
        requests: requests as u64,
        errors: errors as u64,
        zones: zones as u32,
        chi2_sum,
        chi2_df: chi2_df as u64,
        minute_mean,
        minute_variance,
        window_mean: all[9],
        window_variance: all[10],
    };
    Ok((run as usize, history))
}

/// Reads a line of a later block.
pub fn minute(line: &str) -> Result<(usize, Minute), String> {
    let [run, at, step, weight, canary, canary_errors, baseline, baseline_errors] = fields(line, "M")?;
    let counts = |requests: f64, errors: f64| Counts { requests: requests as u64, errors: errors as u64 };
    let minute = Minute {
        minute: at as u32,
        step: step as u32,
        weight: weight as u32,
        canary: counts(canary, canary_errors),
        baseline: counts(baseline, baseline_errors),
    };
    Ok((run as usize, minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_documented() {
        let history = History {
            minutes: 360,
            requests: 10_800,
            errors: 3,
            zones: 3,
            chi2_sum: 5.5,
            chi2_df: 6,
            ..History::default()
        };
        assert_eq!(HistoryLine(7, &history).to_string(), "H,7,360,10800,3,3,5.5,6,0,0,0,0");
        let minute = Minute {
            minute: 4,
            step: 0,
            weight: 10,
            canary: Counts { requests: 3, errors: 1 },
            baseline: Counts { requests: 27, errors: 0 },
        };
        assert_eq!(MinuteLine(7, &minute).to_string(), "M,7,4,0,10,3,1,27,0");
        assert_eq!(super::history("H,7,360,10800,3,3,5.5,6,0,0,0,0"), Ok((7, history)));
        assert_eq!(super::minute("M,7,4,0,10,3,1,27,0"), Ok((7, minute)));
        assert!(super::minute("M,7,4,0,10,3,1,27").is_err() && super::history("M,1").is_err());
        assert_eq!(answer("7,rollback\r\n"), Ok((7, Action::RollBack)));
        for wrong in ["7", "x,hold", "7,Hold", ""] {
            assert!(answer(wrong).is_err(), "{wrong}");
        }
    }
}
