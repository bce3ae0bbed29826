use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::window::is_on_minute;

/// The most requests one arm can have in one minute: 16 million a second.
pub const MAX_REQUESTS: u64 = 1_000_000_000;
/// The most minutes one judgement can see: a week.
pub const MAX_MINUTES: usize = 10_080;

/// Why evidence was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// More errors than requests.
    #[error(
        "{errors} errors in {requests} requests: count errors among the requests of the same arm and minute"
    )]
    MoreErrorsThanRequests {
        /// Errors.
        errors: u64,
        /// Requests.
        requests: u64,
    },
    /// More slow requests than requests.
    #[error("{slow} slow of {requests} requests: count slow requests among those of the same arm and minute")]
    MoreSlowThanRequests {
        /// Slow requests.
        slow: u64,
        /// Requests.
        requests: u64,
    },
    /// More requests than can be counted.
    #[error("{requests} requests are more than the {most} that can be judged: check the metric's unit")]
    TooManyRequests {
        /// Requests.
        requests: u64,
        /// The limit.
        most: u64,
    },
    /// A minute that begins within a minute.
    #[error("{start} is not the start of a minute: align the query's period to 60 seconds")]
    NotOnMinute {
        /// The start that was given.
        start: Timestamp,
    },
    /// Minutes out of order, or one twice.
    #[error("minute {next} follows minute {before}: sort the minutes by start and give each once")]
    NotAscending {
        /// The minute before.
        before: Timestamp,
        /// The minute that should be later.
        next: Timestamp,
    },
    /// A value that is not a number.
    #[error("{value} is not a value that can be compared: publish a finite number, or nothing")]
    NotFinite {
        /// What was given.
        value: String,
    },
    /// A minute that no clock can show.
    #[error("minute {minute} since 1970 is no time: give whole minutes since 1970-01-01T00:00Z")]
    NotATime {
        /// What was given.
        minute: i64,
    },
    /// A step before the one of the minutes before it.
    #[error("a minute of step {next} follows one of step {before}: steps only rise")]
    StepBack {
        /// The step of the minutes before.
        before: u16,
        /// The step that should be later.
        next: u16,
    },
    /// A window longer than a week.
    #[error(
        "{minutes} minutes are more than the {MAX_MINUTES} that can be judged: shorten the step's bake time"
    )]
    TooManyMinutes {
        /// How many.
        minutes: usize,
    },
}

/// What one arm said of one of the policy's further metrics in one minute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sample {
    /// Events among so many things that could have been one.
    Count {
        /// Events.
        events: u64,
        /// Of how many.
        of: u64,
    },
    /// A value, finite.
    Value(f64),
    /// Nothing was published.
    Missing,
}

impl Sample {
    /// Counts add up; of two values the mean stands for both.
    fn plus(self, later: Self) -> Self {
        match (self, later) {
            (Self::Count { events: x, of: n }, Self::Count { events: y, of: m }) => {
                Self::Count { events: x + y, of: n + m }
            }
            (Self::Value(left), Self::Value(right)) => Self::Value(f64::midpoint(left, right)),
            (known, Self::Missing) | (Self::Missing, known) => known,
            (_, later) => later,
        }
    }
}

/// What one arm served in one minute: requests, errors among them, where they are counted requests slower than the
/// policy's latency objective, and the policy's further metrics in its order. Stored as a list, for there are many.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "RawArm", into = "RawArm")]
pub struct Arm {
    requests: u64,
    errors: u64,
    slow: Option<u64>,
    further: Vec<Sample>,
}

type RawArm = (u64, u64, Option<u64>, Vec<Sample>);

impl TryFrom<RawArm> for Arm {
    type Error = EvidenceError;

    fn try_from((requests, errors, slow, further): RawArm) -> Result<Self, EvidenceError> {
        Self::new(requests, errors, slow)?.with(further)
    }
}

impl From<Arm> for RawArm {
    fn from(arm: Arm) -> Self {
        (arm.requests, arm.errors, arm.slow, arm.further)
    }
}

impl Arm {
    /// An arm that served nothing.
    pub const IDLE: Self = Self { requests: 0, errors: 0, slow: None, further: Vec::new() };

