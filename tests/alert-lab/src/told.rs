//! What channels were told, and the figures of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::{Channel, Expected, Script, Time, s};

/// The shortest interval after which the same is said again on purpose: both systems' `repeat_interval`.
const REPEAT: Time = s(4 * 3_600);

/// A message that a channel took.
#[derive(Clone, Debug)]
pub struct Told {
    pub at: Time,
    pub channel: Channel,
    /// The group that it is about.
    pub unit: String,
    /// Whether something fires.
    pub firing: bool,
    /// All that it says: whether it is the same as another one.
    pub says: String,
    /// The alarms that it names as firing.
    pub names: BTreeSet<String>,
    /// Whether it has the id of a message that the channel has already, so that one that knows ids drops it.
    pub again: bool,
}

/// The figures of one run of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub messages: BTreeMap<Channel, usize>,
    /// Messages to the pager that something fires: those that get somebody out of bed.
    pub pages: usize,
    /// Messages that say the same to the same channel as the one before, within four hours.
    pub duplicates: usize,
    /// Those of them that a channel which knows ids drops.
    pub dropped: usize,
    /// How long after it began people were first told, in seconds, of each group that was told.
    pub first: Vec<f64>,
    /// How long after it ended nobody believed any more that it goes on, in seconds, of each group of which all know.
    pub end: Vec<f64>,
    /// Alarms that a message names, and those that there were.
    pub named: usize,
    pub alarms: usize,
    /// Groups of which nobody was told.
    pub never: usize,
    /// Groups of which a channel believes in the end that they fire.
    pub open: usize,
}

impl Figures {
    pub fn of(script: &Script, told: &[Told]) -> Self {
        let mut figures = Self::default();
        for message in told {
            *figures.messages.entry(message.channel).or_default() += 1;
            figures.pages += usize::from(message.channel == Channel::Pager && message.firing);
        }
        for (message, _) in repeated(told) {
            figures.duplicates += 1;
            figures.dropped += usize::from(message.again);
        }
        for expected in &script.expected {
            let about: Vec<&Told> = told.iter().filter(|message| message.unit == expected.unit).collect();
            figures.take(expected, &about);
        }
        // What nobody has to know is not to stay open either.
        let expected: BTreeSet<&str> =
            script.expected.iter().map(|expected| expected.unit.as_str()).collect();
        let others: BTreeSet<&str> = told
            .iter()
            .map(|message| message.unit.as_str())
            .filter(|unit| !expected.contains(unit))
            .collect();
        for unit in others {
            let about: Vec<&Told> = told.iter().filter(|message| message.unit == unit).collect();
            figures.open += usize::from(last(&about).any(|message| message.firing));
        }
        figures
    }

    fn take(&mut self, expected: &Expected, about: &[&Told]) {
        let names: BTreeSet<&str> =
            about.iter().flat_map(|message| &message.names).map(String::as_str).collect();
        self.alarms += expected.alarms.len();
        self.named += expected.alarms.iter().filter(|alarm| names.contains(alarm.as_str())).count();
        let Some(first) = about.iter().filter(|message| message.firing).map(|message| message.at).min()
        else {
            self.never += 1;
            return;
        };
        self.first.push((first - expected.begin).as_secs_f64());
        if last(about).any(|message| message.firing) {
            self.open += 1;
            return;
        }
        let end = last(about).map(|message| message.at).max().unwrap_or(expected.end);
        self.end.push((end - expected.end).as_secs_f64().max(0.0));
    }
}

/// The last message of each channel.
fn last<'a>(about: &[&'a Told]) -> impl Iterator<Item = &'a Told> {
    let last: BTreeMap<Channel, &Told> = about.iter().map(|message| (message.channel, *message)).collect();
    last.into_values()
}

/// Messages that say what the channel was told before, each with that one.
fn repeated(told: &[Told]) -> Vec<(&Told, &Told)> {
    let mut before: BTreeMap<(Channel, &str), &Told> = BTreeMap::new();
    let mut repeated = Vec::new();
    for message in told {
        let line = (message.channel, message.unit.as_str());
        if let Some(before) = before.insert(line, message)
            && before.says == message.says
            && message.at - before.at < REPEAT
        {
            repeated.push((message, before));
        }
    }
    repeated
}

/// For a person who wants to see what happened.
pub fn trace(told: &[Told]) -> String {
    let line = |message: &Told| {
        format!(
            "  {:9.1} s  {:5}  {:24} {}{}\n",
            message.at.as_secs_f64(),
            message.channel.as_str(),
            message.unit,
            message.says,
            if message.again { " (the same id again)" } else { "" }
        )
    };
    told.iter().map(line).collect()
}
