//! Subjects, rules and groups over time.

mod across;
mod explained;
mod facts;
mod group;
mod holds;
mod people;
mod rollouts;
mod stand_ins;
pub mod support;
mod watch;
