//! `ace schedule show`: days, overrides, resources.

use clap::Args;
use console::Style;
use cost::OverrideId;
use jiff::civil::Date;
use schedule::{Override, desired};
use serde_json::{Value, json};

use super::days::{Day, days, sum};
use super::known::{Known, is_managed, known};
use super::print;
use super::resources::{self, why};
use crate::Ending;
use crate::arguments::{Output, OutputArgument};
use crate::backend::Where;
use crate::error::AceError;

/// Days, overrides and resources.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Seven days instead of one.
    #[arg(long)]
    week: bool,
    /// The first day, such as 2026-12-21, by the clock of the schedule [default: today]
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// Show what the files say, and ask no stack.
    #[arg(long)]
    files: bool,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    output: OutputArgument,
}

pub(super) async fn show(arguments: &Show) -> Result<Ending, AceError> {
    let known = known(&arguments.place, arguments.files).await?;
    let plan = known.cost.plan();
    let from = arguments.from.unwrap_or_else(|| plan.zone().wall(known.now).date());
    let named: Vec<&Override> =
        known.overrides().map(|(_, over)| over).filter(|over| over.resources() != "*").collect();
    let count = if arguments.week { 7 } else { 1 };
    let days = days(plan, &known.of_all(), &named, from, count);
    if arguments.output.output == Output::Json {
        println!("{}", known.source_entry());
        let days = days.iter().map(Day::entry);
        let overrides = known.overrides().map(|kept| override_entry(&known, kept));
        let resources = known.records().iter().map(|record| resources::entry(&known, record));
        for entry in days.chain(overrides).chain(resources) {
            println!("{entry}");
        }
        return Ok(Ending::Good);
    }
    print(&lines(&known, &days));
    Ok(Ending::Good)
}

/// All of it for people.
pub(super) fn lines(known: &Known, days: &[Day]) -> Vec<String> {
    let mut lines = known.sources();
    lines.push(now(known));
    lines.extend(days.iter().flat_map(Day::lines).map(|line| format!("  {line}")));
    lines.extend((days.len() > 1).then(|| format!("  {}", sum(days))));
    lines.extend(overrides(known));
    lines.extend(resources_by_tier(known));
    lines
}

/// What is wanted now of whatever has no override of its own.
pub(super) fn now(known: &Known) -> String {
    let desired = desired(known.cost.plan(), &known.of_all(), known.now);
    let until = resources::until(known, &desired);
    format!("{}{until} as of {}: {}", desired.state, known.at(known.now), why(&desired.reason))
}

/// The overrides that hold or will, for people.
pub(super) fn overrides(known: &Known) -> Vec<String> {
    let kept: Vec<&(OverrideId, Override)> = known.overrides().collect();
    if kept.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Style::new().bold().apply_to("overrides").to_string()];
    for (id, over) in kept {
        let (state, until) = (over.state(), known.at(over.until()));
        let from =
            if over.holds(known.now) { String::new() } else { format!(" from {}", known.at(over.from())) };
        lines.push(format!(
            "  {id}  {} {state}{from} until {until} ({}: {})",
            over.resources(),
            over.by(),
            over.reason()
        ));
    }
    lines
}

fn override_entry(known: &Known, (id, over): &(OverrideId, Override)) -> Value {
    json!({
        "kind": "override", "override": id, "resources": over.resources(), "state": over.state(), "from": over.from(),
        "until": over.until(), "by": over.by(), "because": over.reason(), "holds": over.holds(known.now),
    })
}

/// Every resource: what is stopped and started, by tiers in the order in which they start, and what is left alone.
fn resources_by_tier(known: &Known) -> Vec<String> {
    if let Some(none) = resources::none(known) {
        return vec![none];
    }
    let bold = Style::new().bold();
    let mut lines = Vec::new();
    for tier in cost::Tier::ALL {
        let of_tier = known.managed().filter(|record| record.kind.tier() == tier);
        let of_tier: Vec<String> = of_tier
            .flat_map(|record| resources::lines(known, record))
            .map(|line| format!("  {line}"))
            .collect();
        if !of_tier.is_empty() {
            lines.push(bold.apply_to(tier.shown()).to_string());
            lines.extend(of_tier);
        }
    }
    let left: Vec<String> = known
        .records()
        .iter()
        .filter(|record| !is_managed(record))
        .flat_map(|record| resources::lines(known, record))
        .collect();
    if !left.is_empty() {
        lines.push(bold.apply_to("left alone").to_string());
        lines.extend(left.iter().map(|line| format!("  {line}")));
    }
    lines
}
