//! One rollout's traffic and errors, before any judge looks at it.

use std::collections::HashMap;

use crate::{
    cells::{Cell, Noise},
    play::Counted,
    protocol::{Counts, History},
    random::{Random, random},
};

/// Minutes of history.
pub const HISTORY: u32 = 360;
const ZONES: usize = 3;
/// Minutes of a rollout that have numbers.
const MOST: u32 = 90;

/// The strengths of the noise models. The defaults give the published false rollbacks (mean / worst cell, percent):
/// Fisher's test 2.1/5.9, 12/55, 62/74, 25/57, 17/77 for 1.8/4.7, 12/53, 60/74, 22/56, 17/80, and the alarm at 1 %
/// 25/96, 20/75, 97/100, 18/95, 23/86 for 26/97, 19/68, 97/100, 21/97, 26/89.
#[derive(Clone, Copy, Debug)]
pub struct Strengths {
    /// Shared noise: standard deviation of the logarithm of the rate, and its correlation from minute to minute.
    pub shared_sigma: f64,
    pub shared_memory: f64,
    /// Shared outage: the chance that a rollout has one, its minutes (least and most), and the error rate that it adds
    /// (least and most, uniform in the logarithm).
    pub outage_chance: f64,
    pub outage_minutes: (u32, u32),
    pub outage_rate: (f64, f64),
    /// The chance that the history has one as well.
    pub outage_in_history: f64,
    /// Clustered: mean size of a burst, geometric.
    pub burst: f64,
    /// Arm noise: standard deviation of the logarithm of each arm's rate in each zone and minute.
    pub arm_sigma: f64,
}

impl Default for Strengths {
    fn default() -> Self {
        Self {
            shared_sigma: 0.7,
            shared_memory: 0.8,
            outage_chance: 1.0,
            outage_minutes: (3, 3),
            outage_rate: (0.3, 0.3),
            outage_in_history: 0.0,
            burst: 5.0,
            arm_sigma: 1.0,
        }
    }
}

/// What names a run's random numbers.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    pub seed: u64,
    pub run: u64,
}

/// One rollout.
pub struct World {
    cell: Cell,
    strengths: Strengths,
    words: Vec<u64>,
    /// Per minute of history and rollout, what both arms share: a factor and an addition to the error rate.
    shared: Vec<(f64, f64)>,
    drawn: HashMap<(u32, u32), (Counts, Counts)>,
}

impl World {
    pub fn new(cell: Cell, strengths: Strengths, seed: Seed) -> Self {
        let mut words = vec![seed.seed, seed.run];
        words.extend(cell.words());
        let mut rng = random(&[&words[..], &[1]].concat());
        let shared = shared(&cell, &strengths, &mut rng);
        Self { cell, strengths, words, shared, drawn: HashMap::new() }
    }

    fn stream(&self, which: &[u64]) -> Random {
        random(&[&self.words[..], which].concat())
    }

    fn traffic(&self, at: u32) -> f64 {
        let per_minute = self.cell.rate * 60.0;
        match self.cell.noise {
            Noise::Diurnal => {
                let wave = (f64::from(at) / 1440.0 * std::f64::consts::TAU).sin();
                per_minute * (1.0 + 0.7 * wave)
            }
            Noise::TrafficStep if at >= HISTORY + 7 => per_minute * 2.0,
            _ => per_minute,
        }
    }

    /// The error rate that the arms share at this minute of history and rollout.
    fn rate(&self, base: f64, at: u32) -> f64 {
        let (factor, more) = self.shared[at as usize];
        (base * factor + more).clamp(0.0, 1.0)
    }

    /// Errors among the requests of one arm, split over zones.
    fn errors(
        &self,
        rng: &mut Random,
        requests: [u64; ZONES],
        rate: f64,
        arm: usize,
        at: u32,
    ) -> [u64; ZONES] {
        let mut errors = [0; ZONES];
        let burst = match self.cell.noise {
            Noise::Clustered => Some(self.strengths.burst),
            Noise::BigClusters => Some(15.0),
            Noise::NewClusters if at >= HISTORY => Some(self.strengths.burst),
            _ => None,
        };
        let slow =
            (self.cell.noise == Noise::SlowArms).then(|| self.stream(&[7, arm as u64, u64::from(at / 10)]));
        let mut slow = slow;
        for (zone, (errors, requests)) in errors.iter_mut().zip(requests).enumerate() {
            let factor = match self.cell.noise {
                Noise::Arms => rng.log_normal(self.strengths.arm_sigma),
                Noise::SlowArms => slow.as_mut().map_or(1.0, |s| s.log_normal(self.strengths.arm_sigma)),
                Noise::BadZone if zone == 0 => 5.0,
                _ => 1.0,
            };
            let chance = (rate * factor).min(1.0);
            *errors = match burst {
                None => rng.binomial(requests, chance),
                Some(mean) => {
                    let bursts = rng.poisson(requests as f64 * chance / mean);
                    (0..bursts).map(|_| rng.geometric(mean)).sum::<u64>().min(requests)
                }
            };
        }
        errors
    }

