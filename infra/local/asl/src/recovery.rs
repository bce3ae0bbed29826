//! Error names, and which error a retrier or catcher takes.

use std::time::Duration;

use crate::path::RefPath;
use crate::ports::TaskError;

pub(crate) const ALL: &str = "States.ALL";
pub(crate) const TASK_FAILED: &str = "States.TaskFailed";
pub(crate) const TIMEOUT: &str = "States.Timeout";
pub(crate) const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
pub(crate) const DATA_LIMIT: &str = "States.DataLimitExceeded";
pub(crate) const RESULT_PATH: &str = "States.ResultPathMatchFailure";
pub(crate) const RUNTIME: &str = "States.Runtime";
pub(crate) const PERMISSIONS: &str = "States.Permissions";

pub(crate) fn runtime_error(state: &str, cause: &str) -> TaskError {
    TaskError::new(RUNTIME, format!("state {state:?}: {cause}"))
}

pub(crate) fn data_limit_error(state: &str, what: &str) -> TaskError {
    let limit = crate::json::MAX_DATA_BYTES;
    TaskError::new(DATA_LIMIT, format!("state {state:?}: {what} is larger than {limit} bytes"))
}

/// One name of an `ErrorEquals`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ErrorName {
    All,
    TaskFailed,
    Timeout,
    Named(String),
}

impl ErrorName {
    /// None for a `States.` name that no task of the subset can report, or that nothing can take.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            ALL => Some(Self::All),
            TASK_FAILED => Some(Self::TaskFailed),
            TIMEOUT => Some(Self::Timeout),
            HEARTBEAT_TIMEOUT | DATA_LIMIT | RESULT_PATH | PERMISSIONS => Some(Self::Named(name.to_owned())),
            _ if name.starts_with("States.") || name.is_empty() => None,
            _ => Some(Self::Named(name.to_owned())),
        }
    }

    fn takes(&self, error: &str) -> bool {
        if error == RUNTIME {
            return false;
        }
        let timeout = matches!(error, TIMEOUT | HEARTBEAT_TIMEOUT);
        match self {
            Self::All => error != DATA_LIMIT,
            Self::TaskFailed => error != DATA_LIMIT && !timeout,
            Self::Timeout => timeout,
            Self::Named(name) => name == error,
        }
    }
}

/// One entry of `Retry`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Retrier {
    pub errors: Vec<ErrorName>,
    pub interval: Duration,
    pub max_attempts: u64,
    /// At least 1.
    pub backoff_rate: f64,
    pub max_delay: Option<Duration>,
    pub full_jitter: bool,
}

impl Retrier {
    pub(crate) fn takes(&self, error: &str) -> bool {
        self.errors.iter().any(|name| name.takes(error))
    }

    /// The delay before retry number `retry`, from 1: interval times rate to the power of `retry - 1`, at
    /// most `MaxDelaySeconds`, and of that the share `jitter` under full jitter.
    pub(crate) fn delay(&self, retry: u64, jitter: f64) -> Duration {
        let exponent = i32::try_from(retry.saturating_sub(1)).unwrap_or(i32::MAX);
        let backed_off = self.interval.as_secs_f64() * self.backoff_rate.powi(exponent);
        let backed_off = Duration::try_from_secs_f64(backed_off).unwrap_or(Duration::MAX);
        let capped = self.max_delay.map_or(backed_off, |max| backed_off.min(max));
        if self.full_jitter && jitter < 1.0 {
            // Whatever is below 0 waits nothing; NaN is not below 1 and waits the whole delay.
            Duration::try_from_secs_f64(capped.as_secs_f64() * jitter.max(0.0)).unwrap_or(Duration::ZERO)
        } else {
            capped
        }
    }
}

/// One entry of `Catch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Catcher {
    pub errors: Vec<ErrorName>,
    pub next: String,
    pub result_path: RefPath,
}

impl Catcher {
    pub(crate) fn takes(&self, error: &str) -> bool {
        self.errors.iter().any(|name| name.takes(error))
    }
}
