//! `ace schedule explain`: why a resource is to be on or off, and all that is known of it.

use std::ops::Bound;

use clap::Args;
use console::Style;
use cost::{Ours, Record, Shape, ready_by};
use schedule::{Override, State, Voice, desired, explain as voices};
use serde_json::{Value, json};

use super::known::{Known, is_managed, known};
use super::next::leads;
use super::print;
use super::resources::{self, Wanted, is_about, name, one, span, state, until, wanted, why};
use crate::Ending;
use crate::arguments::{Output, OutputArgument};
use crate::backend::Where;
use crate::error::AceError;

/// A resource.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Its name, its kind and its name (rds:orders-db), or its ARN.
    resource: String,
    /// What is wanted at this instant, written as 2026-12-24T12:00 by the clock of the schedule, or with a Z, instead of now.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Go by what the files say, and ask no stack.
    #[arg(long)]
    files: bool,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    output: OutputArgument,
}

pub(super) async fn explain(arguments: &Explain) -> Result<Ending, AceError> {
    let text = arguments.resource.as_str();
    let mut known = known(&arguments.place, arguments.files).await?;
    known.now = known.asked(arguments.at.as_deref())?;
    let record = one(&known, text)?;
    let own: Vec<&Override> = match record {
        Some(record) => known.of(record),
        None => known.overrides().map(|(_, over)| over).filter(|over| is_about(over, text)).collect(),
    };
    let said = voices(known.cost.plan(), &own, known.now);
    if arguments.output.output == Output::Json {
        println!("{}", known.source_entry());
        for voice in &said {
            println!("{}", voice_entry(voice));
        }
        if let Some(record) = record {
            println!("{}", resources::entry(&known, record));
        }
        return Ok(Ending::Good);
    }
    let mut lines = known.sources();
    let desired = desired(known.cost.plan(), &own, known.now);
    let called = Style::new().bold().apply_to(record.map_or_else(|| text.to_owned(), name));
    let (at, until) = (known.at(known.now), until(&known, &desired));
    lines.push(format!("{called} is to be {}{until}, as of {at}", desired.state));
    for (index, Voice { state, reason }) in said.iter().enumerate() {
        let begins = if index == 0 { String::new() } else { format!("otherwise {state}: ") };
        lines.push(format!("  {begins}{}", why(reason)));
    }
    match record {
        Some(record) => lines.extend(facts(&known, record).iter().map(|line| format!("  {line}"))),
        None => lines.push(format!("  {}", unknown(&known))),
    }
    print(&lines);
    Ok(Ending::Good)
}

/// Why nothing else is known of it.
fn unknown(known: &Known) -> String {
    resources::none(known).unwrap_or_else(|| {
        "no stack was asked: whether there is such a resource, and what it is like, is not known".to_owned()
    })
}

/// What is remembered of a resource, for people.
pub(super) fn facts(known: &Known, record: &Record) -> Vec<String> {
    let mut lines = vec![format!("{}, {}", record.kind.shown(), state(known, record))];
    if !record.said.is_empty() {
        lines.push(format!("stands: {}", record.said));
    }
    if !is_managed(record) {
        return lines;
    }
    if let Some(lease) = &record.lease {
        let done = if lease.power == State::On { "started" } else { "stopped" };
        let (since, until) = (known.at(lease.since), known.at(lease.until));
        lines.push(format!("somebody {done} it by hand at {since}: left so until {until}"));
    }
    if let Some(trouble) = &record.trouble {
        let (since, next) = (known.at(trouble.since), known.at(trouble.next));
        let times =
            if trouble.attempts == 1 { "once".to_owned() } else { format!("{} times", trouble.attempts) };
        lines.push(format!("failed {times} since {since}, tried again at {next}: {}", trouble.why));
    }
    lines.push(match record.starts.len() {
        0 => format!("a start takes {}, as is usual: none was seen yet", span(record.lead())),
        1 => format!("a start takes {}; one was seen", span(record.lead())),
        starts => format!("a start takes {}; {starts} were seen", span(record.lead())),
    });
    lines.extend(start_by(known, record));
    lines.extend(record.shape.as_ref().map(|before| format!("comes back as {}", shape(before))));
    lines.extend(
        record.instead.as_ref().map(|instead| format!("has type {instead} for want of machines of its own")),
    );
    lines.extend(record.endpoint.as_ref().map(|endpoint| match &record.moved_from {
        Some(before) => format!("is reached at {endpoint} since it came back, before at {before}"),
        None => format!("is reached at {endpoint}"),
    }));
    if let Ours::Delete { last, .. } = &record.ours {
        lines.push(format!("is restored from snapshot {last}"));
    }
    lines.push(record.arn.to_string());
    lines
}

/// When it is asked to start, for everything to be ready in time.
fn start_by(known: &Known, record: &Record) -> Option<String> {
    let Wanted { desired, power: State::Off } = wanted(known, record) else { return None };
    let due = desired.next_on?;
    let (own, leads) = (record.lead(), leads(known));
    let later =
        leads.range((Bound::Excluded(record.kind.tier()), Bound::Unbounded)).map(|(_, (lead, _))| lead);
    let at = ready_by(due, std::iter::once(&own).chain(later), engine::TICK);
    Some(format!("is asked to start at {}, for everything to be ready at {}", known.at(at), known.at(due)))
}

fn shape(shape: &Shape) -> String {
    match shape {
        Shape::Instance { instance_type } => instance_type.clone(),
        Shape::Group { min, max, desired, .. } => format!("{desired} machines, {min} to {max}"),
        Shape::Service { desired, scaling: None } => format!("{desired} tasks"),
        Shape::Service { desired, scaling: Some((min, max)) } => format!("{desired} tasks, {min} to {max}"),
        Shape::Database { classes } => classes.join(", "),
        Shape::Cache(cache) => {
            format!(
                "{} {}, {} × {} {}",
                cache.engine, cache.version, cache.shards, cache.nodes, cache.node_type
            )
        }
    }
}

fn voice_entry(Voice { state, reason }: &Voice) -> Value {
    json!({ "kind": "voice", "state": state, "reason": reason, "says": reason.to_string() })
}
