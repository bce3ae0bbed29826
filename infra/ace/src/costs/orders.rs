//! Orders to cost-optimizer: keep something on or off for a while, and end that.

use clap::{ArgGroup, Args};
use contract::{CostOptimizerReply, CostOptimizerResult, EndOverride};
use cost::OverrideId;
use jiff::{SignedDuration, Timestamp, Unit};
use schedule::{Override, State, WrittenOverride, Zone};
use serde_json::{Value, json};

use super::ScheduleError;
use super::times::{instant, stamp};
use crate::Ending;
use crate::arguments::span;
use crate::backend::{Backend, Callee, ready};
use crate::error::AceError;
use crate::operator::{Desk, OperatorError, Told};

/// Keep resources on or off.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("state").args(["on", "off"]).required(true)))]
#[command(group(ArgGroup::new("how_long").args(["until", "span"])))]
pub(crate) struct Keep {
    /// Which: a name, a kind and a name (rds:orders-db), or an ARN; with * for anything, as in 'rds:*'.
    resources: String,
    /// Keep them on.
    #[arg(long)]
    on: bool,
    /// Keep them off.
    #[arg(long)]
    off: bool,
    /// Until then: 23:00 or 2026-12-01T06:00, by the clock of the schedule, or an instant like 2026-12-01T05:00Z.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// For so long, such as 3h or 90m.
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    span: Option<SignedDuration>,
    /// From then on, written as the end is [default: now]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Why; whoever asks why it is so is told.
    #[arg(long, value_name = "TEXT")]
    because: String,
    #[command(flatten)]
    desk: Desk,
}

/// End an override.
#[derive(Debug, Args)]
pub(crate) struct End {
    /// Its id, or how that begins, as `ace schedule show` shows it.
    id: String,
    #[command(flatten)]
    desk: Desk,
}

pub(super) async fn keep(arguments: Keep) -> Result<Ending, AceError> {
    let Keep { resources, on, off: _, until, span, from, because, desk } = arguments;
    if until.is_none() && span.is_none() {
        return Err(ScheduleError::NoEnd.into());
    }
    if desk.place.is_here() && !desk.place.at.store.exists() {
        return Err(ScheduleError::not_published(&desk.place).into());
    }
    let backend = ready(&desk.place).await?;
    let (now, zone) = (backend.now().await?, zone(&*backend, &desk).await?);
    let from = from.map(|from| instant(&from, &zone, now)).transpose()?;
    let until = match (until, span) {
        // The next such time after it begins.
        (Some(until), _) => Some(instant(&until, &zone, from.unwrap_or(now).max(now))?),
        (None, span) => span.and_then(|span| later(from.unwrap_or(now), span)),
    };
    if let Some(until) = until.filter(|until| *until <= now) {
        return Err(OperatorError::Over { until, now }.into());
    }
    let state = if on { State::On } else { State::Off };
    let by = desk.by(&*backend);
    let written = WrittenOverride { state, resources, from, until, by, reason: because };
    // Whoever wrote it wrong is told so before anything is asked.
    let over = Override::read(written.clone(), now)
        .map_err(|(key, source)| ScheduleError::Override { key, source })?;
    let (id, place) = (OverrideId::of(&over), desk.place.flags());
    let reply = give(&*backend, json!({ "override": written })).await?;
    let until = stamp(&zone, over.until());
    let says = match (reply.result, over.holds(now)) {
        (CostOptimizerResult::Applied, true) => {
            format!(
                "{} is kept {state} until {until}; `ace schedule end {id}{place}` ends it",
                over.resources()
            )
        }
        (CostOptimizerResult::Applied, false) => {
            let from = stamp(&zone, over.from());
            format!(
                "{} is kept {state} from {from} until {until}; `ace schedule end {id}{place}` ends it",
                over.resources()
            )
        }
        _ => reply.reason.clone(),
    };
    Ok(told("override", &desk, says, &reply, json!({ "override": id, "until": over.until() })))
}

pub(super) async fn end(arguments: End) -> Result<Ending, AceError> {
    let End { id: begin, desk } = arguments;
    let backend = ready(&desk.place).await?;
    let sight = backend.costs().await?;
    let lasting = sight.overrides.iter().filter(|(_, over)| over.until() > sight.now);
    let found: Vec<&(OverrideId, Override)> =
        lasting.filter(|(id, _)| !begin.is_empty() && id.as_str().starts_with(&begin)).collect();
    let (id, over) = match found.as_slice() {
        [only] => only,
        [] => {
            let (environment, flags) = (desk.place.environment.clone(), desk.place.flags());
            return Err(ScheduleError::NoOverride { id: begin, environment, flags }.into());
        }
        several => {
            let list = several.iter().fold(String::new(), |list, (id, over)| {
                format!("{list}\n  {id}  {} {}", over.resources(), over.state())
            });
            return Err(ScheduleError::SeveralOverrides { id: begin, list }.into());
        }
    };
    let order = EndOverride { id: id.clone(), by: desk.by(&*backend) };
    let reply = give(&*backend, json!({ "end_override": order })).await?;
    let says = match reply.result {
        CostOptimizerResult::Applied => {
            format!("{} is not kept {} any more: its schedule holds again", over.resources(), over.state())
        }
        _ => reply.reason.clone(),
    };
    Ok(told("end", &desk, says, &reply, json!({ "override": id })))
}

/// The clock of the schedule that is published; without one the order is refused anyway, and any clock will do.
async fn zone(backend: &dyn Backend, desk: &Desk) -> Result<Zone, AceError> {
    let published = backend.configuration().await?;
    let cost = published.as_ref().and_then(|published| published.configuration.cost());
    let cost = cost.ok_or_else(|| ScheduleError::not_published(&desk.place))?;
    Ok(cost.plan().zone().clone())
}

fn later(from: Timestamp, span: SignedDuration) -> Option<Timestamp> {
    from.checked_add(span).and_then(|until| until.round(Unit::Second)).ok()
}

async fn give(backend: &dyn Backend, payload: Value) -> Result<CostOptimizerReply, AceError> {
    let answer = backend.invoke(Callee::CostOptimizer, payload).await?;
    Ok(serde_json::from_value(answer).map_err(ScheduleError::Answer)?)
}

fn told(order: &'static str, desk: &Desk, says: String, reply: &CostOptimizerReply, more: Value) -> Ending {
    let applied = reply.result == CostOptimizerResult::Applied;
    let mut says = says;
    for (count, what) in [(reply.asked, "asked now"), (reply.waiting, "waiting"), (reply.failing, "failing")]
    {
        if applied && count > 0 {
            says = format!("{says}; resources {what}: {count}");
        }
    }
    let mut data = json!({ "environment": desk.place.environment, "reply": reply });
    if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
        data.extend(more);
    }
    Told { order, applied, says, data }.show(desk.output.output)
}
