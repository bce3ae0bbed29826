//! Freeze windows: when nothing may start. Between which instants one lies is exact across every change of its zone's
//! clock, from the time zone database that is built in: a pure crate reads no files.

mod window;
mod zone;

use jiff::{SignedDuration, Timestamp};

pub use window::{Day, InvalidMoment, InvalidWindow, Moment, Window, WrittenWindow};
pub use zone::{InvalidZone, Zone};

/// How far the end of a freeze is looked for.
const SIGHT: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Whether something may start, as far as windows say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No window holds.
    Open,
    /// At least one does.
    Frozen {
        /// The names of those that hold now, and of those that begin before they have all ended; each once.
        windows: Vec<String>,
        /// When the last of them ends; `None` if that is more than a year away.
        until: Option<Timestamp>,
    },
}

/// What the windows say of an instant. Windows that overlap, or follow each other without a gap, are one freeze.
pub fn standing(windows: &[Window], now: Timestamp) -> Standing {
    let horizon = now.checked_add(SIGHT).unwrap_or(Timestamp::MAX);
    let mut names: Vec<String> = Vec::new();
    let mut until = now;
    loop {
        let mut last = None;
        for (window, end) in
            windows.iter().filter_map(|window| window.open_at(until).map(|end| (window, end)))
        {
            if !names.iter().any(|name| name == window.name()) {
                names.push(window.name().to_owned());
            }
            last = last.max(Some(end));
        }
        match last {
            None if names.is_empty() => return Standing::Open,
            None => return Standing::Frozen { windows: names, until: Some(until) },
            Some(end) if end > horizon => return Standing::Frozen { windows: names, until: None },
            Some(end) => until = end,
        }
    }
}

#[cfg(test)]
mod tests;