    fn arm(&self, rng: &mut Random, requests: f64, rate: f64, arm: usize, at: u32) -> Counts {
        if requests <= 0.0 {
            return Counts::default();
        }
        let split = matches!(self.cell.noise, Noise::Arms | Noise::SlowArms | Noise::BadZone);
        if split {
            let zones = [(); ZONES].map(|()| rng.poisson(requests / ZONES as f64));
            let errors = self.errors(rng, zones, rate, arm, at);
            return Counts { requests: zones.iter().sum(), errors: errors.iter().sum() };
        }
        let all = rng.poisson(requests);
        let errors = self.errors(rng, [all, 0, 0], rate, arm, at);
        Counts { requests: all, errors: errors.iter().sum() }
    }

    /// What a judge may know before.
    pub fn history(&self) -> History {
        let mut rng = self.stream(&[2]);
        let mut history = History { minutes: HISTORY, zones: ZONES as u32, ..History::default() };
        let mut minutes = Vec::with_capacity(HISTORY as usize);
        for at in 0..HISTORY {
            let each = self.traffic(at) / ZONES as f64;
            let requests = [(); ZONES].map(|()| rng.poisson(each));
            let errors = self.errors(&mut rng, requests, self.rate(self.cell.p0, at), 1, at);
            let (all, failed): (u64, u64) = (requests.iter().sum(), errors.iter().sum());
            history.requests += all;
            history.errors += failed;
            minutes.push(failed as f64);
            if failed > 0 && all > 0 {
                let mut zones = 0;
                for (requests, errors) in requests.into_iter().zip(errors) {
                    let expected = failed as f64 * requests as f64 / all as f64;
                    if expected > 0.0 {
                        history.chi2_sum += (errors as f64 - expected).powi(2) / expected;
                        zones += 1;
                    }
                }
                history.chi2_df += u64::saturating_sub(zones, 1);
            }
        }
        (history.minute_mean, history.minute_variance) = moments(&minutes);
        let windows: Vec<f64> = minutes.chunks_exact(10).map(|window| window.iter().sum()).collect();
        (history.window_mean, history.window_variance) = moments(&windows);
        history
    }

    /// Excess failures that the canary causes with this many minutes of full traffic, on average.
    pub fn bad(cell: &Cell, exposure: f64) -> f64 {
        (cell.p1(u32::MAX / 2) - cell.p0) * cell.rate * 60.0 * exposure
    }
}

fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0))
}

fn shared(cell: &Cell, strengths: &Strengths, rng: &mut Random) -> Vec<(f64, f64)> {
    let mut shared = vec![(1.0, 0.0); (HISTORY + MOST) as usize];
    match cell.noise {
        Noise::SharedRate => {
            let (sigma, memory) = (strengths.shared_sigma, strengths.shared_memory);
            let mut z = rng.normal();
            for (factor, _) in &mut shared {
                *factor = (sigma * z - sigma * sigma / 2.0).exp();
                z = memory * z + (1.0 - memory * memory).sqrt() * rng.normal();
            }
        }
        Noise::SharedOutage => {
            if rng.uniform() < strengths.outage_chance {
                outage(&mut shared, strengths, rng, HISTORY, 13);
            }
            if rng.uniform() < strengths.outage_in_history {
                outage(&mut shared, strengths, rng, 0, HISTORY);
            }
        }
        Noise::PastOutage => outage(&mut shared, strengths, rng, 0, HISTORY),
        Noise::Ramp => {
            for (index, (factor, _)) in shared.iter_mut().enumerate() {
                *factor = 1.0 + 4.0 * (index as f64 - f64::from(HISTORY)).clamp(0.0, 13.0) / 13.0;
            }
        }
        Noise::TrafficStep => shared.iter_mut().skip(HISTORY as usize + 7).for_each(|(f, _)| *f = 2.0),
        _ => {}
    }
    shared
}

fn outage(shared: &mut [(f64, f64)], strengths: &Strengths, rng: &mut Random, first: u32, within: u32) {
    let (least, most) = strengths.outage_minutes;
    let length = least + rng.below(most - least + 1);
    let start = first + rng.below(within + 1 - length.min(within));
    let (low, high) = strengths.outage_rate;
    let rate = (low.ln() + (high.ln() - low.ln()) * rng.uniform()).exp();
    for (_, more) in shared.iter_mut().skip(start as usize).take(length as usize) {
        *more = rate;
    }
}

