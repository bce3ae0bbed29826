//! JSON logs on standard output, one line an event.

use std::str::FromStr;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Libraries whose debug and trace events can carry payloads, bodies or headers.
const CAPPED: [&str; 12] = [
    "aws_config",
    "aws_runtime",
    "aws_sdk",
    "aws_sigv4",
    "aws_smithy",
    "h2",
    "hyper",
    "lambda_runtime",
    "reqwest",
    "rustls",
    "tokio",
    "tower",
];

/// The level of a `LOG_LEVEL` value; Lambda's own `AWS_LAMBDA_LOG_LEVEL` says FATAL where tracing ends at ERROR.
fn level(value: &str) -> Option<LevelFilter> {
    if value.eq_ignore_ascii_case("fatal") {
        return Some(LevelFilter::ERROR);
    }
    LevelFilter::from_str(value).ok()
}

/// What is logged at `level`: our own events from there on, those of libraries from `warn` on at most.
fn filter(level: LevelFilter) -> Targets {
    // Targets match by prefix, so that `aws_smithy` also caps `aws_smithy_runtime`.
    // The runtime logs each failure and panic again that it reports; they are logged before it sees them.
    let targets = Targets::new().with_target("lambda_runtime::layers::panic", LevelFilter::OFF);
    CAPPED.iter().fold(targets.with_default(level), |targets, name| {
        targets.with_target(*name, level.min(LevelFilter::WARN))
    })
}

/// Starts the logs. The level is `LOG_LEVEL` (error, warn, info or off; debug and trace are info, but in a debug build), else
/// Lambda's `AWS_LAMBDA_LOG_LEVEL`, else info.
pub(crate) fn start(lookup: &dyn Fn(&str) -> Option<String>) {
    let named = ["LOG_LEVEL", "AWS_LAMBDA_LOG_LEVEL"]
        .into_iter()
        .find_map(|name| Some((name, lookup(name).filter(|value| !value.is_empty())?)));
    let chosen = named.as_ref().and_then(|(_, value)| level(value));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_writer(std::io::stdout);
    let logs = tracing_subscriber::registry().with(filter(chosen.unwrap_or(LevelFilter::INFO))).with(lines);
    if logs.try_init().is_err() {
        tracing::debug!("logs were started before");
    }
    if let (Some((name, _)), None) = (named, chosen) {
        tracing::warn!(variable = name, "no such log level: use error, warn, info or off; info is used");
    }
}

/// Logs a panic as one line, where the default hook writes several.
pub(crate) fn hook_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        let location = panic.location().map(ToString::to_string);
        tracing::error!(panic.message = message, panic.location = location, "the function panicked");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn levels_are_read_in_any_case_and_lambda_s_fatal_is_error() {
        assert_eq!(level("DEBUG"), Some(LevelFilter::DEBUG));
        assert_eq!(level("warn"), Some(LevelFilter::WARN));
        assert_eq!(level("FATAL"), Some(LevelFilter::ERROR));
        assert_eq!(level("loud"), None);
    }

    #[test]
    fn libraries_never_log_bodies_however_low_the_level() {
        let trace = filter(LevelFilter::TRACE);
        assert!(trace.would_enable("engine::promote", &Level::TRACE));
        for library in [
            "aws_smithy_runtime::client",
            "lambda_runtime::layers",
            "hyper_util::client",
            "reqwest::async_impl",
        ] {
            assert!(!trace.would_enable(library, &Level::DEBUG), "{library}");
            assert!(trace.would_enable(library, &Level::WARN), "{library}");
        }
        assert!(!trace.would_enable("lambda_runtime::layers::panic", &Level::ERROR));
        assert!(!filter(LevelFilter::ERROR).would_enable("hyper::proto", &Level::WARN));
    }
}
