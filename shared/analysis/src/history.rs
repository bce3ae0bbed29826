use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::float;
use crate::sequential::Tally;

/// What the baseline did before the rollout, in whole closed minutes, for one kind of event (errors, slow requests).
///
/// It tells three things: the rate that is usual, how steady that rate is from one ten minutes to the next, and, from
/// how the events of one minute are divided between availability zones that should be equal, how far they are from
/// being independent of each other (a free A/A test).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Minutes looked at.
    pub minutes: u32,
    /// Requests in them.
    pub requests: u64,
    /// Events among the requests.
    pub events: u64,
    /// The mean of the events of a minute.
    pub minute_mean: f64,
    /// The sample variance of the events of a minute.
    pub minute_variance: f64,
    /// The mean of the events of ten minutes.
    pub window_mean: f64,
    /// The sample variance of the events of ten minutes.
    pub window_variance: f64,
    /// How they were divided between zones; nothing where there is one zone, or zones are not counted.
    pub split: Option<Split>,
}

/// How the events of each minute were divided between zones, given the minute's total: Pearson's statistic, summed over
/// minutes, which is its degrees of freedom for independent events.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The sum over minutes and zones of (events - expected)^2 / expected.
    pub chi_squared: f64,
    /// Its degrees of freedom: zones with requests less one, summed over the minutes that had events.
    pub degrees: f64,
}

impl History {
    /// The history of minutes in a row, each as what its zones served; one zone where they are not counted. `None`
    /// without requests.
    pub fn of<Zones: AsRef<[Tally]>>(minutes: &[Zones]) -> Option<Self> {
        let total = |minute: &Zones| {
            minute.as_ref().iter().fold(Tally::default(), |sum, zone| Tally {
                requests: sum.requests + zone.requests,
                events: sum.events + zone.events,
            })
        };
        let totals: Vec<Tally> = minutes.iter().map(total).collect();
        let requests = totals.iter().map(|minute| minute.requests).sum();
        let events: Vec<f64> = totals.iter().map(|minute| float(minute.events)).collect();
        let windows: Vec<f64> = events.chunks_exact(10).map(|window| window.iter().sum()).collect();
        let (minute_mean, minute_variance) = moments(&events);
        let (window_mean, window_variance) = moments(&windows);
        (requests > 0).then(|| Self {
            minutes: u32::try_from(minutes.len()).unwrap_or(u32::MAX),
            requests,
            events: totals.iter().map(|minute| minute.events).sum(),
            minute_mean,
            minute_variance,
            window_mean,
            window_variance,
            split: Split::of(minutes),
        })
    }
}

/// Mean and sample variance; zero where there are too few.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = float(values.len() as u64);
    let mean = values.iter().sum::<f64>() / count.max(1.0);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, if count > 1.0 { squares / (count - 1.0) } else { 0.0 })
}

impl Split {
    fn of<Zones: AsRef<[Tally]>>(minutes: &[Zones]) -> Option<Self> {
        minutes.iter().find(|zones| zones.as_ref().len() > 1)?;
        let (mut chi_squared, mut degrees) = (0.0, 0.0);
        for minute in minutes.iter().map(AsRef::as_ref) {
            let events = float(minute.iter().map(|zone| zone.events).sum());
            let requests = float(minute.iter().map(|zone| zone.requests).sum());
            let serving: Vec<&Tally> = minute.iter().filter(|zone| zone.requests > 0).collect();
            if events <= 0.0 || serving.len() < 2 {
                continue;
            }
            for zone in &serving {
                let expected = events * float(zone.requests) / requests;
                chi_squared += (float(zone.events) - expected).powi(2) / expected;
            }
            degrees += float(serving.len() as u64 - 1);
        }
        Some(Self { chi_squared, degrees })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(requests: u64, events: u64) -> Tally {
        Tally { requests, events }
    }

    #[test]
    fn a_history_is_the_moments_of_its_minutes() {
        assert_eq!(History::of::<[Tally; 1]>(&[]), None);
        assert_eq!(History::of(&[vec![tally(0, 0)]]), None);
        let minutes: Vec<Vec<Tally>> = (0..20).map(|minute| vec![tally(100, minute % 2 * 4)]).collect();
        let history = History::of(&minutes).unwrap();
        assert_eq!((history.minutes, history.requests, history.events), (20, 2_000, 40));
        assert!((history.minute_mean - 2.0).abs() < 1e-12);
        assert!((history.minute_variance - 80.0 / 19.0).abs() < 1e-12);
        assert!((history.window_mean - 20.0).abs() < 1e-12 && history.window_variance.abs() < 1e-12);
        assert_eq!(history.split, None);
    }

    #[test]
    fn the_split_is_pearsons_statistic_over_zones() {
        let minutes = [
            vec![tally(100, 3), tally(100, 1)],
            vec![tally(50, 0), tally(150, 0)],
            vec![tally(10, 1), tally(0, 0)],
        ];
        let split = History::of(&minutes).unwrap().split.unwrap();
        // (3-2)^2/2 + (1-2)^2/2; a minute without events and one with a single serving zone tell nothing.
        assert!((split.chi_squared - 1.0).abs() < 1e-12 && (split.degrees - 1.0).abs() < 1e-12, "{split:?}");
    }
}
