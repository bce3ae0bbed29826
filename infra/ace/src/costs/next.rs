//! `ace schedule next`: the next changes, and which tier is asked when.

use std::collections::BTreeMap;

use clap::Args;
use console::Style;
use cost::{Tier, ready_by};
use jiff::Timestamp;
use rollout::Seconds;
use schedule::{State, desired};
use serde_json::{Value, json};

use super::known::{Known, known};
use super::print;
use super::resources::{span, why};
use super::show::{now, overrides};
use super::times::clock;
use crate::Ending;
use crate::arguments::{Output, OutputArgument};
use crate::backend::Where;
use crate::error::AceError;

/// The next changes.
#[derive(Debug, Args)]
pub(crate) struct Next {
    /// How many.
    #[arg(long, default_value = "4", value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    count: u8,
    /// Those after this instant, written as 2026-12-24T12:00 by the clock of the schedule, or with a Z, instead of now.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Show what the files say, and ask no stack.
    #[arg(long)]
    files: bool,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    output: OutputArgument,
}

/// A change.
pub(super) struct Change {
    at: Timestamp,
    state: State,
    why: String,
}

/// A tier that starts, and how long it takes.
struct Start {
    tier: Tier,
    at: Timestamp,
    lead: Seconds,
    /// Whether that was seen often enough to know.
    measured: bool,
}

pub(super) async fn next(arguments: &Next) -> Result<Ending, AceError> {
    let mut known = known(&arguments.place, arguments.files).await?;
    known.now = known.asked(arguments.at.as_deref())?;
    let changes = changes(&known, usize::from(arguments.count));
    let leads = leads(&known);
    if arguments.output.output == Output::Json {
        println!("{}", known.source_entry());
        for change in &changes {
            println!("{}", entry(change, &starts(&leads, change)));
        }
        return Ok(Ending::Good);
    }
    print(&lines(&known, &changes, &leads));
    Ok(Ending::Good)
}

/// All of it for people.
pub(super) fn lines(known: &Known, changes: &[Change], leads: &Leads) -> Vec<String> {
    let mut lines = known.sources();
    lines.push(now(known));
    let dim = Style::new().dim();
    for change in changes {
        lines.push(format!("  {}  {:3}  {}", known.at(change.at), change.state.to_string(), change.why));
        let told = match change.state {
            State::On => starting(known, &starts(leads, change)),
            State::Off => stopping(leads),
        };
        lines.extend(told.iter().map(|line| format!("      {}", dim.apply_to(line))));
    }
    lines.extend(changes.is_empty().then(|| "  nothing changes within 400 days".to_owned()));
    lines.extend(overrides(known));
    lines
}

/// How long each tier takes to start, and whether that was seen often enough to know.
pub(super) type Leads = BTreeMap<Tier, (Seconds, bool)>;

pub(super) fn changes(known: &Known, count: usize) -> Vec<Change> {
    let (plan, all) = (known.cost.plan(), known.of_all());
    let mut at = known.now;
    let mut changes = Vec::new();
    while changes.len() < count {
        let Some(next) = desired(plan, &all, at).until else { break };
        let then = desired(plan, &all, next);
        changes.push(Change { at: next, state: then.state, why: why(&then.reason) });
        at = next;
    }
    changes
}

/// How long each tier takes to start: its slowest resource, or where none is known what is usual for its kinds.
pub(super) fn leads(known: &Known) -> Leads {
    let mut leads = Leads::new();
    for record in known.managed() {
        let lead = (record.lead(), record.starts.len() >= 3);
        let slowest = leads.entry(record.kind.tier()).or_insert(lead);
        *slowest = (*slowest).max(lead);
    }
    if leads.is_empty() {
        for kind in known.kinds() {
            let slowest = leads.entry(kind.tier()).or_insert((kind.usual_start(), false));
            *slowest = (*slowest).max((kind.usual_start(), false));
        }
    }
    leads
}

/// When each tier has to be asked for everything to be ready at a change.
fn starts(leads: &Leads, change: &Change) -> Vec<Start> {
    if change.state == State::Off {
        return Vec::new();
    }
    let start = |(tier, (lead, measured)): (&Tier, &(Seconds, bool))| {
        let own_and_later = leads.range(*tier..).map(|(_, (lead, _))| lead);
        let at = ready_by(change.at, own_and_later, engine::TICK);
        Start { tier: *tier, at, lead: *lead, measured: *measured }
    };
    leads.iter().map(start).collect()
}

fn starting(known: &Known, starts: &[Start]) -> Vec<String> {
    let zone = known.cost.plan().zone();
    let told = starts.iter().map(|Start { tier, at, lead, measured }| {
        let how = if *measured { "as it was seen to" } else { "as is usual" };
        let when = if *at <= known.now { "now".to_owned() } else { format!("at {}", clock(zone.wall(*at))) };
        format!("{} asked {when}: takes {}, {how}", tier.shown(), span(*lead))
    });
    told.collect()
}

/// What depends on something is stopped before it.
fn stopping(leads: &Leads) -> Vec<String> {
    let tiers: Vec<&str> = leads.keys().rev().map(|tier| tier.shown()).collect();
    match tiers.as_slice() {
        [] | [_] => Vec::new(),
        several => vec![format!("stopped one after the other: {}", several.join(", "))],
    }
}

fn entry(change: &Change, starts: &[Start]) -> Value {
    let Change { at, state, why } = change;
    let starts = starts.iter().map(|Start { tier, at, lead, measured }| {
        json!({ "tier": tier.shown(), "at": at, "lead_seconds": lead, "measured": measured })
    });
    json!({ "kind": "change", "at": at, "state": state, "why": why, "starts": starts.collect::<Vec<_>>() })
}
