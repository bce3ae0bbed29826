//! Task tokens.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::json::{MAX_DATA_BYTES, too_large};
use crate::ports::TaskError;

/// Why an answer to a token was refused. The names in parentheses are those of the Step Functions API.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The execution never issued this token (`InvalidToken`).
    #[error("this execution issued no such token; check that the token belongs to it")]
    Unknown,
    /// The task of this token has its answer, timed out, or its execution ended (`TaskTimedOut`).
    #[error("the task of this token is over; start anew instead of answering again")]
    Over,
    /// The output is larger than [`MAX_DATA_BYTES`] (`InvalidOutput`).
    #[error("the output is larger than {MAX_DATA_BYTES} bytes; send a reference to it")]
    OutputTooLarge,
}

/// The ARN of the execution that issued a token; none when the text is no token of this crate.
///
/// For whoever holds many executions and has to find the one to answer.
pub fn execution_of(token: &str) -> Option<&str> {
    let (arn, number) = token.rsplit_once('#')?;
    number.parse::<u64>().ok().map(|_| arn)
}

#[derive(Debug)]
pub(crate) enum Signal {
    Heartbeat,
    Answer(Result<Value, TaskError>),
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    sender: UnboundedSender<Signal>,
}

#[derive(Debug, Default)]
struct Issued {
    count: u64,
    waiting: Option<Waiting>,
}

/// The tokens of one execution, of which at most one is waited for.
#[derive(Debug)]
pub(crate) struct TokenDesk {
    arn: String,
    issued: Mutex<Issued>,
}

impl TokenDesk {
    pub(crate) fn new(arn: &str) -> Self {
        Self { arn: arn.to_owned(), issued: Mutex::default() }
    }

    /// A new token, and where its signals arrive. The token before it is over.
    pub(crate) fn issue(&self) -> (String, UnboundedReceiver<Signal>) {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.count = issued.count.saturating_add(1);
        let (sender, receiver) = unbounded_channel();
        issued.waiting = Some(Waiting { number: issued.count, sender });
        (format!("{}#{}", self.arn, issued.count), receiver)
    }

    /// Nobody waits for a token any more.
    pub(crate) fn close(&self) {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).waiting = None;
    }

    pub(crate) fn answer(&self, token: &str, answer: Result<Value, TaskError>) -> Result<(), TokenError> {
        if answer.as_ref().is_ok_and(too_large) {
            return Err(TokenError::OutputTooLarge);
        }
        self.send(token, Signal::Answer(answer))
    }

    pub(crate) fn heartbeat(&self, token: &str) -> Result<(), TokenError> {
        self.send(token, Signal::Heartbeat)
    }

    fn send(&self, token: &str, signal: Signal) -> Result<(), TokenError> {
        let number = token
            .strip_prefix(&self.arn)
            .and_then(|rest| rest.strip_prefix('#'))
            .and_then(|number| number.parse::<u64>().ok())
            .ok_or(TokenError::Unknown)?;
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if number == 0 || number > issued.count {
            return Err(TokenError::Unknown);
        }
        let Some(waiting) = issued.waiting.take_if(|waiting| waiting.number == number) else {
            return Err(TokenError::Over);
        };
        let answered = matches!(signal, Signal::Answer(_));
        waiting.sender.send(signal).map_err(|_| TokenError::Over)?;
        if !answered {
            issued.waiting = Some(waiting);
        }
        Ok(())
    }
}