    /// What an arm served. `slow` is `None` when slow requests are not counted. Requests without an error metric
    /// mean zero errors: load balancers publish error counts only when they are not zero.
    pub fn new(requests: u64, errors: u64, slow: Option<u64>) -> Result<Self, EvidenceError> {
        check(requests, errors, slow, MAX_REQUESTS)?;
        Ok(Self { requests, errors, slow, further: Vec::new() })
    }

    /// The same, with the policy's further metrics.
    pub fn with(self, further: Vec<Sample>) -> Result<Self, EvidenceError> {
        for sample in &further {
            match *sample {
                Sample::Count { events, of } => check(of, events, None, MAX_REQUESTS)?,
                Sample::Value(value) if !value.is_finite() => {
                    return Err(EvidenceError::NotFinite { value: value.to_string() });
                }
                Sample::Value(_) | Sample::Missing => {}
            }
        }
        Ok(Self { further, ..self })
    }

    /// Requests.
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Errors among the requests.
    pub const fn errors(&self) -> u64 {
        self.errors
    }

    /// Slow requests, if they are known: an arm without requests has none.
    pub const fn slow(&self) -> Option<u64> {
        if self.requests == 0 { Some(0) } else { self.slow }
    }

    fn plus(&self, later: &Self) -> Option<Self> {
        let requests = self.requests + later.requests;
        let slow = self.slow().zip(later.slow()).map(|(left, right)| left + right);
        let further =
            self.further.iter().zip(&later.further).map(|(left, right)| left.plus(*right)).collect();
        Self::new(requests, self.errors + later.errors, slow).and_then(|sum| sum.with(further)).ok()
    }

    /// What it says of the policy's further metric at this place.
    pub fn further(&self, place: usize) -> Sample {
        self.further.get(place).copied().unwrap_or(Sample::Missing)
    }
}

fn check(requests: u64, errors: u64, slow: Option<u64>, most: u64) -> Result<(), EvidenceError> {
    if requests > most {
        return Err(EvidenceError::TooManyRequests { requests, most });
    }
    if errors > requests {
        return Err(EvidenceError::MoreErrorsThanRequests { errors, requests });
    }
    match slow {
        Some(slow) if slow > requests => Err(EvidenceError::MoreSlowThanRequests { slow, requests }),
        _ => Ok(()),
    }
}

/// One closed minute of both arms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "RawMinute", into = "RawMinute")]
pub struct Minute {
    start: Timestamp,
    canary: Arm,
    baseline: Arm,
}

/// Minutes since 1970, the canary, the baseline.
type RawMinute = (i64, Arm, Arm);

impl TryFrom<RawMinute> for Minute {
    type Error = EvidenceError;

    fn try_from((minute, canary, baseline): RawMinute) -> Result<Self, EvidenceError> {
        let start = minute.checked_mul(60).and_then(|second| Timestamp::from_second(second).ok());
        Self::new(start.ok_or(EvidenceError::NotATime { minute })?, canary, baseline)
    }
}

impl From<Minute> for RawMinute {
    fn from(minute: Minute) -> Self {
        (minute.start.as_second() / 60, minute.canary, minute.baseline)
    }
}

impl Minute {
    /// The minute that begins at `start`, which must be on the minute.
    pub fn new(start: Timestamp, canary: Arm, baseline: Arm) -> Result<Self, EvidenceError> {
        if is_on_minute(start) {
            Ok(Self { start, canary, baseline })
        } else {
            Err(EvidenceError::NotOnMinute { start })
        }
    }

    /// Two minutes as one that begins with the first; `None` where that would be more than can be counted.
    pub(crate) fn plus(&self, later: &Self) -> Option<Self> {
        let (canary, baseline) = (self.canary.plus(&later.canary)?, self.baseline.plus(&later.baseline)?);
        Some(Self { start: self.start, canary, baseline })
    }

    /// When it begins.
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// What the canary served.
    pub const fn canary(&self) -> &Arm {
        &self.canary
    }

    /// What the baseline served.
    pub const fn baseline(&self) -> &Arm {
        &self.baseline
    }
}

/// Closed minutes: ascending, none twice. A minute that is left out carried no requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Minute>", into = "Vec<Minute>")]
pub struct Minutes(Vec<Minute>);

impl TryFrom<Vec<Minute>> for Minutes {
    type Error = EvidenceError;

    fn try_from(minutes: Vec<Minute>) -> Result<Self, EvidenceError> {
        Self::new(minutes)
    }
}

