//! Orders about a whole environment: freezes, the line, bars.

use clap::{ArgGroup, Args};
use jiff::{SignedDuration, Timestamp, Unit};
use rollout::{Barred, Control, Line, ServiceName, Version};
use serde_json::{Value, json};

use super::answer::Told;
use super::{Desk, NO_REASON, OperatorError};
use crate::Ending;
use crate::arguments::span;
use crate::backend::{Backend, Callee, ready};
use crate::error::AceError;
use crate::words;

/// Let nothing start for a while.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("how_long").args(["until", "span"])))]
pub(crate) struct Freeze {
    /// Until then, such as 2026-12-01T06:00Z [default: until `ace thaw`]
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Timestamp>,
    /// For so long, such as 4h or 90m.
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    pub(crate) span: Option<SignedDuration>,
    /// Why; whoever is refused is told so.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) desk: Desk,
}

/// End a freeze.
#[derive(Debug, Args)]
pub(crate) struct Thaw {
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) desk: Desk,
}

/// Stop the line.
#[derive(Debug, Args)]
pub(crate) struct StopTheLine {
    /// Why; whoever is refused is told so.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) desk: Desk,
}

/// Resume the line.
#[derive(Debug, Args)]
pub(crate) struct ResumeLine {
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) desk: Desk,
}

/// Lift a version's bar.
#[derive(Debug, Args)]
pub(crate) struct Unhold {
    /// The service.
    #[arg(long, value_name = "NAME")]
    pub(crate) service: ServiceName,
    /// The version that may come back.
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Version,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) desk: Desk,
}

pub(super) async fn freeze(arguments: Freeze) -> Result<Ending, AceError> {
    let Freeze { until, span, reason, desk } = arguments;
    let backend = ready(&desk.place).await?;
    let now = backend.now().await?;
    let later = |span| now.checked_add(span).and_then(|until| until.round(Unit::Second)).ok();
    let until = until.or_else(|| span.and_then(later));
    if let Some(until) = until.filter(|until| *until <= now) {
        return Err(OperatorError::Over { until, now }.into());
    }
    let mut payload = json!({ "order": "freeze", "by": desk.by(&*backend), "reason": reason });
    if let (Some(fields), Some(until)) = (payload.as_object_mut(), until) {
        fields.insert("until".to_owned(), json!(until));
    }
    let is_done = |control: &Control| is_frozen(control, until, &reason);
    environment("freeze", &*backend, &desk, json!({ "freeze": payload }), is_done).await
}

pub(super) async fn thaw(arguments: Thaw) -> Result<Ending, AceError> {
    let Thaw { reason, desk } = arguments;
    let backend = ready(&desk.place).await?;
    let reason = reason.unwrap_or_else(|| NO_REASON.to_owned());
    let payload = json!({ "freeze": { "order": "thaw", "by": desk.by(&*backend), "reason": reason } });
    environment("thaw", &*backend, &desk, payload, |control| control.freeze == rollout::Freeze::None).await
}

pub(super) async fn stop(arguments: StopTheLine) -> Result<Ending, AceError> {
    let StopTheLine { reason, desk } = arguments;
    let backend = ready(&desk.place).await?;
    let payload = json!({ "line": { "order": "stop", "by": desk.by(&*backend), "reason": reason } });
    environment("stop-the-line", &*backend, &desk, payload, |control| control.line != Line::Running).await
}

pub(super) async fn resume(arguments: ResumeLine) -> Result<Ending, AceError> {
    let ResumeLine { reason, desk } = arguments;
    let backend = ready(&desk.place).await?;
    let reason = reason.unwrap_or_else(|| NO_REASON.to_owned());
    let payload = json!({ "line": { "order": "resume", "by": desk.by(&*backend), "reason": reason } });
    environment("resume-line", &*backend, &desk, payload, |control| control.line == Line::Running).await
}

fn is_frozen(control: &Control, until: Option<Timestamp>, reason: &str) -> bool {
    matches!(
        &control.freeze,
        rollout::Freeze::Until { until: then, why, .. } if *then == until && why == reason
    )
}

/// Passes an order on, and reads what holds then.
async fn environment(
    order: &'static str,
    backend: &dyn Backend,
    desk: &Desk,
    payload: Value,
    is_done: impl Fn(&Control) -> bool + Send,
) -> Result<Ending, AceError> {
    let reply = backend.invoke(Callee::Rollback, payload).await?;
    let control = backend.control().await?;
    let applied = is_done(&control);
    let says = match order {
        _ if !applied => reply.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned(),
        "freeze" | "thaw" => format!("{} is {}", desk.place.environment, words::freeze(&control.freeze)),
        _ => format!("{}: {}", desk.place.environment, words::line(&control.line)),
    };
    let data = json!({ "environment": desk.place.environment, "reply": reply });
    Ok(Told { order, applied, says, data }.show(desk.output.output))
}

pub(super) async fn unhold(arguments: Unhold) -> Result<Ending, AceError> {
    let Unhold { service, version, reason, desk } = arguments;
    let backend = ready(&desk.place).await?;
    let bars =
        |barred: &Barred| matches!(barred, Barred::Version { version: barred, .. } if *barred == version);
    let before = backend.target(&service).await?.is_some_and(|target| bars(&target.barred));
    let by = desk.by(&*backend);
    let payload = json!({ "unhold": { "service": service, "version": version, "by": by, "reason": reason } });
    let reply = backend.invoke(Callee::Rollback, payload).await?;
    let after = backend.target(&service).await?.is_some_and(|target| bars(&target.barred));
    let says = reply.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned();
    let data = json!({ "environment": desk.place.environment, "service": service, "version": version, "reply": reply });
    Ok(Told { order: "unhold", applied: before && !after, says, data }.show(desk.output.output))
}
