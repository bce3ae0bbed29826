//! Orders to alert-router: take a group, silence alerts, end a silence, try a channel.

use std::fmt::Write as _;

use alerting::{ChannelName, Condition, StoredSilence, Vocabulary};
use clap::{ArgGroup, Args};
use contract::{
    Acknowledge, AlertRouterReply, AlertRouterResult, SilenceOrder, TryChannel, Unsilence as EndSilence,
};
use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::{Value, json};

use super::DeskError;
use super::find::{group, groups, one};
use crate::Ending;
use crate::arguments::span;
use crate::backend::{Backend, Callee, Glance, ready};
use crate::error::AceError;
use crate::operator::{Desk, NO_REASON, OperatorError, Told};

/// Take a group.
#[derive(Debug, Args)]
pub(crate) struct Ack {
    /// Its id, or how that begins, as `ace alerts list` shows it.
    group: String,
    /// What you say; whoever was told of it is told so.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    desk: Desk,
}

/// Silence alerts.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("how_long").args(["until", "span"]).required(true)))]
pub(crate) struct Silence {
    /// Which alerts, by environment, service, rule and severity: 'service:checkout AND severity <= medium'.
    condition: String,
    /// Until then, such as 2026-12-01T06:00Z; 90 days at most.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// For so long, such as 2h or 90m.
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    span: Option<SignedDuration>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    desk: Desk,
}

/// End a silence.
#[derive(Debug, Args)]
pub(crate) struct Unsilence {
    /// Its id, or how that begins, as `ace alerts silences` shows it.
    silence: String,
    #[command(flatten)]
    desk: Desk,
}

/// Try a channel.
#[derive(Debug, Args)]
pub(crate) struct Try {
    /// Its name under `notifications`.
    channel: ChannelName,
    #[command(flatten)]
    desk: Desk,
}

pub(super) async fn ack(arguments: Ack) -> Result<Ending, AceError> {
    let Ack { group: begin, reason, desk } = arguments;
    let backend = ready(&desk.place).await?;
    let environment = &desk.place.environment;
    let sighted = groups(&*backend, environment, false).await?;
    let group = group(&sighted, &begin, environment)?.group.id.to_string();
    let (by, reason) = (desk.by(&*backend), reason.unwrap_or_else(|| NO_REASON.to_owned()));
    let order = Acknowledge { group, by, reason };
    give("ack", &*backend, &desk, json!({ "acknowledge": order })).await
}

pub(super) async fn silence(arguments: Silence) -> Result<Ending, AceError> {
    let Silence { condition, until, span, reason, desk } = arguments;
    // Whoever wrote it wrong is shown where, before anything is asked.
    Condition::parse(&condition, &Vocabulary::labels()).map_err(|error| DeskError::condition(&error))?;
    let backend = ready(&desk.place).await?;
    let now = backend.now().await?;
    let later = |span| now.checked_add(span).and_then(|until| until.round(Unit::Second)).ok();
    let until = until.or_else(|| span.and_then(later)).unwrap_or(now);
    if until <= now {
        return Err(OperatorError::Over { until, now }.into());
    }
    let order = SilenceOrder { alerts: condition, until, by: desk.by(&*backend), reason };
    give("silence", &*backend, &desk, json!({ "silence": order })).await
}

pub(super) async fn unsilence(arguments: Unsilence) -> Result<Ending, AceError> {
    let Unsilence { silence: begin, desk } = arguments;
    let backend = ready(&desk.place).await?;
    let sighted = backend.alerts(&Glance::default()).await?;
    let holds = sighted.silences.iter().filter(|silence| sighted.now < silence.until);
    let environment = desk.place.environment.clone();
    let missing = || DeskError::NoSilence { id: begin.clone(), environment };
    let told = |silence: &StoredSilence| format!("{}  {}", silence.id, silence.alerts);
    let silence = one(holds, &begin, |silence| silence.id.as_str(), told, missing)?.id.clone();
    let order = EndSilence { silence, by: desk.by(&*backend) };
    give("unsilence", &*backend, &desk, json!({ "unsilence": order })).await
}

pub(super) async fn try_channel(arguments: Try) -> Result<Ending, AceError> {
    let Try { channel, desk } = arguments;
    let backend = ready(&desk.place).await?;
    let order = TryChannel { channel, by: desk.by(&*backend) };
    give("try", &*backend, &desk, json!({ "try_channel": order })).await
}

/// Passes an order on, and tells what came of it.
async fn give(
    order: &'static str,
    backend: &dyn Backend,
    desk: &Desk,
    payload: Value,
) -> Result<Ending, AceError> {
    let answer = backend.invoke(Callee::AlertRouter, payload).await?;
    let reply: AlertRouterReply = serde_json::from_value(answer).map_err(DeskError::Answer)?;
    let applied = reply.result == AlertRouterResult::Applied;
    let mut says = reply.reason.clone();
    // Writing to a String cannot fail.
    if applied && order != "try" && reply.delivered > 0 {
        let _ = write!(says, "; messages sent: {}", reply.delivered);
    }
    if applied && reply.failed > 0 {
        let _ = write!(says, "; could not be told: {} (`ace alerts list` tells why)", reply.failed);
    }
    let data = json!({ "environment": desk.place.environment, "reply": reply });
    Ok(Told { order, applied, says, data }.show(desk.output.output))
}
