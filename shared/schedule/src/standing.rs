use jiff::{SignedDuration, Timestamp};

use crate::window::Window;

/// How far the end is looked for.
const SIGHT: SignedDuration = SignedDuration::from_hours(366 * 24);

/// What windows say of an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is in none of them.
    Outside,
    /// It is in at least one.
    Inside {
        /// The names of those that hold now, and of those that begin before they have all ended; each once.
        windows: Vec<String>,
        /// When the last of them ends; `None` if that is more than a year away.
        until: Option<Timestamp>,
    },
}

/// What the windows say of an instant. Windows that overlap, or follow each other without a gap, are one.
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
            None if names.is_empty() => return Standing::Outside,
            None => return Standing::Inside { windows: names, until: Some(until) },
            Some(end) if end > horizon => return Standing::Inside { windows: names, until: None },
            Some(end) => until = end,
        }
    }
}
