//! The embedded stack: the functions and the state machine that run in AWS, on one machine.
//!
//! It is another composition root, not a mode: [`Stack`] wires the same handlers to an [`EmbeddedStore`] on disk, to
//! the states language interpreter, and to a [`Plant`], a real weighted HTTP proxy in front of real services.

mod alert_store;
mod approvals;
mod below;
mod clock;
mod cost_store;
mod desk;
mod entries;
mod functions;
mod messages;
mod plant;
mod rest;
mod stack;
mod store;
mod update;
mod watched_store;

pub use approvals::ApprovalPage;
pub use below::StoreBelow;
pub use clock::StackClock;
pub use desk::LocalAlarms;
pub use functions::Ports;
pub use messages::{Messages, Messenger};
pub use plant::{Plant, PlantError, PlantOptions, Services};
pub use stack::{ASYNCHRONOUS_RETRIES, DEFINITION, Parts, Stack, StackError};
pub use store::{EmbeddedStore, OpenError};
pub use update::{Update, Updates};
