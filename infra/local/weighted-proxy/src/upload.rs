//! The request body on its way to a target, and who is to blame when an exchange stands still.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Instant;

use crate::lock;

/// Whom the exchange waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The target: it takes the body, or has it all and prepares the response.
    Target,
    /// The client, for more of the body.
    Client,
    /// The client broke off in the middle of the body.
    ClientFailed,
}

#[derive(Debug)]
struct State {
    turn: Turn,
    moved: Instant,
}

/// What is known of a request body's way, shared by the body and who waits for the response.
#[derive(Debug, Clone)]
pub(crate) struct Progress(Arc<Mutex<State>>);

/// Why there is no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoodStill {
    /// The target had its turn and was silent.
    Target,
    /// The client did not send the rest of its body.
    Client,
}

impl Progress {
    /// Waits for `response`, for as long as something moves at least every `idle`.
    pub(crate) async fn wait<T>(
        &self,
        response: impl Future<Output = T>,
        idle: Duration,
    ) -> Result<T, StoodStill> {
        let mut response = std::pin::pin!(response);
        let mut deadline = self.moved() + idle;
        loop {
            if let Ok(response) = tokio::time::timeout_at(deadline, response.as_mut()).await {
                return Ok(response);
            }
            let moved_since = self.moved() + idle;
            if moved_since <= deadline {
                return Err(match self.turn() {
                    Turn::Target => StoodStill::Target,
                    Turn::Client | Turn::ClientFailed => StoodStill::Client,
                });
            }
            deadline = moved_since;
        }
    }

    /// Whether the client broke off in the middle of the body.
    pub(crate) fn client_failed(&self) -> bool {
        self.turn() == Turn::ClientFailed
    }

    fn turn(&self) -> Turn {
        lock(&self.0).turn
    }

    fn moved(&self) -> Instant {
        lock(&self.0).moved
    }

    fn set(&self, turn: Turn, moved: bool) {
        let mut state = lock(&self.0);
        state.turn = turn;
        if moved {
            state.moved = Instant::now();
        }
    }
}

/// A request body that records its progress.
#[derive(Debug)]
pub(crate) struct Upload {
    inner: Incoming,
    progress: Progress,
}

impl Upload {
    pub(crate) fn new(inner: Incoming) -> (Self, Progress) {
        let progress = Progress(Arc::new(Mutex::new(State { turn: Turn::Target, moved: Instant::now() })));
        (Self { inner, progress: progress.clone() }, progress)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        match &polled {
            Poll::Pending => self.progress.set(Turn::Client, false),
            Poll::Ready(Some(Err(_))) => self.progress.set(Turn::ClientFailed, true),
            Poll::Ready(Some(Ok(_)) | None) => self.progress.set(Turn::Target, true),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
