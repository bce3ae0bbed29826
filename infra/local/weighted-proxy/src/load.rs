use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::connections::Connections;
use crate::{Target, lock};

/// A request without a response after this has failed: longer than the proxy's own timeouts together.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request that is due longer than this is not sent any more: after a pause of the whole process, a burst of all
/// that was missed would be another load than the one asked for.
const MOST_LATE: Duration = Duration::from_secs(1);

/// What a [`Load`] did so far. `due == sent + behind`, and `sent` less `ok` and `failed` is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LoadTotals {
    /// Requests that the rate asked for.
    pub due: u64,
    /// Requests that were sent.
    pub sent: u64,
    /// Requests with a whole response and a status below 500.
    pub ok: u64,
    /// Requests with a 5xx, with a connection that failed, or without a whole response for 20 s.
    pub failed: u64,
    /// Requests that were due and not sent, because `max_in_flight` were in flight or the generator was over a
    /// second late: the load was lower than asked for by this much.
    pub behind: u64,
    /// Median latency of the requests that ended, in microseconds (three significant digits), from the instant a
    /// request was due to the end of its response; `None` before the first ended.
    pub p50_micros: Option<u64>,
    /// The 99th percentile of the same.
    pub p99_micros: Option<u64>,
    /// The greatest of the same.
    pub max_micros: Option<u64>,
}

impl LoadTotals {
    /// Requests that were sent and have not ended.
    pub const fn in_flight(&self) -> u64 {
        self.sent.saturating_sub(self.ok).saturating_sub(self.failed)
    }
}

/// An open-loop load generator: it sends `GET` requests at a fixed rate, however slow the responses are.
///
/// A latency counts from the instant at which the request was due, so a stall is seen in all the requests that it
/// delayed (no coordinated omission). Dropping it cuts the requests in flight; [`Load::stop`] waits for them.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    generator: JoinHandle<()>,
}

impl Load {
    /// Starts to send `requests_per_second` to `target`, over at most `max_in_flight` connections at once. Must be
    /// called within a tokio runtime.
    pub fn start(target: Target, requests_per_second: NonZeroU32, max_in_flight: NonZeroU32) -> Self {
        let shared = Arc::new(Shared {
            connections: Connections::new(target),
            tally: Mutex::new(Tally { due: 0, sent: 0, ok: 0, failed: 0, latency_micros: histogram() }),
        });
        let (stop, stopped) = watch::channel(false);
        let generator =
            tokio::spawn(generate(Arc::clone(&shared), requests_per_second, max_in_flight, stopped));
        Self { shared, stop, generator }
    }

    /// What it did so far.
    pub fn totals(&self) -> LoadTotals {
        lock(&self.shared.tally).totals()
    }

    /// Sends no more, waits for the requests in flight (at most 20 s), and answers the final totals.
    pub async fn stop(mut self) -> LoadTotals {
        self.stop.send_replace(true);
        // The task neither panics nor is aborted before this returns.
        drop((&mut self.generator).await);
        self.totals()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.generator.abort();
    }
}

#[derive(Debug)]
struct Shared {
    connections: Connections,
    tally: Mutex<Tally>,
}

#[derive(Debug)]
struct Tally {
    due: u64,
    sent: u64,
    ok: u64,
    failed: u64,
    latency_micros: Histogram<u64>,
}

impl Tally {
    fn ended(&mut self, ok: bool, latency: Duration) {
        if ok {
            self.ok += 1;
        } else {
            self.failed += 1;
        }
        self.latency_micros.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    fn totals(&self) -> LoadTotals {
        let some = |value: u64| (!self.latency_micros.is_empty()).then_some(value);
        LoadTotals {
            due: self.due,
            sent: self.sent,
            ok: self.ok,
            failed: self.failed,
            behind: self.due - self.sent,
            p50_micros: some(self.latency_micros.value_at_quantile(0.5)),
            p99_micros: some(self.latency_micros.value_at_quantile(0.99)),
            max_micros: some(self.latency_micros.max()),
        }
    }
}

/// Latencies of 1 us to a minute with three significant digits.
#[expect(
    clippy::expect_used,
    reason = "the bounds are constants that the constructor takes, as every test of Load shows"
)]
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("constant bounds are valid")
}

async fn generate(
    shared: Arc<Shared>,
    per_second: NonZeroU32,
    max_in_flight: NonZeroU32,
    mut stopped: watch::Receiver<bool>,
) {
    let most = usize::try_from(max_in_flight.get()).unwrap_or(usize::MAX);
    let start = Instant::now();
    let mut requests = JoinSet::new();
    let mut next: u64 = 0;
    loop {
        tokio::select! {
            // An error means that the handle was dropped, and this task with it.
            _ = stopped.wait_for(|stop| *stop) => break,
            () = tokio::time::sleep_until(due_at(start, next, per_second)) => {}
        }
        while requests.try_join_next().is_some() {}
        let now = Instant::now();
        loop {
            let due = due_at(start, next, per_second);
            if due > now {
                break;
            }
            next += 1;
            let send = requests.len() < most && now.duration_since(due) <= MOST_LATE;
            {
                let mut tally = lock(&shared.tally);
                tally.due += 1;
                tally.sent += u64::from(send);
            }
            if send {
                requests.spawn(request(Arc::clone(&shared), due));
            }
        }
    }
    while requests.join_next().await.is_some() {}
}

/// When the `n`-th request is due.
fn due_at(start: Instant, n: u64, per_second: NonZeroU32) -> Instant {
    let nanos = u128::from(n) * 1_000_000_000 / u128::from(per_second.get());
    start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

async fn request(shared: Arc<Shared>, due: Instant) {
    let ok = match tokio::time::timeout(PATIENCE, shared.connections.get()).await {
        Ok(Ok(status)) => !status.is_server_error(),
        Ok(Err(_)) | Err(_) => false,
    };
    lock(&shared.tally).ended(ok, due.elapsed());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_at_the_rate_without_drift() {
        let start = Instant::now();
        let due = |n, per_second| due_at(start, n, NonZeroU32::new(per_second).unwrap()) - start;
        assert_eq!(due(0, 400), Duration::ZERO);
        assert_eq!(due(1, 400), Duration::from_micros(2500));
        assert_eq!(due(1, 3), Duration::from_nanos(333_333_333));
        assert_eq!(due(3, 3), Duration::from_secs(1));
        assert_eq!(due(300 * 86_400 * 365, 300), Duration::from_hours(24 * 365));
    }

    #[test]
    fn percentiles_are_told_only_of_what_ended() {
        let mut tally = Tally { due: 7, sent: 5, ok: 0, failed: 0, latency_micros: histogram() };
        assert_eq!((tally.totals().p50_micros, tally.totals().max_micros), (None, None));
        for millis in [1, 2, 3, 400] {
            tally.ended(millis < 400, Duration::from_millis(millis));
        }
        let totals = tally.totals();
        assert_eq!((totals.ok, totals.failed, totals.behind, totals.in_flight()), (3, 1, 2, 1));
        let p50 = totals.p50_micros.unwrap();
        assert!((1999..=2001).contains(&p50), "{p50}");
        assert!(totals.p99_micros >= Some(399_000));
    }
}
