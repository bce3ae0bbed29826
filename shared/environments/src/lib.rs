//! The configuration of an environment: parse, validate, resolve to a plan. Pure.