impl Counted for World {
    fn counts(&mut self, minute: u32, weight: u32) -> (Counts, Counts) {
        if let Some(known) = self.drawn.get(&(minute, weight)) {
            return *known;
        }
        let at = (HISTORY + minute).min(HISTORY + MOST - 1);
        let mut rng = self.stream(&[3, u64::from(minute), u64::from(weight)]);
        let share = f64::from(weight) / 100.0;
        let traffic = self.traffic(at);
        let bias = if self.cell.noise == Noise::ArmBias { 1.1 } else { 1.0 };
        let canary = self.rate(self.cell.p1(minute) * bias, at);
        let baseline = self.rate(self.cell.p0, at);
        let counts = (
            self.arm(&mut rng, traffic * share, canary, 0, at),
            self.arm(&mut rng, traffic * (1.0 - share), baseline, 1, at),
        );
        self.drawn.insert((minute, weight), counts);
        counts
    }
}

impl Strengths {
    /// Reads `name=value`.
    pub fn setting(text: &str) -> Result<(String, f64), String> {
        let (name, value) = text.split_once('=').ok_or("write `name=value`")?;
        let value = value.parse().map_err(|_| format!("{value} is not a number"))?;
        Self::default().set(name, value)?;
        Ok((name.to_owned(), value))
    }

    /// Changes one strength.
    pub fn set(&mut self, name: &str, value: f64) -> Result<(), String> {
        match name {
            "shared-sigma" => self.shared_sigma = value,
            "shared-memory" => self.shared_memory = value,
            "outage-chance" => self.outage_chance = value,
            "outage-least" => self.outage_minutes.0 = value as u32,
            "outage-most" => self.outage_minutes.1 = value as u32,
            "outage-low" => self.outage_rate.0 = value,
            "outage-high" => self.outage_rate.1 = value,
            "outage-history" => self.outage_in_history = value,
            "burst" => self.burst = value,
            "arm-sigma" => self.arm_sigma = value,
            _ => return Err(format!("`{name}` is not a strength: see the fields of Strengths")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::Canary;

    fn world(noise: Noise, run: u64) -> World {
        let cell = Cell { rate: 50.0, p0: 0.01, canary: Canary::Times(2.0), noise };
        World::new(cell, Strengths::default(), Seed { seed: 1, run })
    }

    #[test]
    fn the_same_question_has_the_same_answer_whoever_asked_before() {
        let (mut one, mut other) = (world(Noise::Arms, 3), world(Noise::Arms, 3));
        let first = one.counts(4, 10);
        other.counts(9, 50);
        assert_eq!(other.history(), one.history());
        assert_eq!(other.counts(4, 10), first);
        assert_ne!(world(Noise::Arms, 4).counts(4, 10), first);
    }

    #[test]
    fn rates_are_what_the_cell_says() {
        for noise in Noise::LISTED.into_iter().filter(|noise| *noise != Noise::SharedOutage) {
            let (mut canary, mut baseline) = ((0.0, 0.0), (0.0, 0.0));
            for run in 0..2000 {
                let (c, b) = world(noise, run).counts(6, 25);
                canary = (canary.0 + c.requests as f64, canary.1 + c.errors as f64);
                baseline = (baseline.0 + b.requests as f64, baseline.1 + b.errors as f64);
            }
            assert!((canary.0 / 2000.0 - 750.0).abs() < 5.0, "{noise:?} {canary:?}");
            assert!((baseline.0 / 2000.0 - 2250.0).abs() < 8.0, "{noise:?} {baseline:?}");
            let (worse, even) = (canary.1 / canary.0, baseline.1 / baseline.0);
            assert!((worse - 0.02).abs() < 0.002 && (even - 0.01).abs() < 0.001, "{noise:?} {worse} {even}");
        }
    }

    /// A burst of geometric size with mean m has dispersion 2m - 1.
    #[test]
    fn a_history_shows_its_dispersion_over_zones() {
        let phi = |noise| {
            let all = (0..20).map(|run| world(noise, run).history());
            let (sum, df) = all.fold((0.0, 0), |sum, h| (sum.0 + h.chi2_sum, sum.1 + h.chi2_df));
            sum / df as f64
        };
        assert!((phi(Noise::Independent) - 1.0).abs() < 0.05);
        assert!((phi(Noise::SharedRate) - 1.0).abs() < 0.05);
        let clustered = phi(Noise::Clustered);
        assert!((6.0..10.0).contains(&clustered), "{clustered}");
        assert!(phi(Noise::Arms) > 2.0);
    }

    #[test]
    fn nobody_serves_the_baseline_at_full_weight() {
        let (canary, baseline) = world(Noise::Independent, 0).counts(12, 100);
        assert!(canary.requests > 2500 && baseline == Counts::default());
    }
}
