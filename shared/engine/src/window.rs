use analysis::{Seconds, Window, closed_minutes};
use jiff::Timestamp;

/// The whole minutes that ended by `at` and cover at least `span`.
pub(crate) fn minutes_before(at: Timestamp, span: Seconds) -> Window {
    let since = at.checked_sub(Seconds(span.0.saturating_add(60)).duration()).unwrap_or(Timestamp::MIN);
    closed_minutes(since, at, Seconds(0))
}
