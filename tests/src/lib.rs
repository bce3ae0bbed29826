//! Scenarios, contract tests, conformance suites and emulator tests.
//!
//! [`Run`] plays whole rollouts in virtual time: the real state machine file, the real functions and the embedded
//! store over a [`World`] in memory, whose traffic is a formula and whose faults are scripted. A test drives it, then
//! compares its transcript with the one in `snapshots/`, beside what it asserts outright. After a change that is meant,
//! `INSTA_UPDATE=always cargo test -p e2e` writes the transcripts anew; read the difference before committing it.
//!
//! [`Lambda`] runs the functions as AWS does, each invocation in a process that can be ended, with a [`Gate`] at every
//! call of a port: the fault sweep (`faults/`) and the storm (`storm/`) are gates.
//!
//! [`store_conformance`] is what every adapter of the store port has to pass, [`alert_store_conformance`] what every memory
//! of alerts has to, and [`cost_store_conformance`] what every memory of what is stopped and started has to.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "support of tests: a panic is a failed test"
)]

mod alert_conformance;
mod alerts;
mod boundary;
mod cost_conformance;
pub mod files;
mod interference;
mod journal;
mod lambda;
mod load;
mod run;
mod sns;
mod store_conformance;
mod town;
mod verify;
mod world;

pub use alert_conformance::alert_store_conformance;
pub use alerts::listeners;
pub use boundary::{Call, Fate, Gate, Refusal};
pub use cost_conformance::cost_store_conformance;
pub use interference::{Interference, Wrong};
pub use journal::{Journal, Kind};
pub use lambda::{Arrivals, Lambda, PERIOD, SWEPT_BY, TIMEOUT, Wiring, once};
pub use load::{Load, Rates};
pub use run::{Run, Setup, configuration, stamp};
pub use sns::{alarm_event, composite_alarm_event, ended_event};

pub use store_conformance::{Shelf, below_conformance, store_conformance};
pub use verify::{Allow, Verified};
pub use world::{Act, Fault, Readiness, Snag, World, Write};
