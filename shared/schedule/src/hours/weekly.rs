use jiff::Timestamp;
use jiff::civil::{Date, Time};

use super::Piece;
use crate::holidays::Holidays;
use crate::reason::Cause;
use crate::state::State;
use crate::window::Day;
use crate::zone::{Edge, Zone};

const DAY: i32 = 86_400;

/// How many days are looked at for a window that is not jumped over by the clock.
const SIGHT: usize = 400;

/// A window of every week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WeeklyHours {
    /// The days on which it begins, each once.
    pub(crate) days: Vec<Day>,
    pub(crate) from: Time,
    /// On the next day where it is not later.
    pub(crate) to: Time,
}

/// Windows of every week in which resources are on; no two overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Weekly(Vec<WeeklyHours>);

/// One window that would hold, and whether nothing begins on its day.
struct Occurrence<'a> {
    begin: Timestamp,
    end: Timestamp,
    date: Date,
    hours: &'a WeeklyHours,
    is_holiday: bool,
}

/// Two windows that hold at one time, by their places in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overlap {
    pub(crate) first: usize,
    pub(crate) second: usize,
    pub(crate) day: Day,
}

impl Weekly {
    /// Windows with at least one day, of which no two overlap.
    pub(crate) fn new(windows: Vec<WeeklyHours>) -> Result<Self, Overlap> {
        let weekly = Self(windows);
        let mut spans = weekly.spans();
        spans.sort_unstable();
        let next_week = spans.first().map(|(from, to, index)| (from + 7 * DAY, to + 7 * DAY, *index));
        for ((_, to, first), (from, _, second)) in spans.iter().zip(spans.iter().skip(1).chain(&next_week)) {
            if from < to {
                let day = Day::ALL.into_iter().nth(usize::try_from(from / DAY % 7).unwrap_or(0));
                let (first, second) = (*first.min(second), *first.max(second));
                return Err(Overlap { first, second, day: day.unwrap_or(Day::Monday) });
            }
        }
        Ok(weekly)
    }

    /// Whether nothing is left of a week.
    pub(crate) fn is_whole(&self) -> bool {
        self.spans().iter().map(|(from, to, _)| to - from).sum::<i32>() == 7 * DAY
    }

    /// From when to when each holds, in seconds of the week, with its place in the list.
    fn spans(&self) -> Vec<(i32, i32, usize)> {
        let seconds = |time: Time| {
            i32::from(time.hour()) * 3_600 + i32::from(time.minute()) * 60 + i32::from(time.second())
        };
        let of = |(index, window): (usize, &WeeklyHours)| {
            let (from, to) = (seconds(window.from), seconds(window.to));
            let length = if to > from { to - from } else { to + DAY - from };
            let begins = (0..).zip(Day::ALL).filter(|(_, day)| window.days.contains(day));
            begins.map(|(day, _)| (day * DAY + from, day * DAY + from + length, index)).collect::<Vec<_>>()
        };
        self.0.iter().enumerate().flat_map(of).collect()
    }

    /// The windows that begin on a date, except those that the clock jumps over.
    fn on<'a>(
        &'a self,
        date: Date,
        zone: &Zone,
        holidays: &Holidays,
    ) -> impl Iterator<Item = Occurrence<'a>> {
        let day = Day::of(date);
        let is_holiday = holidays.contains(date);
        self.0.iter().filter(move |hours| hours.days.contains(&day)).filter_map(move |hours| {
            let last = if hours.to > hours.from { date } else { date.tomorrow().ok()? };
            let begin = zone.instant(date.to_datetime(hours.from), Edge::Begin)?;
            let end = zone.instant(last.to_datetime(hours.to), Edge::End)?;
            (begin < end).then_some(Occurrence { begin, end, date, hours, is_holiday })
        })
    }

    pub(super) fn at<'a>(&'a self, zone: &Zone, holidays: &Holidays, at: Timestamp) -> Piece<'a> {
        let today = zone.wall(at).date();
        // What holds now began today or the day before; a day of its zone can be missing between them.
        let earliest = std::iter::successors(Some(today), |date| date.yesterday().ok()).take(3).last();
        let from = earliest.unwrap_or(today);
        let forward = std::iter::successors(Some(from), |date| date.tomorrow().ok()).take(SIGHT);
        let (mut holding, mut skipped): (Option<Occurrence<'_>>, Option<Occurrence<'_>>) = (None, None);
        let mut next: Option<Timestamp> = None;
        for date in forward {
            for occurrence in self.on(date, zone, holidays) {
                if occurrence.begin > at {
                    next = Some(next.map_or(occurrence.begin, |next| next.min(occurrence.begin)));
                } else if occurrence.end > at {
                    let found = if occurrence.is_holiday { &mut skipped } else { &mut holding };
                    if found.as_ref().is_none_or(|found| occurrence.begin < found.begin) {
                        *found = Some(occurrence);
                    }
                }
            }
            if date > today && (next.is_some() || holding.is_some()) {
                break;
            }
        }
        if let Some(Occurrence { begin, end, hours, .. }) = holding {
            let cause = Cause::Window(hours);
            return Piece { state: State::On, cause, from: Some(begin), until: Some(end) };
        }
        let tomorrow = today.tomorrow().unwrap_or(today);
        let mut back = std::iter::successors(Some(tomorrow), |date| date.yesterday().ok()).take(SIGHT);
        let last = back.find_map(|date| {
            self.on(date, zone, holidays).map(|occurrence| occurrence.end).filter(|end| *end <= at).max()
        });
        let mut piece = Piece { state: State::Off, cause: Cause::Outside, from: last, until: next };
        if let Some(Occurrence { begin, end, date, .. }) = skipped {
            piece.cause = Cause::Holiday(holidays.get(date));
            piece.from = piece.from.max(Some(begin));
            piece.until = Some(next.map_or(end, |next| next.min(end)));
        }
        piece
    }
}
