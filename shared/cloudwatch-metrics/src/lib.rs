//! Evidence and guardrails from CloudWatch.
