//! What the cache knows of one secret, and what follows from it. No clock, no I/O: time is an argument.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::error::VaultError;
use crate::secret::Secret;
use crate::values::{Key, Values};
use crate::vault::{SecretName, VaultResult, Version, VersionId};

/// How long a value is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheRules {
    fresh: Duration,
    longest_age: Duration,
    pause: Duration,
}

/// Times that contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret is fresh for {fresh:?} and never used after {longest_age:?}: the second must not be shorter"
)]
pub struct InvalidRules {
    fresh: Duration,
    longest_age: Duration,
}

impl Default for CacheRules {
    /// Five minutes fresh, in an outage at most one hour old.
    fn default() -> Self {
        Self { fresh: Duration::from_mins(5), longest_age: Duration::from_hours(1), pause: Self::PAUSE }
    }
}

impl CacheRules {
    /// Time between two calls while an old value is served in an outage: readers would wait for every one of them.
    pub const PAUSE: Duration = Duration::from_secs(15);

    /// A value is read again when it is older than `fresh`, and if that is not possible used until it is older than
    /// `longest_age`. Both count from the moment that the value was asked for.
    pub fn new(fresh: Duration, longest_age: Duration) -> Result<Self, InvalidRules> {
        if longest_age < fresh {
            return Err(InvalidRules { fresh, longest_age });
        }
        Ok(Self { fresh, longest_age, pause: Self::PAUSE })
    }
}

/// A secret as the cache answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The secret.
    pub name: SecretName,
    /// Its values.
    pub values: Arc<Values>,
    /// Their version: what to name when its credential is refused, see [`Cache::refused`](crate::Cache::refused).
    pub version: VersionId,
    /// Time since the values were asked for.
    pub age: Duration,
    /// Why they are not fresh, if they are not: the failure of the last call.
    pub stale: Option<String>,
}

impl Answer {
    /// The value of a key, or an error that says where to add it.
    pub fn secret(&self, key: &Key) -> VaultResult<&Secret> {
        self.values
            .get(key.as_str())
            .ok_or_else(|| VaultError::MissingKey { name: self.name.clone(), key: key.clone() })
    }
}

#[derive(Debug)]
struct Held {
    version: Version,
    read_at: Timestamp,
}

#[derive(Debug)]
struct Failure {
    error: VaultError,
    at: Timestamp,
}

/// What a reader does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// It has its answer.
    Answered(VaultResult<Answer>),
    /// It calls.
    Call,
}

/// A call that was begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    generation: u64,
    began: Timestamp,
}

#[derive(Debug)]
pub(crate) struct State {
    name: SecretName,
    rules: CacheRules,
    held: Option<Held>,
    failure: Option<Failure>,
    /// Grows with every invalidation: what was asked for before one is not kept.
    generation: u64,
    /// Calls that have ended.
    ended: u64,
    /// The version that was read once more because it was refused, in vain.
    in_vain: Option<VersionId>,
}

/// Time since, unless the clock went back.
fn age(since: Timestamp, now: Timestamp) -> Option<Duration> {
    Duration::try_from(now.duration_since(since)).ok()
}

impl State {
    pub(crate) const fn new(name: SecretName, rules: CacheRules) -> Self {
        Self { name, rules, held: None, failure: None, generation: 0, ended: 0, in_vain: None }
    }

    /// Calls that have ended, for a reader to tell later which ones ended while it waited.
    pub(crate) const fn ended(&self) -> u64 {
        self.ended
    }

    /// What was changed must not be served any more.
    pub(crate) fn invalidate(&mut self) {
        self.generation += 1;
        self.held = None;
        self.failure = None;
        self.in_vain = None;
    }

    pub(crate) const fn begin(&self, now: Timestamp) -> Flight {
        Flight { generation: self.generation, began: now }
    }

