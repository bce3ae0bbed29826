use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

use super::Piece;
use crate::cron::{Cron, Firing};
use crate::holidays::Holidays;
use crate::reason::Cause;
use crate::state::State;
use crate::zone::{MOMENT, Zone};

/// How many starts are looked at for one that is not at the time of a stop.
const SIGHT: usize = 1_000;

/// Expressions that start and that stop. What fired last holds; where both fire at once it is the stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) starts: Vec<Cron>,
    pub(crate) stops: Vec<Cron>,
}

/// A firing, and of what.
#[derive(Clone, Copy)]
struct Fired<'a> {
    cron: &'a Cron,
    firing: Firing,
}

impl Fired<'_> {
    const fn at(&self) -> Timestamp {
        self.firing.at
    }

    const fn wall(&self) -> DateTime {
        self.firing.wall
    }
}

fn after<'a>(
    crons: &'a [Cron],
    zone: &Zone,
    wall: DateTime,
    may: impl Fn(Date) -> bool,
) -> Option<Fired<'a>> {
    let each = crons.iter().filter_map(|cron| Some(Fired { cron, firing: cron.after(zone, wall, &may)? }));
    each.min_by_key(Fired::at)
}

fn before<'a>(
    crons: &'a [Cron],
    zone: &Zone,
    wall: DateTime,
    may: impl Fn(Date) -> bool,
) -> Option<Fired<'a>> {
    let each = crons.iter().filter_map(|cron| Some(Fired { cron, firing: cron.before(zone, wall, &may)? }));
    each.max_by_key(Fired::at)
}

/// The first firing at a time or later.
fn from<'a>(crons: &'a [Cron], zone: &Zone, wall: DateTime) -> Option<Fired<'a>> {
    after(crons, zone, wall.checked_sub(MOMENT).unwrap_or(wall), |_| true)
}

impl Pair {
    /// Whether a start ever comes at a time at which no stop does.
    pub(crate) fn is_ever_on(&self, zone: &Zone) -> bool {
        let first = after(&self.starts, zone, DateTime::MIN, |_| true);
        std::iter::successors(first, |start| after(&self.starts, zone, start.wall(), |_| true))
            .take(SIGHT)
            .any(|start| from(&self.stops, zone, start.wall()).is_none_or(|stop| stop.at() != start.at()))
    }

    /// Whether a stop comes after the first start.
    pub(crate) fn is_ever_off(&self, zone: &Zone) -> bool {
        let first = after(&self.starts, zone, DateTime::MIN, |_| true);
        first.is_none_or(|start| after(&self.stops, zone, start.wall(), |_| true).is_some())
    }

    pub(super) fn at<'a>(&'a self, zone: &Zone, holidays: &Holidays, at: Timestamp) -> Piece<'a> {
        let now = zone.latest(at);
        let works = |date| !holidays.contains(date);
        let stopped = before(&self.stops, zone, now, |_| true);
        let started = before(&self.starts, zone, now, works);
        match (started, stopped) {
            (started, None) => self.unstopped(started, zone, now, works),
            (Some(started), Some(stopped)) if started.at() > stopped.at() => {
                // The first start since: the others found it on.
                let first = after(&self.starts, zone, stopped.wall(), works).unwrap_or(started);
                Piece {
                    state: State::On,
                    cause: Cause::Start(first.cron),
                    from: Some(first.at()),
                    until: after(&self.stops, zone, now, |_| true).map(|stop| stop.at()),
                }
            }
            (started, Some(stopped)) => self.stopped(started, stopped, zone, now, holidays),
        }
    }

    /// What has not been stopped yet is on.
    fn unstopped<'a>(
        &'a self,
        started: Option<Fired<'a>>,
        zone: &Zone,
        now: DateTime,
        works: impl Fn(Date) -> bool,
    ) -> Piece<'a> {
        let stop = after(&self.stops, zone, now, |_| true);
        let (first, next) = match started {
            Some(_) => (after(&self.starts, zone, DateTime::MIN, works), None),
            None => (None, after(&self.starts, zone, now, works)),
        };
        let until = [stop, next].into_iter().flatten().map(|fired| fired.at()).min();
        let cause = first.map_or(Cause::NotYet, |first| Cause::Start(first.cron));
        Piece { state: State::On, cause, from: first.map(|first| first.at()), until }
    }

    /// What was stopped, and not started since; or would have been, if it were no holiday.
    fn stopped<'a>(
        &'a self,
        started: Option<Fired<'a>>,
        stopped: Fired<'a>,
        zone: &Zone,
        now: DateTime,
        holidays: &Holidays,
    ) -> Piece<'a> {
        let skips = |date| holidays.contains(date);
        let skipped = if holidays.is_empty() { None } else { before(&self.starts, zone, now, skips) };
        if let Some(skipped) = skipped.filter(|skipped| skipped.at() > stopped.at()) {
            let date = skipped.wall().date();
            let begin = date.to_datetime(Time::midnight());
            let begin = begin.checked_sub(MOMENT).unwrap_or(begin);
            let end = date.to_datetime(Time::MAX);
            let first = after(&self.starts, zone, begin.max(stopped.wall()), skips).unwrap_or(skipped);
            let ends =
                [after(&self.stops, zone, now, |_| true), after(&self.starts, zone, end.max(now), |_| true)];
            return Piece {
                state: State::Off,
                cause: Cause::Holiday(holidays.get(date)),
                from: Some(first.at()),
                until: ends.into_iter().flatten().map(|fired| fired.at()).min(),
            };
        }
        let since = [started, skipped].into_iter().flatten().map(|start| start.wall()).max();
        let first = from(&self.stops, zone, since.unwrap_or(DateTime::MIN)).unwrap_or(stopped);
        Piece {
            state: State::Off,
            cause: Cause::Stop(first.cron),
            from: Some(first.at()),
            until: after(&self.starts, zone, now, |_| true).map(|start| start.at()),
        }
    }
}
