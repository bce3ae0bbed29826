//! What an environment's configuration says of when its resources are on.

use jiff::civil::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cron::Cron;
use crate::crons::Crons;
use crate::holidays::{Holiday, Holidays};
use crate::hours::{Hours, Overlap, Pair, Weekly, WeeklyHours};
use crate::ics::{Calendar, Timed};
use crate::invalid::{InvalidPlan, Mistake, Step};
use crate::once::{OneOff, WrittenOneOff};
use crate::state::State;
use crate::window::{Day, InvalidWindow, Moment};
use crate::zone::Zone;

/// When the resources of an environment are on, valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenPlan", into = "WrittenPlan")]
#[schemars(with = "WrittenPlan")]
pub struct Plan {
    written: WrittenPlan,
    pub(crate) hours: Hours,
    pub(crate) holidays: Holidays,
    pub(crate) once: Vec<OneOff>,
    timed: Vec<(usize, Timed)>,
}

/// The same as it is written. One of `on`, `start` with `stop`, and `always` says when; the rest is added to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Schedule")]
pub struct WrittenPlan {
    /// Whose clock is meant.
    pub zone: Zone,
    /// The hours of every week in which resources are on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<WrittenHours>>,
    /// When they start: a cron expression, or several. A time that does not exist when the clock is set forward is skipped,
    /// and what comes next counts; hours (`on`) begin and end at the end of the gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Crons>,
    /// When they stop. A time that does not exist when the clock is set forward is skipped: they stay on until the next stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Crons>,
    /// What they always are, but for one-off windows and overrides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub always: Option<State>,
    /// Days on which nothing begins: no hours do, and no expression starts anything. What is on ends as ever.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<Holiday>,
    /// More of them: the all-day events of calendar files (ICS), by their names in .ace-flow/calendars, like `germany.ics`;
    /// what is published has their texts here. Events with times of the day are no holidays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calendars: Vec<String>,
    /// Windows from a date to a date, whatever the rest says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub once: Vec<WrittenOneOff>,
}

/// Hours of every week as they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Hours")]
pub struct WrittenHours {
    /// The days on which they begin.
    pub days: Vec<Day>,
    /// When they begin, a time of the day.
    pub from: Moment,
    /// When they end; on the next day where it is not later than `from`, and 24 hours later where it is the same.
    pub to: Moment,
}

impl TryFrom<WrittenPlan> for Plan {
    type Error = Mistake;

    fn try_from(written: WrittenPlan) -> Result<Self, Mistake> {
        Self::read(written).map_err(|(first, _)| first)
    }
}

impl From<Plan> for WrittenPlan {
    fn from(valid: Plan) -> Self {
        valid.written
    }
}

impl Plan {
    /// Checks what is written, and tells everything that is wrong with it: the first thing, and the others.
    pub fn read(written: WrittenPlan) -> Result<Self, (Mistake, Vec<Mistake>)> {
        let mut reader = Reader { zone: &written.zone, wrong: Vec::new(), timed: Vec::new() };
        let hours = reader.hours(&written);
        let holidays = reader.holidays(&written);
        let once = reader.once(&written.once);
        let timed = reader.timed;
        let mut wrong = reader.wrong.into_iter();
        match (wrong.next(), hours) {
            (None, Some(hours)) => Ok(Self { written, hours, holidays, once, timed }),
            (Some(first), _) => Err((first, wrong.collect())),
            // Where there are no hours, why has been said.
            (None, None) => Err((Mistake { steps: Vec::new(), why: InvalidPlan::NoHours }, Vec::new())),
        }
    }

    /// The holiday on a date, if it is one.
    pub fn holiday(&self, date: jiff::civil::Date) -> Option<Holiday> {
        self.holidays.contains(date).then(|| self.holidays.get(date))
    }

    /// What calendars have beside holidays: events with times of the day, by the place of the calendar, from 0.
    pub fn timed(&self) -> &[(usize, Timed)] {
        &self.timed
    }

