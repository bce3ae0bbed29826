//! A strict interpreter for the subset of the Amazon States Language that rollout.asl.json uses.
