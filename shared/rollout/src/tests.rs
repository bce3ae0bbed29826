//! What holds for every rollout, and what each phase answers to each event.

mod orders;
mod properties;
mod service;
mod support;
mod transitions;
mod values;
mod waits;
