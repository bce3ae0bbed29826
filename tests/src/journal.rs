//! What happened in a run, in order, one line per thing.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use asl::{Event as Step, HistoryEvent, Outcome as End, StateKind};
use engine::history::Record;
use jiff::Timestamp;
use local_stack::Update;
use rollout::{Cause, Event, Order, Probe, Rollout};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

/// Who did what a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The state machine.
    Machine,
    /// The store: a decision was committed.
    Store,
    /// A milestone was published.
    Told,
    /// The world: the rule, the colours.
    World,
    /// The test itself.
    Test,
}

struct Line {
    at: Timestamp,
    kind: Kind,
    text: String,
}

struct Book {
    updates: UnboundedReceiver<Update>,
    seen: Vec<Update>,
    lines: Vec<Line>,
}

/// The journal of a run.
pub struct Journal {
    start: Timestamp,
    book: Mutex<Book>,
}

impl Journal {
    /// A journal that takes what the stack tells.
    pub fn new(start: Timestamp, updates: UnboundedReceiver<Update>) -> Self {
        Self { start, book: Mutex::new(Book { updates, seen: Vec::new(), lines: Vec::new() }) }
    }

    fn book<T>(&self, read: impl FnOnce(&mut Book) -> T) -> T {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        // The stack's updates come first: they were sent before whatever is noted or read now.
        while let Ok(update) = book.updates.try_recv() {
            if let Some((at, kind, text)) = line(&update) {
                // A publication does not say when it was made; it follows something that does.
                let at = at.or(book.lines.last().map(|line| line.at)).unwrap_or(self.start);
                book.lines.push(Line { at, kind, text });
            }
            book.seen.push(update);
        }
        read(&mut book)
    }

    /// Adds a line.
    pub fn note(&self, at: Timestamp, kind: Kind, text: impl Into<String>) {
        self.book(|book| book.lines.push(Line { at, kind, text: text.into() }));
    }

    /// Everything that the stack told.
    pub fn updates(&self) -> Vec<Update> {
        self.book(|book| book.seen.clone())
    }

    /// The lines as text: minutes and seconds since the start, who, what.
    pub fn transcript(&self) -> String {
        self.book(|book| {
            let mut text = String::new();
            for Line { at, kind, text: what } in &book.lines {
                let seconds = at.duration_since(self.start).as_secs();
                let kind = match kind {
                    Kind::Machine => "state",
                    Kind::Store => "store",
                    Kind::Told => "told",
                    Kind::World => "world",
                    Kind::Test => "test",
                };
                writeln!(text, "{:>3}:{:02}  {kind:<5}  {what}", seconds / 60, seconds % 60).unwrap();
            }
            text
        })
    }
}

fn line(update: &Update) -> Option<(Option<Timestamp>, Kind, String)> {
    match update {
        Update::Machine(HistoryEvent { at, event, .. }) => {
            step(event).map(|text| (Some(*at), Kind::Machine, text))
        }
        Update::Stored { at, rollout, record } => Some((Some(*at), Kind::Store, decision(rollout, record))),
        Update::Published(outcome) => {
            Some((None, Kind::Told, format!("{}: {}", outcome.milestone, outcome.detail)))
        }
        Update::Told { channel, notice, .. } => {
            Some((Some(notice.at), Kind::Told, format!("{channel} of {} alerts", notice.alerts.len())))
        }
        Update::GivenUp { channel, why, .. } => {
            Some((None, Kind::Told, format!("{channel} is given up: {why}")))
        }
    }
}

fn step(event: &Step) -> Option<String> {
    match event {
        // What a Choice chose is the next line.
        Step::StateEntered { kind: StateKind::Choice, .. } => None,
        Step::StateEntered { name, kind: StateKind::Wait, input } => {
            Some(format!("{name} {} s", input.get("wait_seconds").unwrap_or(&Value::Null)))
        }
        Step::StateEntered { name, .. } => Some(name.clone()),
        Step::TaskFailed { error, cause } => Some(format!("  failed: {error}: {}", message(cause))),
        Step::TaskTimedOut { error, cause } => Some(format!("  timed out: {error}: {cause}")),
        Step::TaskRetried { delay, .. } => Some(format!("  tried again in {} s", delay.as_secs())),
        Step::Caught { error, next, .. } => Some(format!("  caught {error}: {next}")),
        Step::Ended { outcome } => Some(match outcome {
            End::Succeeded { state, output } => {
                let reason = output.get("reason").and_then(Value::as_str).unwrap_or_default();
                format!("the execution succeeded in {state}: {reason}")
            }
            End::Failed { error, cause, state } => format!(
                "the execution failed in {state}: {}: {}",
                error.as_deref().unwrap_or("?"),
                message(cause.as_deref().unwrap_or_default())
            ),
            End::TimedOut => "the execution timed out".to_owned(),
            End::Aborted { .. } => "the execution was aborted".to_owned(),
        }),
        _ => None,
    }
}

/// The message of a function's error, which Step Functions hands on as JSON text.
fn message(cause: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(cause).ok();
    let message = parsed.as_ref().and_then(|error| error.get("errorMessage")).and_then(Value::as_str);
    message.unwrap_or(cause).to_owned()
}

fn decision(rollout: &Rollout, record: &Record) -> String {
    let detail = match &record.event {
        Event::Refused { reason, .. } | Event::Unguarded { reason, .. } => format!(" ({reason})"),
        Event::Probed { probe: Probe::NotReady(reason) | Probe::SmokeTestFailed(reason), .. } => {
            format!(" ({reason})")
        }
        Event::WeightRead { observed, .. } => format!(" ({observed})"),
        Event::Judged { verdict, .. } => format!(" ({}: {verdict})", verdict.name()),
        Event::Abort { cause, .. } => format!(" ({}: {})", cause.name(), brief(cause)),
        Event::CleanUpDue { attempt, traffic, .. } => format!(" (look {attempt}: {traffic:?})"),
        Event::Performed { effects, .. } => format!(" ({} of the outbox)", effects.len()),
        Event::Ordered { order, by, why, .. } => {
            let order = match order {
                Order::Hold => "hold".to_owned(),
                Order::Resume => "resume".to_owned(),
                Order::Advance { step } => format!("advance step {}", step.number()),
                Order::Approve { step } => format!("approve step {}", step.number()),
            };
            format!(" ({order} by {by}: {why})")
        }
        Event::BarLifted { version, by, why, .. } => format!(" ({version} by {by}: {why})"),
        Event::Started { overridden: Some(overridden), .. } => format!(" ({overridden})"),
        Event::Started { .. } | Event::Probed { .. } | Event::Advance { .. } | Event::Waited { .. } => {
            String::new()
        }
    };
    format!(
        "{:>2} {}{detail} -> {}, epoch {}, weight {} %",
        record.number,
        record.event.name(),
        record.phase,
        rollout.epoch,
        record.weight
    )
}

fn brief(cause: &Cause) -> String {
    match cause {
        Cause::Failure { error, detail } => format!("{error}: {}", message(detail)),
        cause => cause.to_string(),
    }
}
