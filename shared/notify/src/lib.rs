//! Outcome events to SNS.
