//! The embedded stack: the same functions and the same state machine on one machine.