impl From<Minutes> for Vec<Minute> {
    fn from(minutes: Minutes) -> Self {
        minutes.0
    }
}

impl Minutes {
    /// The minutes, if they ascend.
    pub fn new(minutes: Vec<Minute>) -> Result<Self, EvidenceError> {
        if minutes.len() > MAX_MINUTES {
            return Err(EvidenceError::TooManyMinutes { minutes: minutes.len() });
        }
        let unordered =
            minutes.iter().zip(minutes.iter().skip(1)).find(|(before, next)| next.start <= before.start);
        match unordered {
            Some((before, next)) => {
                Err(EvidenceError::NotAscending { before: before.start, next: next.start })
            }
            None => Ok(Self(minutes)),
        }
    }

    /// The minutes in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Minute> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Minutes {
    type Item = &'a Minute;
    type IntoIter = std::slice::Iter<'a, Minute>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What a look has found: its closed minutes, or that they could not be read. Three things that look alike stay
/// apart: requests without errors are zero errors; no requests are no data; a source out of reach is lost protection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The counted minutes that were asked for, during which the weight did not change.
    Minutes(Minutes),
    /// The source could not be read: nothing is known, not even that there were no requests.
    SourceDown {
        /// What went wrong.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn counts_must_fit_their_requests() {
        assert_eq!(
            Arm::new(5, 6, None),
            Err(EvidenceError::MoreErrorsThanRequests { errors: 6, requests: 5 })
        );
        assert_eq!(
            Arm::new(5, 5, Some(6)),
            Err(EvidenceError::MoreSlowThanRequests { slow: 6, requests: 5 })
        );
        assert!(Arm::new(MAX_REQUESTS, 0, None).is_ok());
        assert!(Arm::new(MAX_REQUESTS + 1, 0, None).is_err());
        let refused = serde_json::from_str::<Arm>("[1,2,null,[]]").unwrap_err().to_string();
        assert!(refused.contains("2 errors in 1 requests"), "{refused}");
        for bad in
            ["[1,-1,null,[]]", "[1,1]", r#"[1,1,null,[{"count":{"events":2,"of":1}}]]"#, "[NaN,1,null,[]]"]
        {
            assert!(serde_json::from_str::<Arm>(bad).is_err(), "{bad}");
        }
        assert!(Arm::IDLE.with(vec![Sample::Value(f64::NAN)]).is_err());
    }

    #[test]
    fn an_idle_arm_has_no_slow_requests_and_a_busy_one_may_not_know() {
        assert_eq!(Arm::IDLE.slow(), Some(0));
        assert_eq!(Arm::new(1, 0, None).unwrap().slow(), None);
    }

    #[test]
    fn minutes_are_on_the_minute_and_ascend() {
        let minute = |text| Minute::new(at(text), Arm::IDLE, Arm::IDLE);
        assert!(minute("2026-01-01T00:00:00.5Z").is_err());
        assert!(minute("2026-01-01T00:00:30Z").is_err());
        let (first, third) =
            (minute("2026-01-01T00:00:00Z").unwrap(), minute("2026-01-01T00:02:00Z").unwrap());
        assert!(Minutes::new(vec![first.clone(), third.clone()]).is_ok());
        assert!(Minutes::new(vec![first.clone(), first.clone()]).is_err());
        assert_eq!(
            Minutes::new(vec![third, first]).unwrap_err().to_string(),
            "minute 2026-01-01T00:00:00Z follows minute 2026-01-01T00:02:00Z: sort the minutes by start and give each once"
        );
        let text = "[[2,[1,0,null,[]],[0,0,null,[]]],[1,[1,0,null,[]],[0,0,null,[]]]]";
        assert!(serde_json::from_str::<Minutes>(text).unwrap_err().to_string().contains("sort the minutes"));
    }

    #[test]
    fn evidence_survives_the_wire() {
        let minute = Minute::new(
            at("2026-01-01T00:00:00Z"),
            Arm::new(10, 1, Some(2)).unwrap(),
            Arm::new(90, 0, None).unwrap(),
        );
        let minutes = Minutes::new(vec![minute.unwrap()]).unwrap();
        for evidence in [Evidence::Minutes(minutes), Evidence::SourceDown { reason: "throttled".into() }] {
            let text = serde_json::to_string(&evidence).unwrap();
            assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), evidence);
        }
    }
}
