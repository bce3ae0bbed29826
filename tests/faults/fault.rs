//! What goes wrong at one call of a run, and the record of all its calls.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use e2e::{Call, Fate, Gate, Refusal};
use rollout::Seconds;

/// How one call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A transient error, nothing was done.
    ErrorBefore,
    /// A transient error, and it was done: the answer was lost.
    ErrorAfter,
    /// It is done twice: the client below the port tried again.
    Repeated,
    /// A permanent error, nothing was done.
    Permanent,
    /// No answer until the function's timeout, nothing is done.
    TimesOut,
    /// No answer until the function's timeout, and after it, before a writer of its age may no longer live, it is done.
    LandsLate,
    /// Refused a few times in a row, then fine.
    Throttled,
    /// The process ends before it is done.
    KilledBefore,
    /// The process ends after it is done.
    KilledAfter,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::ErrorBefore,
        Self::ErrorAfter,
        Self::Repeated,
        Self::Permanent,
        Self::TimesOut,
        Self::LandsLate,
        Self::Throttled,
        Self::KilledBefore,
        Self::KilledAfter,
    ];

    /// Whether it is an answer, which not every call has.
    pub const fn refuses(self) -> bool {
        matches!(self, Self::ErrorBefore | Self::ErrorAfter | Self::Permanent | Self::Throttled)
    }

    const fn fate(self) -> Fate {
        match self {
            Self::ErrorBefore | Self::Throttled => Fate::Refused(Refusal::Transient),
            Self::ErrorAfter => Fate::Lost,
            Self::Repeated => Fate::Repeated,
            Self::Permanent => Fate::Refused(Refusal::Permanent),
            Self::TimesOut => Fate::Hangs,
            // Timeout and delay together stay below the zombie bound of 35 s.
            Self::LandsLate => Fate::LandsLate(Seconds(3)),
            Self::KilledBefore => Fate::DiesBefore,
            Self::KilledAfter => Fate::DiesAfter,
        }
    }
}

/// A fault at a boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disturbance {
    /// The call of the run, from 0.
    pub at: usize,
    /// What goes wrong with it.
    pub fault: Fault,
    /// Whether the same goes wrong with the next invocation of the function, at the same method or at the same place
    /// among its calls, whichever comes first. A throttle lasts one call longer.
    pub again: bool,
}

impl Disturbance {
    /// How many calls in a row a throttle refuses: all but the last attempt, and one fewer. The state machine makes at
    /// least four, and Lambda makes three of an asynchronous invocation.
    fn refusals(self, hit: &Call) -> u32 {
        let most = if hit.asynchronous { 2 } else { 3 };
        if self.again { most } else { most - 1 }
    }
}

#[derive(Default)]
struct Book {
    calls: Vec<Call>,
    hit: Option<Call>,
    retry: Option<u64>,
    hit_again: Option<Call>,
    refused: u32,
}

/// The gate of the sweep.
pub struct Recorder {
    disturbance: Option<Disturbance>,
    book: Mutex<Book>,
}

impl Recorder {
    /// A gate that records, and disturbs one boundary if told to.
    pub fn new(disturbance: Option<Disturbance>) -> Self {
        Self { disturbance, book: Mutex::default() }
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calls so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.book().calls.clone()
    }

    /// The calls that went wrong.
    pub fn hits(&self) -> (Option<Call>, Option<Call>) {
        let book = self.book();
        (book.hit.clone(), book.hit_again.clone())
    }
}

fn same_method(one: &Call, other: &Call) -> bool {
    (one.port, one.method) == (other.port, other.method)
}

#[async_trait]
impl Gate for Recorder {
    async fn meet(&self, call: &Call) -> Fate {
        let mut book = self.book();
        let number = book.calls.len();
        book.calls.push(call.clone());
        let Some(disturbance) = self.disturbance else { return Fate::Through };
        let fate = disturbance.fault.fate();
        let Some(hit) = book.hit.clone() else {
            if number != disturbance.at {
                return Fate::Through;
            }
            book.hit = Some(call.clone());
            book.refused = 1;
            return fate;
        };
        if disturbance.fault == Fault::Throttled {
            if same_method(call, &hit) && book.refused < disturbance.refusals(&hit) {
                book.refused += 1;
                return fate;
            }
            return Fate::Through;
        }
        let later = call.function == hit.function && call.invocation > hit.invocation;
        if !disturbance.again || book.hit_again.is_some() || !later {
            return Fate::Through;
        }
        let retry = *book.retry.get_or_insert(call.invocation);
        let same = same_method(call, &hit) || call.index == hit.index;
        if call.invocation != retry || !same || disturbance.fault.refuses() && !call.refusable {
            return Fate::Through;
        }
        book.hit_again = Some(call.clone());
        fate
    }
}
