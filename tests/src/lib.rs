//! Scenarios, contract tests, conformance suites and emulator tests.
