//! One-time EventBridge schedules for the clean-up of an old colour.