    /// For a reader that came when `seen` calls had ended.
    pub(crate) fn next(&self, seen: u64, now: Timestamp) -> Next {
        if let Some((held, age)) = self.aged(now)
            && age < self.rules.fresh
        {
            return Next::Answered(Ok(self.answer(&held.version, age, None)));
        }
        match &self.failure {
            Some(failure) if self.ended > seen || self.pausing(failure, now) => {
                Next::Answered(self.settle(&failure.error, now))
            }
            _ => Next::Call,
        }
    }

    /// For a caller whose credential of this version was refused.
    pub(crate) fn next_after_refusal(&self, refused: &VersionId, seen: u64, now: Timestamp) -> Next {
        match &self.held {
            // It was read again since.
            Some(held) if held.version.id != *refused => return self.next(seen, now),
            Some(_) if self.in_vain.as_ref() == Some(refused) => {
                return Next::Answered(Err(self.still_refused(refused)));
            }
            _ => {}
        }
        match &self.failure {
            // The old value is of no use, so that the failure is the answer.
            Some(failure) if self.ended > seen || self.pausing(failure, now) => {
                Next::Answered(Err(failure.error.clone()))
            }
            _ => Next::Call,
        }
    }

    /// Takes what came of a call, and answers the one who made it.
    pub(crate) fn end(
        &mut self,
        flight: Flight,
        result: VaultResult<Version>,
        now: Timestamp,
    ) -> VaultResult<Answer> {
        self.ended += 1;
        let kept = flight.generation == self.generation;
        match result {
            Ok(version) => {
                let answer = self.answer(&version, age(flight.began, now).unwrap_or_default(), None);
                if kept {
                    if self.in_vain.as_ref() != Some(&version.id) {
                        self.in_vain = None;
                    }
                    self.held = Some(Held { version, read_at: flight.began });
                    self.failure = None;
                }
                Ok(answer)
            }
            Err(error) if kept => {
                if !error.is_transient() {
                    self.held = None;
                }
                let answer = self.settle(&error, now);
                self.failure = Some(Failure { error, at: now });
                answer
            }
            Err(error) => Err(error),
        }
    }

    /// The same, for a caller whose credential of version `refused` was refused.
    pub(crate) fn end_after_refusal(
        &mut self,
        refused: &VersionId,
        flight: Flight,
        result: VaultResult<Version>,
        now: Timestamp,
    ) -> VaultResult<Answer> {
        let failed = result.as_ref().err().cloned();
        let answer = self.end(flight, result, now);
        if let Some(error) = failed {
            return Err(error);
        }
        match answer {
            Ok(answer) if answer.version == *refused => {
                if flight.generation == self.generation {
                    self.in_vain = Some(refused.clone());
                }
                Err(self.still_refused(refused))
            }
            answer => answer,
        }
    }

    /// Whether an old value is served without another call.
    fn pausing(&self, failure: &Failure, now: Timestamp) -> bool {
        let usable = self.aged(now).is_some_and(|(_, age)| age <= self.rules.longest_age);
        usable && age(failure.at, now).is_some_and(|since| since < self.rules.pause)
    }

    fn settle(&self, error: &VaultError, now: Timestamp) -> VaultResult<Answer> {
        match self.aged(now) {
            Some((held, age)) if error.is_transient() && age <= self.rules.longest_age => {
                Ok(self.answer(&held.version, age, Some(error.to_string())))
            }
            _ => Err(error.clone()),
        }
    }

    fn aged(&self, now: Timestamp) -> Option<(&Held, Duration)> {
        self.held.as_ref().and_then(|held| age(held.read_at, now).map(|age| (held, age)))
    }

    fn answer(&self, version: &Version, age: Duration, stale: Option<String>) -> Answer {
        Answer {
            name: self.name.clone(),
            values: version.values.clone(),
            version: version.id.clone(),
            age,
            stale,
        }
    }

    fn still_refused(&self, version: &VersionId) -> VaultError {
        VaultError::StillRefused { name: self.name.clone(), version: version.clone() }
    }
}
