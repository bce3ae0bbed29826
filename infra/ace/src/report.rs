//! What a run prints: the same entries live, as plain lines, or as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use alerting::group::Delivery;
use console::Style;
use jiff::Timestamp;
use local_stack::Update;
use rollout::{Colour, Rollout};
use serde::Serialize;
use serde_json::{Value, json};
use weighted_proxy::{ArmCounts, LoadTotals, MinuteCounts};

use crate::arguments::Output;
use crate::inputs::message;
use crate::live::Live;
use crate::told::Titles;
use crate::words::{Tone, clock, decision};

/// Where entries go.
pub(crate) enum Screen {
    Live(Box<Live>),
    Plain,
    Json,
}

impl Screen {
    pub(crate) fn of(output: Output) -> Self {
        match output {
            Output::Json => Self::Json,
            Output::Human if console::user_attended() => Self::Live(Box::new(Live::new())),
            Output::Human => Self::Plain,
        }
    }
}

/// Prints what happens.
pub(crate) struct Reporter {
    screen: Screen,
    began: Timestamp,
    now: Timestamp,
    canary: Option<Colour>,
    shown_until: Option<Timestamp>,
    titles: Titles,
    /// What could not be told, by the message and why.
    failures: BTreeSet<(String, String)>,
}

/// How a run ended, in numbers.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) ended: String,
    pub(crate) reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) rollout: String,
    pub(crate) took_seconds: i64,
    pub(crate) canary_weight: u16,
    #[serde(flatten)]
    pub(crate) traffic: Option<Traffic>,
}

/// The requests that this process has sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Traffic {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    pub(crate) not_sent: u64,
    pub(crate) p99_ms: Option<u64>,
}

impl From<&LoadTotals> for Traffic {
    fn from(load: &LoadTotals) -> Self {
        Self {
            requests: load.sent,
            failed: load.failed,
            not_sent: load.behind,
            p99_ms: load.p99_micros.map(|micros| micros / 1000),
        }
    }
}

impl Traffic {
    /// Failed requests as a percentage of all.
    fn failed_percent(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
        let share = |part: u64, whole: u64| 100.0 * part as f64 / whole.max(1) as f64;
        share(self.failed, self.requests)
    }
}

impl Reporter {
    pub(crate) fn new(screen: Screen, began: Timestamp) -> Self {
        let (titles, failures) = (Titles::default(), BTreeSet::new());
        Self { screen, began, now: began, canary: None, shown_until: None, titles, failures }
    }

    /// How alerts are called.
    pub(crate) fn titled(&mut self, titles: Titles) {
        self.titles = titles;
    }

    /// The colour that a new version gets.
    pub(crate) const fn expect(&mut self, canary: Colour) {
        self.canary = Some(canary);
    }

    /// One entry: text for people, data for programs.
    pub(crate) fn say(&self, at: Timestamp, kind: &str, tone: Tone, text: &str, data: Value) {
        match &self.screen {
            Screen::Json => {
                let mut entry = json!({ "at": at.to_string(), "kind": kind });
                if let (Some(entry), Value::Object(data)) = (entry.as_object_mut(), data) {
                    entry.extend(data);
                }
                println!("{entry}");
            }
            Screen::Plain => println!("{}", self.line(at, tone, text)),
            Screen::Live(live) => live.print(&self.line(at, tone, text)),
        }
    }

    fn line(&self, at: Timestamp, tone: Tone, text: &str) -> String {
        let since = at.duration_since(self.began).as_secs();
        let mark = match tone {
            Tone::Plain => " ".to_owned(),
            Tone::Good => Style::new().green().apply_to("✓").to_string(),
            Tone::Bad => Style::new().red().bold().apply_to("✗").to_string(),
            Tone::Warning => Style::new().yellow().apply_to("!").to_string(),
        };
        format!("{:>6} {mark} {text}", clock(u64::try_from(since).unwrap_or(0)))
    }

    /// Something happened in the stack.
    pub(crate) fn update(&mut self, update: &Update) {
        match update {
            Update::Stored { at, rollout, record } => {
                if let Screen::Live(live) = &mut self.screen {
                    live.rollout(rollout);
                }
                let words = decision(rollout, record);
                if matches!(self.screen, Screen::Json) || words.is_some() {
                    let (tone, text) = words.unwrap_or((Tone::Plain, String::new()));
                    self.say(*at, "decision", tone, &text, data(rollout, record));
                }
            }
            Update::Machine(event) => self.machine(event),
            Update::Published(outcome) => {
                if matches!(self.screen, Screen::Json) {
                    self.say(outcome.at, "outcome", Tone::Plain, "", json!({ "outcome": outcome }));
                }
            }
            Update::Told { channel, notice, delivery } => {
                let told = self.titles.delivery(channel, notice, delivery);
                // It is tried several times within seconds; that is told once.
                let failed = matches!(delivery, Delivery::Later { .. } | Delivery::Refused { .. });
                if !failed || self.failures.insert((notice.id.clone(), told.text.clone())) {
                    self.say(self.now.max(notice.at), "told", told.tone, &told.text, told.data);
                }
            }
            Update::GivenUp { channel, notice, why } => {
                let told = self.titles.given_up(channel, notice, why);
                self.say(self.now.max(notice.at), "told", told.tone, &told.text, told.data);
            }
        }
    }

