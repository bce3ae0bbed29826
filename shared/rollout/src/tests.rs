//! What holds for every rollout, and what each phase answers to each event.

mod properties;
mod support;
mod transitions;
mod values;
mod waits;
