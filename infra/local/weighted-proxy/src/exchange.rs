//! One request on one arm, from its choice to its count.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use thiserror::Error;
use tokio::time::{Instant, Sleep};

use crate::Arm;
use crate::counts::Ending;

/// Takes the count of one ended request.
pub(crate) trait Ledger: Send + Sync {
    /// Records that a request on `arm` ended now. `slow` is the ledger's to say.
    fn ended(&self, arm: Arm, answer: Option<Answer>);
}

/// What is known of an answered request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) latency: Duration,
    pub(crate) failed: bool,
}

impl Answer {
    /// The ending to count, with the objective in force.
    pub(crate) fn ending(answer: Option<Self>, objective: Duration) -> Ending {
        answer.map_or(Ending::Abandoned, |answer| Ending::Answered {
            latency: answer.latency,
            failed: answer.failed,
            slow: answer.latency > objective,
        })
    }
}

/// A request that will be counted exactly once: when this is dropped, which is before the client can have seen the
/// end of the response, so that who reads the counts after a response finds it in them.
pub(crate) struct Exchange {
    ledger: Arc<dyn Ledger>,
    arm: Arm,
    began: Instant,
    answer: Option<Answer>,
}

impl Exchange {
    pub(crate) fn begin(ledger: Arc<dyn Ledger>, arm: Arm) -> Self {
        Self { ledger, arm, began: Instant::now(), answer: None }
    }

    /// The head of the response is there.
    pub(crate) fn answered(&mut self, failed: bool) {
        self.answer = Some(Answer { latency: self.began.elapsed(), failed });
    }

    /// The response broke off.
    fn broke_off(&mut self) {
        if let Some(answer) = &mut self.answer {
            answer.failed = true;
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.ledger.ended(self.arm, self.answer);
    }
}

/// Why a response body broke off.
#[derive(Debug, Error)]
pub(crate) enum RelayError {
    #[error("the {arm} target broke off its response body: see its log")]
    Target { arm: Arm, source: hyper::Error },
    #[error("the {arm} target sent nothing of its response body for {idle:?}: see why it stalls")]
    Stalled { arm: Arm, idle: Duration },
}

/// A response body on its way to the client; the exchange ends with it.
pub(crate) struct Relay {
    inner: Incoming,
    arm: Arm,
    idle: Duration,
    /// Runs while the target is waited for, and only then: a slow client is not the target's fault.
    stalled: Option<Pin<Box<Sleep>>>,
    exchange: Option<Exchange>,
}

impl Relay {
    pub(crate) fn new(inner: Incoming, exchange: Exchange, idle: Duration) -> Self {
        let arm = exchange.arm;
        let exchange = if inner.is_end_stream() { None } else { Some(exchange) };
        Self { inner, arm, idle, stalled: None, exchange }
    }

    fn break_off(&mut self) {
        if let Some(mut exchange) = self.exchange.take() {
            exchange.broke_off();
        }
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = RelayError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RelayError>>> {
        let arm = self.arm;
        match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(frame) => {
                self.stalled = None;
                match frame {
                    Some(Ok(frame)) => {
                        if self.inner.is_end_stream() {
                            self.exchange = None;
                        }
                        Poll::Ready(Some(Ok(frame)))
                    }
                    Some(Err(source)) => {
                        self.break_off();
                        Poll::Ready(Some(Err(RelayError::Target { arm, source })))
                    }
                    None => {
                        self.exchange = None;
                        Poll::Ready(None)
                    }
                }
            }
            Poll::Pending => {
                let idle = self.idle;
                let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
                if stalled.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                self.break_off();
                Poll::Ready(Some(Err(RelayError::Stalled { arm, idle })))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
