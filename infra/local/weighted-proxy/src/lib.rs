//! A weighted HTTP proxy, a sample service with switchable faults, and a load generator.
//!
//! The embedded stack's real traffic: [`Load`] sends requests to [`Proxy`], which takes an Application Load
//! Balancer's place and forwards each of them to one of two arms, each a [`Sample`] or a service of the user's own.
//! Everything listens on 127.0.0.1 only, speaks HTTP/1.1 without TLS, and runs on the caller's tokio runtime.
//!
//! Which colour is baseline and which is canary is the caller's business: this crate knows [`Arm::Blue`] and
//! [`Arm::Green`] and nothing of rollouts.

mod arm;
mod clock;
mod connections;
mod counts;
mod exchange;
mod fault;
mod fault_spec;
mod headers;
mod load;
mod low_discrepancy;
mod proxy;
mod sample;
mod server;
mod target;
mod upload;
mod weights;

pub use arm::{Arm, PerArm};
pub use clock::{Clock, SystemClock};
pub use counts::{ArmCounts, MinuteCounts, SEVEN_DAYS_OF_MINUTES};
pub use fault::{Fault, Percent, PercentError};
pub use fault_spec::{FaultSpec, FaultSpecError};
pub use load::{Load, LoadTotals};
pub use proxy::{ARM_HEADER, Proxy, ProxyError, ProxyOptions};
pub use sample::{Sample, SampleError};
pub use target::{Target, TargetError};
pub use weights::{MAX_WEIGHT, Weights, WeightsError};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`; a holder that panicked left plain counters behind, which are still the best answer there is.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
