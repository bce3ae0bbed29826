//! `ace run`: an event in, a rollout played and shown, its end as the exit code.

use std::time::Duration;

use asl::Outcome;
use jiff::Timestamp;
use rollout::{CleanUp, Phase, Rollout, Seconds};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::Ending;
use crate::arguments::Run;
use crate::error::{AceError, Reason};
use crate::inputs::message;
use crate::orders::Orders;
use crate::player::Player;
use crate::report::{Reporter, Screen, Summary};
use crate::words::Tone;

/// How often the view is refreshed.
const TICK: Duration = Duration::from_millis(100);
/// A clean-up that is due later than this on the stack's clock is not waited for.
const WORTH_WAITING: Seconds = Seconds(10 * 60);

pub(crate) async fn run(arguments: Run) -> Result<Ending, AceError> {
    let (player, mut updates) = Player::set_up(&arguments).await?;
    let began = player.now();
    let mut reporter = Reporter::new(Screen::of(arguments.output.output), began);
    for mended in player.mended() {
        let text = format!("rollout {mended} was left behind by a run that was cut off: rolled back");
        reporter.say(began, "mended", Tone::Warning, &text, json!({ "rollout": mended }));
    }
    reporter.expect(player.canary());
    warm_up(&player, &mut reporter).await;
    let started = player.deliver(arguments.deliver)?;
    let finished = started.finished();
    tokio::pin!(finished);
    let mut orders = Orders::new();
    let mut interrupted = false;
    let outcomes = loop {
        tokio::select! {
            outcomes = &mut finished => break outcomes,
            Some(update) = updates.recv() => {
                refresh(&player, &mut reporter);
                reporter.update(&update);
            }
            () = tokio::time::sleep(TICK) => refresh(&player, &mut reporter),
            typed = orders.next() => {
                let answer = match typed {
                    Ok(typed) => player.order(&started, typed).await?,
                    Err(error) => error.to_string(),
                };
                reporter.say(player.now(), "answer", Tone::Plain, &answer, json!({ "text": answer }));
            }
            signal = tokio::signal::ctrl_c(), if !interrupted => {
                interrupted = signal.is_ok();
                reporter.say(player.now(), "interrupted", Tone::Warning,
                    "interrupted: rolling back before leaving", json!({}));
                player.abort(&started, "interrupted").await?;
            }
        }
    };
    drain(&mut updates, &mut reporter);
    let rollout = player.rollout_of(&outcomes).await?;
    if let Some(rollout) = &rollout {
        clean_up(&player, &mut reporter, &mut updates, rollout).await?;
    }
    let (ending, ended, reason, tone) = end(&outcomes, rollout.as_ref())?;
    let now = player.now();
    let (load, canary_weight) = player.stop_traffic().await;
    let summary = Summary {
        ended,
        reason,
        rollout: rollout.map_or_else(String::new, |rollout| rollout.id.to_string()),
        took_seconds: now.duration_since(began).as_secs(),
        requests: load.sent,
        failed: load.failed,
        not_sent: load.behind,
        canary_weight,
        p99_ms: load.p99_micros.map(|micros| micros / 1000),
    };
    reporter.finish(now, &summary, tone);
    Ok(ending)
}

/// Lets the old version serve long enough to be a reference, where the plan has no concurrent baseline.
async fn warm_up(player: &Player, reporter: &mut Reporter) {
    let span = player.warm_up();
    if span == Seconds(0) {
        return;
    }
    let (now, text) = (
        player.now(),
        format!("{span} of requests to the version that is live, to compare the new one with"),
    );
    reporter.say(now, "warm_up", Tone::Plain, &text, json!({ "seconds": span }));
    let until = span.after(now);
    while player.now() < until {
        tokio::time::sleep(TICK).await;
        refresh(player, reporter);
    }
}

fn refresh(player: &Player, reporter: &mut Reporter) {
    let now = player.now();
    reporter.minutes(&player.closed_minutes(reporter.shown_until(), now));
    reporter.tick(now, &player.load());
}

fn drain(updates: &mut UnboundedReceiver<local_stack::Update>, reporter: &mut Reporter) {
    while let Ok(update) = updates.try_recv() {
        reporter.update(&update);
    }
}

/// Waits for the old colour's clean-up, where it is due soon.
async fn clean_up(
    player: &Player,
    reporter: &mut Reporter,
    updates: &mut UnboundedReceiver<local_stack::Update>,
    rollout: &Rollout,
) -> Result<(), AceError> {
    let deadline = WORTH_WAITING.after(player.now());
    loop {
        let now = player.now();
        let rollout = player.reload(&rollout.id).await?;
        let Phase::Promoted { clean_up: CleanUp::Scheduled { at, .. }, .. } = &rollout.phase else { break };
        if *at > deadline || now > deadline {
            let text = format!("the old colour's clean-up is due at {at}: not waited for");
            reporter.say(now, "clean_up_later", Tone::Plain, &text, json!({ "due": at.to_string() }));
            break;
        }
        tokio::time::sleep(TICK).await;
        drain(updates, reporter);
        refresh(player, reporter);
    }
    drain(updates, reporter);
    Ok(())
}

type End = (Ending, String, String, Tone);

/// What the first delivery came to.
fn end(outcomes: &[Outcome], rollout: Option<&Rollout>) -> Result<End, AceError> {
    let first = outcomes.first();
    if let Some(Outcome::Failed { error, cause, state }) = first
        && state == "Rejected"
    {
        let name = error.clone().unwrap_or_default();
        return Err(AceError::Rejected {
            name,
            source: Reason(message(cause.as_deref().unwrap_or_default())),
        });
    }
    if let Some(rollout) = rollout {
        let (ending, tone) = match rollout.phase {
            Phase::Promoted { .. } => (Ending::Good, Tone::Good),
            Phase::RolledBack { .. } => (Ending::RolledBack, Tone::Bad),
            _ => (Ending::Unknown, Tone::Warning),
        };
        return Ok((ending, rollout.phase.name().replace('_', " "), cause(rollout), tone));
    }
    let (state, reason) = match first {
        Some(Outcome::Succeeded { output, state }) => (state.to_lowercase(), text(output, "reason")),
        Some(Outcome::Failed { error, cause, .. }) => {
            let said = message(cause.as_deref().unwrap_or_default());
            ("failed".to_owned(), format!("{}: {said}", error.clone().unwrap_or_default()))
        }
        Some(Outcome::TimedOut) => {
            ("timed out".to_owned(), "the execution took longer than its limit".to_owned())
        }
        Some(Outcome::Aborted { .. }) | None => ("stopped".to_owned(), "no rollout had begun".to_owned()),
    };
    Ok((Ending::Unknown, state, reason, Tone::Warning))
}

/// Why a rollout ended as it did.
fn cause(rollout: &Rollout) -> String {
    match &rollout.phase {
        Phase::RolledBack { cause, .. } => cause.to_string(),
        Phase::Refused { reason, .. } => reason.clone(),
        _ => engine::describe(rollout),
    }
}

fn text(output: &Value, field: &str) -> String {
    output.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The instant a whole minute ago; what is shown first.
pub(crate) fn a_minute_before(now: Timestamp) -> Timestamp {
    now.checked_sub(Seconds(60).duration()).unwrap_or(now)
}
