use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A time zone of the IANA database, by its name, like `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("examples" = ["Europe/Berlin", "America/New_York", "UTC"]))]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

/// A text that names no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no time zone: write a name of the IANA database, like {like}")]
pub struct InvalidZone {
    name: String,
    like: String,
}

impl TryFrom<String> for Zone {
    type Error = InvalidZone;

    fn try_from(name: String) -> Result<Self, InvalidZone> {
        let database = TimeZoneDatabase::bundled();
        match database.get(&name) {
            Ok(zone) if !zone.is_unknown() => Ok(Self { name, zone }),
            _ => {
                let near = database
                    .available()
                    .map(|known| (strsim::osa_distance(&name, known.as_str()), known.to_string()))
                    .min()
                    .filter(|(distance, _)| *distance <= 3);
                let like = near.map_or_else(|| "Europe/Berlin or UTC".to_owned(), |(_, near)| near);
                Err(InvalidZone { name, like })
            }
        }
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

impl std::fmt::Display for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// Which instant is meant where the clock shows a time twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// The first, for a beginning: a window errs by being too long.
    Begin,
    /// The second, for an end.
    End,
}

/// The step back to before an instant.
pub(crate) const MOMENT: SignedDuration = SignedDuration::from_nanos(1);

impl Zone {
    /// What the clock shows.
    pub fn wall(&self, at: Timestamp) -> DateTime {
        self.zone.to_datetime(at)
    }

    /// When a day begins, and when the next one does: 23 or 25 hours later where the clock is changed on it, and at once
    /// if the zone left it out. `None` only at the ends of time.
    pub fn day(&self, date: Date) -> Option<(Timestamp, Timestamp)> {
        let begin = |date: Date| self.instant(date.to_datetime(Time::midnight()), Edge::Begin);
        Some((begin(date)?, begin(date.tomorrow().ok()?)?))
    }

    /// When the clock shows this time, as an end is meant: the second time of two; where it jumps over it, the instant of the
    /// jump. `None` only at the ends of time.
    pub fn end(&self, wall: DateTime) -> Option<Timestamp> {
        self.instant(wall, Edge::End)
    }

    /// The latest time that the clock has shown by now: in an hour that it shows again, what it showed before it was
    /// set back.
    pub(crate) fn latest(&self, at: Timestamp) -> DateTime {
        let wall = self.wall(at);
        let found = self.zone.to_ambiguous_timestamp(wall);
        if !matches!(found.offset(), AmbiguousOffset::Fold { .. })
            || found.later().map_or(true, |later| at < later)
        {
            return wall;
        }
        let before = at.checked_add(MOMENT).ok().and_then(|after| {
            let set_back = self.zone.preceding(after).next()?.timestamp();
            Some(self.wall(set_back.checked_sub(MOMENT).ok()?))
        });
        before.map_or(wall, |before| before.max(wall))
    }

    /// When the clock first shows this time; `None` where it jumps over it.
    pub(crate) fn first(&self, wall: DateTime) -> Option<Timestamp> {
        let found = self.zone.to_ambiguous_timestamp(wall);
        match found.offset() {
            AmbiguousOffset::Gap { .. } => None,
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => found.earlier().ok(),
        }
    }

    /// When the clock shows this time; where it jumps over it, the instant of the jump: the first at which it shows a
    /// later one. `None` only at the ends of time.
    pub(crate) fn instant(&self, wall: DateTime, edge: Edge) -> Option<Timestamp> {
        let found = self.zone.to_ambiguous_timestamp(wall);
        match (found.offset(), edge) {
            (AmbiguousOffset::Unambiguous { .. }, _) => found.compatible().ok(),
            (AmbiguousOffset::Fold { .. }, Edge::Begin) => found.earlier().ok(),
            (AmbiguousOffset::Fold { .. }, Edge::End) => found.later().ok(),
            (AmbiguousOffset::Gap { .. }, _) => {
                let before = found.earlier().ok()?;
                self.zone.following(before).next().map(|jump| jump.timestamp())
            }
        }
    }
}
