//! What plans say, minute by minute: the rules as they are told to people, read from the written plan, and followed the
//! slow way over an array of minutes. It shares nothing with what it is compared with but the calendar, the zone and what
//! an expression names, which is taken apart here again.

use jiff::civil::{Date, DateTime, Time};

use super::*;

/// Minutes and what the clock shows then.
pub(super) struct Clock {
    begin: Timestamp,
    walls: Vec<DateTime>,
}

impl Clock {
    pub(super) fn new(zone: &Zone, begin: Timestamp, minutes: i64) -> Self {
        let wall = |minute| zone.wall(begin.checked_add(SignedDuration::from_mins(minute)).unwrap());
        Self { begin, walls: (0..minutes).map(wall).collect() }
    }

    pub(super) fn at(&self, minute: usize) -> Timestamp {
        self.begin.checked_add(SignedDuration::from_mins(i64::try_from(minute).unwrap())).unwrap()
    }

    /// Where a window begins: when the clock first shows the time, or else the first later one.
    fn first(&self, wall: DateTime) -> usize {
        let shown = self.walls.iter().position(|shown| *shown == wall);
        shown.or_else(|| self.walls.iter().position(|shown| *shown > wall)).unwrap_or(self.walls.len())
    }

    /// Where a window ends: when the clock last shows the time, or else the first later one.
    fn last(&self, wall: DateTime) -> usize {
        let shown = self.walls.iter().rposition(|shown| *shown == wall);
        shown.or_else(|| self.walls.iter().position(|shown| *shown > wall)).unwrap_or(self.walls.len())
    }

    fn dates(&self) -> Vec<Date> {
        let first = self.walls.first().unwrap().date().checked_sub(jiff::Span::new().days(2)).unwrap();
        first
            .series(jiff::Span::new().days(1))
            .take_while(|date| *date <= self.walls.last().unwrap().date())
            .collect()
    }

    /// Whether each minute is the first at which the clock shows its time.
    fn is_new(&self) -> Vec<bool> {
        let mut latest = DateTime::MIN;
        let new = |wall: &DateTime| {
            let new = *wall > latest;
            latest = latest.max(*wall);
            new
        };
        self.walls.iter().map(new).collect()
    }
}

/// Whether a five-field expression of numbers, ranges, lists and steps names a time.
fn names(cron: &Cron, wall: DateTime) -> bool {
    let text = cron.to_string();
    let fields: Vec<&str> = text.split(' ').collect();
    let has = |field: &str, value: i8, least: i8, most: i8| {
        field.split(',').any(|item| {
            let (range, step) = item.split_once('/').unwrap_or((item, "1"));
            let (from, to) = match range.split_once('-') {
                Some((from, to)) => (from.parse().unwrap(), to.parse().unwrap()),
                None if range == "*" => (least, most),
                None => (range.parse().unwrap(), range.parse().unwrap()),
            };
            (from..=to).contains(&value) && (value - from) % step.parse::<i8>().unwrap() == 0
        })
    };
    let sunday = wall.date().weekday().to_sunday_zero_offset();
    let of_month = has(fields[2], wall.day(), 1, 31);
    let of_week = has(fields[4], sunday, 0, 7) || sunday == 0 && has(fields[4], 7, 0, 7);
    let either = !fields[2].starts_with('*') && !fields[4].starts_with('*');
    let day = if either { of_month || of_week } else { of_month && of_week };
    has(fields[0], wall.minute(), 0, 59)
        && has(fields[1], wall.hour(), 0, 23)
        && has(fields[3], wall.month(), 1, 12)
        && day
}

/// The state of each minute. Of expressions `before` is what held when the minutes begin.
pub(super) fn states(
    plan: &WrittenPlan,
    overrides: &[&Override],
    clock: &Clock,
    before: State,
) -> Vec<State> {
    let holiday = |date: Date| plan.holidays.iter().any(|holiday| holiday.date == date);
    let mut states = vec![State::Off; clock.walls.len()];
    if let Some(hours) = &plan.on {
        for window in hours {
            let time = |moment: Moment| moment.to_string().parse::<Time>().unwrap();
            let (from, to) = (time(window.from), time(window.to));
            for date in clock.dates() {
                if window.days.iter().any(|day| *day == Day::of(date)) && !holiday(date) {
                    let last = if from < to { date } else { date.tomorrow().unwrap() };
                    let (begin, end) =
                        (clock.first(date.to_datetime(from)), clock.last(last.to_datetime(to)));
                    states[begin.min(end)..end].fill(State::On);
                }
            }
        }
    } else if let (Some(starts), Some(stops)) = (&plan.start, &plan.stop) {
        let mut state = before;
        for (index, is_new) in clock.is_new().into_iter().enumerate() {
            let wall = clock.walls[index];
            if is_new && starts.as_slice().iter().any(|cron| names(cron, wall)) && !holiday(wall.date()) {
                state = State::On;
            }
            if is_new && stops.as_slice().iter().any(|cron| names(cron, wall)) {
                state = State::Off;
            }
            states[index] = state;
        }
    } else {
        states.fill(plan.always.unwrap());
    }
    for once in &plan.once {
        let wall = |moment: Moment| moment.to_string().parse::<DateTime>().unwrap();
        let (begin, end) = (clock.first(wall(once.from)), clock.last(wall(once.to)));
        states[begin.min(end)..end].fill(once.state);
    }
    let mut overrides = overrides.to_vec();
    overrides.sort_by_key(|over| over.made());
    for over in overrides {
        for (index, state) in states.iter_mut().enumerate() {
            if over.from() <= clock.at(index) && clock.at(index) < over.until() {
                *state = over.state();
            }
        }
    }
    states
}