    fn machine(&self, event: &asl::HistoryEvent) {
        match &event.event {
            asl::Event::StateEntered { name, .. } if matches!(self.screen, Screen::Json) => {
                self.say(event.at, "state", Tone::Plain, "", json!({ "state": name }));
            }
            asl::Event::TaskFailed { error, cause } => {
                let text = format!("a function failed with {error}: {}", message(cause));
                self.say(
                    event.at,
                    "function_failed",
                    Tone::Warning,
                    &text,
                    json!({ "error": error, "cause": cause }),
                );
            }
            asl::Event::TaskTimedOut { error, cause } => {
                let text = format!("a function timed out: {cause}");
                self.say(
                    event.at,
                    "function_failed",
                    Tone::Warning,
                    &text,
                    json!({ "error": error, "cause": cause }),
                );
            }
            _ => {}
        }
    }

    /// The minutes that ended by now and were not shown yet.
    pub(crate) fn minutes(&mut self, minutes: &[MinuteCounts]) {
        for counts in minutes {
            if self.shown_until.is_some_and(|until| counts.minute < until) {
                continue;
            }
            self.shown_until = Some(rollout::Seconds(60).after(counts.minute));
            self.minute(counts);
        }
    }

    /// Up to when minutes were shown.
    pub(crate) const fn shown_until(&self) -> Option<Timestamp> {
        self.shown_until
    }

    fn minute(&self, counts: &MinuteCounts) {
        let end = rollout::Seconds(60).after(counts.minute);
        let Some(canary) = self.canary else { return };
        let (new, old) = match canary {
            Colour::Blue => (&counts.arms.blue, &counts.arms.green),
            Colour::Green => (&counts.arms.green, &counts.arms.blue),
        };
        let dim = Style::new().dim();
        let text = format!("{} canary {}   baseline {}", dim.apply_to("minute"), arm(new), arm(old));
        let of =
            |arm: &ArmCounts| json!({ "requests": arm.requests, "errors": arm.errors, "slow": arm.slow });
        let data = json!({ "minute": counts.minute.to_string(), "canary": of(new), "baseline": of(old) });
        self.say(end, "minute", Tone::Plain, &text, data);
    }

    /// Moves the bars.
    pub(crate) fn tick(&mut self, now: Timestamp, load: Option<&LoadTotals>) {
        self.now = now;
        if let Screen::Live(live) = &mut self.screen {
            live.tick(now, load);
        }
    }

    /// Ends the live view, and leaves the screen to what is said afterwards.
    pub(crate) fn leave(&self) {
        if let Screen::Live(live) = &self.screen {
            live.clear();
        }
    }

    /// The end.
    pub(crate) fn finish(&mut self, now: Timestamp, summary: &Summary, tone: Tone) {
        self.leave();
        let mut text = format!("{}: {}", Style::new().bold().apply_to(&summary.ended), summary.reason);
        if let Some(traffic) = summary.traffic.as_ref().filter(|_| !summary.rollout.is_empty()) {
            let _ = write!(
                text,
                "\n         {} requests in {}, {} failed ({:.2} %){}; canary weight {} %",
                traffic.requests,
                clock(u64::try_from(summary.took_seconds).unwrap_or(0)),
                traffic.failed,
                traffic.failed_percent(),
                traffic.p99_ms.map_or_else(String::new, |p99| format!(", p99 {p99} ms")),
                summary.canary_weight,
            );
        }
        self.say(now, "summary", tone, &text, json!(summary));
        let not_sent = summary.traffic.as_ref().map_or(0, |traffic| traffic.not_sent);
        if not_sent > 0 {
            let text =
                format!("{not_sent} requests were due and not sent: this machine is too busy for the rate");
            self.say(now, "warning", Tone::Warning, &text, json!({ "not_sent": not_sent }));
        }
    }
}

fn arm(counts: &ArmCounts) -> String {
    let errors = if counts.errors > 0 {
        Style::new().red().apply_to(format!("{:>4} errors", counts.errors)).to_string()
    } else {
        format!("{:>4} errors", counts.errors)
    };
    let slow = if counts.slow > 0 { format!(" {:>4} slow", counts.slow) } else { String::new() };
    format!("{:>5} requests {errors}{slow}", counts.requests)
}

fn data(rollout: &Rollout, record: &engine::history::Record) -> Value {
    let mut fields = BTreeMap::from([
        ("rollout", json!(rollout.id)),
        ("version", json!(rollout.version)),
        ("phase", json!(rollout.phase.name())),
        ("weight", json!(rollout.desired_weight().percent())),
        ("event", json!(record.event)),
    ]);
    if let Some((_, words)) = decision(rollout, record) {
        fields.insert("text", json!(words));
    }
    json!(fields)
}