    /// Whose clock is meant.
    pub const fn zone(&self) -> &Zone {
        &self.written.zone
    }
}

struct Reader<'a> {
    zone: &'a Zone,
    wrong: Vec<Mistake>,
    timed: Vec<(usize, Timed)>,
}

impl Reader<'_> {
    fn refuse<const N: usize>(&mut self, steps: [Step; N], why: impl Into<InvalidPlan>) {
        self.wrong.push(Mistake { steps: steps.into(), why: why.into() });
    }

    fn hours(&mut self, written: &WrittenPlan) -> Option<Hours> {
        let WrittenPlan { on, start, stop, always, .. } = written;
        let keys = [
            (on.is_some(), "on"),
            (start.is_some(), "start"),
            (stop.is_some() && start.is_none(), "stop"),
            (always.is_some(), "always"),
        ];
        let mut keys = keys.into_iter().filter(|(is_there, _)| *is_there).map(|(_, key)| key);
        if let (Some(first), Some(second)) = (keys.next(), keys.next()) {
            self.refuse([Step::Key(second)], InvalidPlan::TwoHours { first, second });
        }
        let half = |missing, always| InvalidPlan::HalfAPair { missing, always };
        match (on, start, stop, always) {
            (Some(on), ..) => self.weekly(on, written).map(Hours::Weekly),
            (None, Some(starts), Some(stops), _) => {
                self.pair(starts.as_slice(), stops.as_slice()).map(Hours::Pair)
            }
            (None, None, None, Some(state)) => Some(Hours::Always(*state)),
            (None, None, None, None) => {
                self.refuse([], InvalidPlan::NoHours);
                None
            }
            (None, Some(_), None, _) => {
                self.refuse([Step::Key("start")], half("stop", State::On));
                None
            }
            (None, None, Some(_), _) => {
                self.refuse([Step::Key("stop")], half("start", State::Off));
                None
            }
        }
    }

    fn weekly(&mut self, on: &[WrittenHours], written: &WrittenPlan) -> Option<Weekly> {
        let key = Step::Key("on");
        if on.is_empty() {
            self.refuse([key], InvalidPlan::NoWindows);
        }
        let before = self.wrong.len();
        let mut windows = Vec::new();
        for (index, WrittenHours { days, from, to }) in on.iter().enumerate() {
            let item = Step::Item(index);
            if days.is_empty() {
                self.refuse([key, item, Step::Key("days")], InvalidPlan::NoDays);
            }
            for (place, day) in days.iter().enumerate() {
                if days.iter().take(place).any(|before| before == day) {
                    self.refuse(
                        [key, item, Step::Key("days"), Step::Item(place)],
                        InvalidPlan::DayTwice(*day),
                    );
                }
            }
            let mut time = |name, moment: &Moment| match moment {
                Moment::Daily(time) => *time,
                Moment::At(_) => {
                    self.refuse([key, item, Step::Key(name)], InvalidWindow::NeedsTime(*moment));
                    Time::midnight()
                }
            };
            let (from, to) = (time("from", from), time("to", to));
            windows.push(WeeklyHours { days: days.clone(), from, to });
        }
        if self.wrong.len() > before || on.is_empty() {
            return None;
        }
        match Weekly::new(windows) {
            Ok(weekly)
                if weekly.is_whole() && written.holidays.is_empty() && written.calendars.is_empty() =>
            {
                self.refuse([key], InvalidPlan::WholeWeek);
                None
            }
            Ok(weekly) => Some(weekly),
            Err(Overlap { first, second, day }) => {
                self.refuse([key, Step::Item(second)], InvalidPlan::Overlap { other: first, day });
                None
            }
        }
    }

    fn pair(&mut self, starts: &[Cron], stops: &[Cron]) -> Option<Pair> {
        let before = self.wrong.len();
        for (key, crons) in [("start", starts), ("stop", stops)] {
            for (index, cron) in crons.iter().enumerate() {
                let step = [Step::Key(key), Step::Item(index)];
                if crons.iter().take(index).any(|before| before.times() == cron.times()) {
                    self.refuse(step, InvalidPlan::CronTwice(cron.to_string()));
                }
                if cron.next(self.zone, jiff::Timestamp::MIN).is_none() {
                    let (cron, zone) = (cron.to_string(), self.zone.clone());
                    self.refuse(step, InvalidPlan::Skipped { cron, zone });
                }
            }
        }
        for (index, stop) in stops.iter().enumerate() {
            if starts.iter().any(|start| start.times() == stop.times()) {
                self.refuse([Step::Key("stop"), Step::Item(index)], InvalidPlan::Same(stop.to_string()));
            }
        }
        if self.wrong.len() > before {
            return None;
        }
        let pair = Pair { starts: starts.to_vec(), stops: stops.to_vec() };
        let year = |crons: &[Cron]| crons.iter().filter_map(|cron| cron.times().last_year()).max();
        let why = match (starts, stops, year(starts), year(stops)) {
            ([start], [stop], ..) if is_inverted(start, stop) => {
                InvalidPlan::Inverted { start: start.to_string(), stop: stop.to_string() }
            }
            (_, _, Some(starts), Some(stops)) if stops < starts => InvalidPlan::StopsEnd { stops, starts },
            _ if !pair.is_ever_off(self.zone) => InvalidPlan::NeverOff,
            _ if !pair.is_ever_on(self.zone) => InvalidPlan::NeverOn,
            _ => return Some(pair),
        };
        self.refuse([Step::Key("stop")], why);
        None
    }

    fn holidays(&mut self, written: &WrittenPlan) -> Holidays {
        let mut holidays = Holidays::default();
        let only_always = written.always.is_some() && written.on.is_none() && written.start.is_none();
        for (key, is_there) in
            [("holidays", !written.holidays.is_empty()), ("calendars", !written.calendars.is_empty())]
        {
            if is_there && only_always {
                self.refuse([Step::Key(key)], InvalidPlan::NoUse);
            }
        }
        for (index, holiday) in written.holidays.iter().enumerate() {
            if holidays.contains(holiday.date) {
                self.refuse(
                    [Step::Key("holidays"), Step::Item(index)],
                    InvalidPlan::HolidayTwice(holiday.date),
                );
            }
            holidays.add(holiday.clone());
        }
        for (index, text) in written.calendars.iter().enumerate() {
            match Calendar::read(text, self.zone) {
                Ok(calendar) => {
                    calendar.holidays.into_iter().for_each(|holiday| holidays.add(holiday));
                    self.timed.extend(calendar.timed.map(|timed| (index, timed)));
                }
                Err(why) => self.refuse([Step::Key("calendars"), Step::Item(index)], why),
            }
        }
        holidays
    }

    fn once(&mut self, written: &[WrittenOneOff]) -> Vec<OneOff> {
        let mut windows: Vec<OneOff> = Vec::new();
        for (index, window) in written.iter().enumerate() {
            let item = [Step::Key("once"), Step::Item(index)];
            let [list, place] = item;
            let window = match OneOff::read(window, self.zone) {
                Ok(window) => window,
                Err((key, why)) => {
                    self.refuse([list, place, Step::Key(key)], why);
                    continue;
                }
            };
            if windows.iter().any(|before| before.name == window.name) {
                let why = InvalidWindow::Twice(window.name.clone());
                self.refuse([list, place, Step::Key("name")], why);
            }
            let overlaps = |before: &&OneOff| before.begin < window.end && window.begin < before.end;
            if let Some(before) = windows.iter().find(overlaps) {
                self.refuse(item, InvalidPlan::OnceOverlap(before.name.clone()));
            }
            windows.push(window);
        }
        windows
    }
}

/// Whether both fire once on the same days, the stop before the start.
fn is_inverted(start: &Cron, stop: &Cron) -> bool {
    match (start.times().daily(), stop.times().daily()) {
        (Some((days, start)), Some((same, stop))) => days == same && stop < start,
        _ => false,
    }
}
