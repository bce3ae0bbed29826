use jiff::Timestamp;

/// The caller's clock: it says in which minute a request is counted.
///
/// It may run faster than the wall clock (`--speed N`). Latencies and timeouts never use it.
pub trait Clock: Send + Sync {
    /// The instant that it is now.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
