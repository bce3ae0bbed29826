//! What cron expressions leave out on a day on which the clock is set forward.

use std::fmt;

use jiff::civil::{Date, Time};

use crate::cron::Cron;
use crate::hours::Hours;
use crate::plan::Plan;
use crate::reason::told;
use crate::state::State;

/// The most times that are told one by one.
const TOLD: usize = 4;

/// Times of a cron expression at which it does not fire on a day, since the clock of the zone jumps over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// What it would have done: a start brings resources on, a stop off.
    pub state: State,
    /// The expression.
    pub cron: Cron,
    /// When, as the clock would have shown it: in order, and at least one.
    pub times: Vec<Time>,
}

/// The starts and stops of a plan that are skipped on a day, as EventBridge Scheduler skips them: what fired before goes on
/// to hold until something fires again. A start that does not count, since the day is a holiday, is not among them; hours
/// (`on`) skip nothing.
pub fn skipped(plan: &Plan, date: Date) -> Vec<Skipped> {
    let Hours::Pair(pair) = &plan.hours else { return Vec::new() };
    let starts: &[Cron] = if plan.holidays.contains(date) { &[] } else { &pair.starts };
    let starts = starts.iter().map(|cron| (State::On, cron));
    let all = starts.chain(pair.stops.iter().map(|cron| (State::Off, cron)));
    let each = all.map(|(state, cron)| Skipped {
        state,
        cron: cron.clone(),
        times: cron.skipped(plan.zone(), date).collect(),
    });
    each.filter(|skipped| !skipped.times.is_empty()).collect()
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |time: &Time| time.strftime("%H:%M").to_string();
        match self.times.as_slice() {
            [first, .., last] if self.times.len() > TOLD => {
                write!(f, "{} times from {} to {} do", self.times.len(), shown(first), shown(last))?;
            }
            [first @ .., last] if !first.is_empty() => {
                let first: Vec<String> = first.iter().map(shown).collect();
                write!(f, "{} and {} do", first.join(", "), shown(last))?;
            }
            times => {
                let only: String = times.iter().map(shown).collect();
                write!(f, "{only} does")?;
            }
        }
        let what = match self.state {
            State::On => "start",
            State::Off => "stop",
        };
        let (plural, are) = if self.times.len() == 1 { ("", "is") } else { ("s", "are") };
        let cron = told(&self.cron);
        write!(
            f,
            " not exist on this day: the {what}{plural} by {cron} {are} skipped, as EventBridge Scheduler does"
        )
    }
}
