use jiff::Timestamp;
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
    /// A window longer than a week.
    #[error(
        "{minutes} minutes are more than the {MAX_MINUTES} that can be judged: shorten the step's bake time"
    )]
    TooManyMinutes {
        /// How many.
        minutes: usize,
    },
}

/// What one arm served in one minute: requests, errors among them, and, where they are counted, requests slower than
/// the policy's latency objective.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawArm")]
pub struct Arm {
    requests: u64,
    errors: u64,
    slow: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawArm {
    requests: u64,
    errors: u64,
    #[serde(default)]
    slow: Option<u64>,
}

impl TryFrom<RawArm> for Arm {
    type Error = EvidenceError;

    fn try_from(raw: RawArm) -> Result<Self, EvidenceError> {
        Self::new(raw.requests, raw.errors, raw.slow)
    }
}

impl Arm {
    /// An arm that served nothing.
    pub const IDLE: Self = Self { requests: 0, errors: 0, slow: None };

    /// What an arm served. `slow` is `None` when slow requests are not counted. Requests without an error metric
    /// mean zero errors: load balancers publish error counts only when they are not zero.
    pub fn new(requests: u64, errors: u64, slow: Option<u64>) -> Result<Self, EvidenceError> {
        check(requests, errors, slow, MAX_REQUESTS)?;
        Ok(Self { requests, errors, slow })
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawMinute")]
pub struct Minute {
    start: Timestamp,
    canary: Arm,
    baseline: Arm,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMinute {
    start: Timestamp,
    canary: Arm,
    baseline: Arm,
}

impl TryFrom<RawMinute> for Minute {
    type Error = EvidenceError;

    fn try_from(raw: RawMinute) -> Result<Self, EvidenceError> {
        Self::new(raw.start, raw.canary, raw.baseline)
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

/// What the baseline served in the earlier steps of the same rollout, for the step that leaves no baseline beside the
/// canary (weight 100). It is not concurrent: an outage that both versions would have shared blames the canary. That is
/// still better than nothing, for the other choice is no comparison when all traffic is at stake; keep a few percent on
/// the old version in the last step to be rid of it. A minute given here must not be among the judged minutes too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawArm")]
pub struct Reference {
    requests: u64,
    errors: u64,
    slow: Option<u64>,
}

impl TryFrom<RawArm> for Reference {
    type Error = EvidenceError;

    fn try_from(raw: RawArm) -> Result<Self, EvidenceError> {
        Self::new(raw.requests, raw.errors, raw.slow)
    }
}

impl Reference {
    /// Counts over all earlier steps; at most a week of [`MAX_REQUESTS`].
    pub fn new(requests: u64, errors: u64, slow: Option<u64>) -> Result<Self, EvidenceError> {
        check(requests, errors, slow, MAX_REQUESTS * MAX_MINUTES as u64)?;
        Ok(Self { requests, errors, slow })
    }

    /// Requests.
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Errors among the requests.
    pub const fn errors(&self) -> u64 {
        self.errors
    }

    /// Slow requests, if they were counted in every minute.
    pub const fn slow(&self) -> Option<u64> {
        self.slow
    }
}

/// The closed minutes of one step: ascending, none twice. A minute that is left out carried no requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawMinutes")]
pub struct Minutes {
    minutes: Vec<Minute>,
    reference: Option<Reference>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMinutes {
    minutes: Vec<Minute>,
    #[serde(default)]
    reference: Option<Reference>,
}

impl TryFrom<RawMinutes> for Minutes {
    type Error = EvidenceError;

    fn try_from(raw: RawMinutes) -> Result<Self, EvidenceError> {
        Ok(Self { reference: raw.reference, ..Self::new(raw.minutes)? })
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
            None => Ok(Self { minutes, reference: None }),
        }
    }

    /// The same minutes; those without baseline requests are compared with `reference`.
    #[must_use]
    pub fn with_reference(self, reference: Option<Reference>) -> Self {
        Self { reference, ..self }
    }

    /// The minutes in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Minute> {
        self.minutes.iter()
    }

    /// What minutes without baseline requests are compared with.
    pub const fn reference(&self) -> Option<&Reference> {
        self.reference.as_ref()
    }
}

impl<'a> IntoIterator for &'a Minutes {
    type Item = &'a Minute;
    type IntoIter = std::slice::Iter<'a, Minute>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What is known about a step: its closed minutes, or that they could not be read. Three things that look alike stay
/// apart: requests without errors are zero errors; no requests are no data; a source out of reach is lost protection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// All counted minutes of the current step, during which the weight did not change.
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
        assert!(Reference::new(MAX_REQUESTS + 1, 0, None).is_ok());
        assert!(Reference::new(u64::MAX, 0, None).is_err());
        let refused = serde_json::from_str::<Arm>(r#"{"requests":1,"errors":2}"#).unwrap_err().to_string();
        assert!(refused.contains("2 errors in 1 requests"), "{refused}");
        assert!(serde_json::from_str::<Arm>(r#"{"requests":1,"errors":1,"fast":1}"#).is_err());
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
        assert!(Minutes::new(vec![first, third]).is_ok());
        assert!(Minutes::new(vec![first, first]).is_err());
        assert_eq!(
            Minutes::new(vec![third, first]).unwrap_err().to_string(),
            "minute 2026-01-01T00:00:00Z follows minute 2026-01-01T00:02:00Z: sort the minutes by start and give each once"
        );
        let text = r#"{"minutes":[
            {"start":"2026-01-01T00:02:00Z","canary":{"requests":1,"errors":0},"baseline":{"requests":0,"errors":0}},
            {"start":"2026-01-01T00:01:00Z","canary":{"requests":1,"errors":0},"baseline":{"requests":0,"errors":0}}]}"#;
        assert!(serde_json::from_str::<Minutes>(text).unwrap_err().to_string().contains("sort the minutes"));
    }

    #[test]
    fn evidence_survives_the_wire() {
        let minute = Minute::new(
            at("2026-01-01T00:00:00Z"),
            Arm::new(10, 1, Some(2)).unwrap(),
            Arm::new(90, 0, None).unwrap(),
        );
        let minutes = Minutes::new(vec![minute.unwrap()])
            .unwrap()
            .with_reference(Some(Reference::new(7, 1, None).unwrap()));
        for evidence in [Evidence::Minutes(minutes), Evidence::SourceDown { reason: "throttled".into() }] {
            let text = serde_json::to_string(&evidence).unwrap();
            assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), evidence);
        }
    }
}
