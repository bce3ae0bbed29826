//! What happens in a scenario, in virtual time from its beginning.

use std::collections::BTreeMap;

use jiff::SignedDuration;

/// A time after the beginning of a scenario, or a span.
pub type Time = SignedDuration;

pub const fn s(seconds: i64) -> Time {
    Time::from_secs(seconds)
}

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Gets somebody out of bed.
    Pager,
    /// For whoever looks.
    Chat,
    /// Stands in for the pager.
    Mail,
}

impl Channel {
    pub const ALL: [Self; 3] = [Self::Pager, Self::Chat, Self::Mail];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pager => "pager",
            Self::Chat => "chat",
            Self::Mail => "mail",
        }
    }
}

/// What an alarm is about, and how much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Pager and chat are told at once.
    Critical,
    /// Pager and chat are told after the wait of a group.
    High,
    /// The pager alone is told, after the wait of a group.
    Paged,
    /// The environment as a whole is down, which is critical.
    Down,
    /// The environment answers slowly, which matters where two do.
    Slow,
}

impl Kind {
    /// As its alarms' names begin, and as the label `severity` has it.
    pub const fn severity(self) -> &'static str {
        match self {
            Self::Critical | Self::Down => "critical",
            Self::High | Self::Slow => "high",
            Self::Paged => "paged",
        }
    }
}

/// From when until when an alarm rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub begin: Time,
    pub end: Time,
}

/// An alarm.
#[derive(Clone, Debug)]
pub struct Alarm {
    pub name: String,
    pub kind: Kind,
    pub environment: &'static str,
    /// `None` for what is about the environment as a whole.
    pub service: Option<String>,
    /// In the order of time, none within another.
    pub spans: Vec<Span>,
}

impl Alarm {
    /// An alarm of a service of production.
    pub fn of(kind: Kind, name: &str, service: &str, spans: &[(Time, Time)]) -> Self {
        Self {
            name: format!("{}-{name}", kind.severity()),
            kind,
            environment: "production",
            service: Some(service.to_owned()),
            spans: spans.iter().map(|(begin, end)| Span { begin: *begin, end: *end }).collect(),
        }
    }

    /// An environment as a whole.
    pub fn whole(kind: Kind, name: &str, environment: &'static str, span: (Time, Time)) -> Self {
        let spans = vec![Span { begin: span.0, end: span.1 }];
        Self { name: name.to_owned(), kind, environment, service: None, spans }
    }

    /// What messages are grouped by: environment and service.
    pub fn unit(&self) -> String {
        let service = self.service.iter().map(String::as_str);
        [self.environment].into_iter().chain(service).collect::<Vec<_>>().join("/")
    }
}

/// What people have to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The group that tells it.
    pub unit: String,
    /// From when on it is so.
    pub begin: Time,
    /// Until when it is so.
    pub end: Time,
    /// The alarms that make it so.
    pub alarms: Vec<String>,
}

/// A rollout of a service that goes back.
#[derive(Clone, Debug)]
pub struct Rollback {
    pub service: &'static str,
    /// When the rollout began.
    pub started: Time,
    /// When it began to go back.
    pub begun: Time,
    /// When that was verified.
    pub done: Time,
}

/// When something is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Between the alarm's arrival and the first message.
    BeforeTelling,
    /// After the first message.
    AfterTelling,
}

/// Everything that happens.
#[derive(Clone, Debug)]
pub struct Script {
    pub alarms: Vec<Alarm>,
    pub expected: Vec<Expected>,
    pub rollback: Option<Rollback>,
    /// Everything is delivered twice, each time up to so much late, as this seed has it.
    pub twice: Option<(Time, u64)>,
    /// The pager answers 503.
    pub outage: Option<Span>,
    pub crash: Option<Crash>,
    pub horizon: Time,
}

impl Script {
    /// Of these alarms, all of which people have to know.
    pub fn of(alarms: Vec<Alarm>, horizon: Time) -> Self {
        let mut expected: BTreeMap<String, Expected> = BTreeMap::new();
        for alarm in &alarms {
            let spans = || alarm.spans.iter();
            let (Some(begin), Some(end)) =
                (spans().map(|span| span.begin).min(), spans().map(|span| span.end).max())
            else {
                continue;
            };
            let unit = alarm.unit();
            let one = expected.entry(unit.clone()).or_insert_with(|| Expected {
                unit,
                begin,
                end,
                alarms: Vec::new(),
            });
            one.begin = one.begin.min(begin);
            one.end = one.end.max(end);
            one.alarms.push(alarm.name.clone());
        }
        let expected = expected.into_values().collect();
        Self { alarms, expected, rollback: None, twice: None, outage: None, crash: None, horizon }
    }
}

/// What is done to Alertmanager beyond its own configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Help {
    /// Nothing.
    None,
    /// The Prometheus rule has `keep_firing_for: 10m`.
    KeepFiring,
    /// Somebody posts an alert while a rollback may help, and an inhibition silences the service's alerts with it.
    RollbackAlert,
}

impl Help {
    /// The name of the system in the table.
    pub const fn system(self) -> &'static str {
        match self {
            Self::None => "Alertmanager",
            Self::KeepFiring => "Alertmanager, `keep_firing_for: 10m`",
            Self::RollbackAlert => "Alertmanager, inhibited by an alert of the rollback",
        }
    }
}

/// A scenario.
pub struct Scenario {
    /// For the command line.
    pub key: &'static str,
    /// For the table.
    pub what: &'static str,
    /// How many times faster than real time Alertmanager plays it.
    pub factor: i32,
    /// How Alertmanager plays it; it cannot, where there is no way.
    pub ways: &'static [Help],
    /// What happens in a run: runs differ in when things happen relative to each other.
    pub script: fn(run: u32) -> Script,
}
