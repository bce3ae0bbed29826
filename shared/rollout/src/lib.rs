//! The rollout itself: plan, phases, decide, invariants. Pure.
