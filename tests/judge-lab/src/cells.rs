//! The workloads: what a cell is, and which ones there are.

use std::fmt;

/// How the errors of a cell come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Noise {
    Independent,
    SharedRate,
    SharedOutage,
    Clustered,
    Arms,
    /// Traffic with a daily wave, and a rate that follows it.
    Diurnal,
    /// The canary has 1.1 times the baseline's rate for good.
    ArmBias,
    /// A third of all targets, in one zone, fail five times as often.
    BadZone,
    /// The rate of both arms climbs to five times during the rollout.
    Ramp,
    /// Bursts, in a service that had none of them in its history.
    NewClusters,
    /// An outage in the history, none in the rollout.
    PastOutage,
    /// Traffic doubles in the middle of the rollout, and the rate with it.
    TrafficStep,
    /// Bursts of fifteen.
    BigClusters,
    /// Arm noise that stays for ten minutes.
    SlowArms,
}

impl Noise {
    /// Those of judge.md.
    pub const LISTED: [Self; 5] =
        [Self::Independent, Self::SharedRate, Self::SharedOutage, Self::Clustered, Self::Arms];
    pub const UNLISTED: [Self; 9] = [
        Self::Diurnal,
        Self::ArmBias,
        Self::BadZone,
        Self::Ramp,
        Self::NewClusters,
        Self::PastOutage,
        Self::TrafficStep,
        Self::BigClusters,
        Self::SlowArms,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Independent => "independent",
            Self::SharedRate => "shared-noise",
            Self::SharedOutage => "shared-outage",
            Self::Clustered => "clustered",
            Self::Arms => "arm-noise",
            Self::Diurnal => "diurnal",
            Self::ArmBias => "arm-bias",
            Self::BadZone => "bad-zone",
            Self::Ramp => "ramp",
            Self::NewClusters => "new-clusters",
            Self::PastOutage => "past-outage",
            Self::TrafficStep => "traffic-step",
            Self::BigClusters => "big-clusters",
            Self::SlowArms => "slow-arm-noise",
        }
    }
}

/// What the new version does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Canary {
    /// This many times the baseline's rate.
    Times(f64),
    /// Every request fails.
    Dead,
    /// As good as the baseline until minute 6, then one more time the baseline's rate in every minute.
    Leak,
}

impl fmt::Display for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(ratio) => write!(f, "{ratio}x"),
            Self::Dead => write!(f, "dead"),
            Self::Leak => write!(f, "leak"),
        }
    }
}

/// One workload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Requests per second.
    pub rate: f64,
    /// The baseline's error rate.
    pub p0: f64,
    pub canary: Canary,
    pub noise: Noise,
}

impl Cell {
    /// The canary's error rate in a minute, before noise.
    pub fn p1(&self, minute: u32) -> f64 {
        match self.canary {
            Canary::Times(ratio) => (self.p0 * ratio).min(1.0),
            Canary::Dead => 1.0,
            Canary::Leak => (self.p0 * (1.0 + f64::from(minute.saturating_sub(5)))).min(1.0),
        }
    }

    pub fn is_null(&self) -> bool {
        self.canary == Canary::Times(1.0)
    }

    /// Words that name its random numbers.
    pub fn words(&self) -> [u64; 4] {
        let canary = match self.canary {
            Canary::Times(ratio) => (ratio * 1e3) as u64,
            Canary::Dead => 1,
            Canary::Leak => 2,
        };
        [(self.rate * 1e3) as u64, (self.p0 * 1e9).round() as u64, canary, self.noise as u64]
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}rps/{}%/{}", self.noise.name(), self.rate, self.p0 * 100.0, self.canary)
    }
}

pub const RATES: [f64; 4] = [0.5, 5.0, 50.0, 500.0];
pub const BASES: [f64; 3] = [1e-4, 1e-3, 1e-2];
pub const EFFECTS: [Canary; 5] =
    [Canary::Times(1.5), Canary::Times(2.0), Canary::Times(5.0), Canary::Times(10.0), Canary::Dead];

fn grid(noise: Noise, canary: Canary) -> impl Iterator<Item = Cell> {
    RATES.into_iter().flat_map(move |rate| BASES.into_iter().map(move |p0| Cell { rate, p0, canary, noise }))
}

/// The 60 null cells and the 60 cells with a worse canary, and the others on demand.
pub fn cells(unlisted: bool) -> Vec<Cell> {
    let mut all: Vec<Cell> = Noise::LISTED.into_iter().flat_map(|n| grid(n, Canary::Times(1.0))).collect();
    all.extend(EFFECTS.into_iter().flat_map(|effect| grid(Noise::Independent, effect)));
    if unlisted {
        all.extend(Noise::UNLISTED.into_iter().flat_map(|n| grid(n, Canary::Times(1.0))));
        all.extend(grid(Noise::Independent, Canary::Leak));
        for noise in [Noise::SharedRate, Noise::SharedOutage, Noise::Clustered, Noise::Arms] {
            for effect in [Canary::Times(2.0), Canary::Times(5.0), Canary::Dead] {
                all.extend(grid(noise, effect));
            }
        }
    }
    all
}
