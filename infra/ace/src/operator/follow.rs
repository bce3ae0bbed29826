//! A rollout that goes on elsewhere, followed by its history.

use std::time::Duration;

use engine::history::Record;
use jiff::Timestamp;
use local_stack::Update;
use rollout::{
    Epoch, ExecutionArn, Lease, Phase, Rollout, RolloutId, Seconds, Start, Target, Weight, decide,
};
use serde_json::json;

use crate::Ending;
use crate::arguments::Output;
use crate::backend::{Backend, BackendResult, Execution};
use crate::ending::{End, end};
use crate::error::AceError;
use crate::report::{Reporter, Screen, Summary};
use crate::words::Tone;

/// How long a rollout is followed whose execution was cut: the watchdog takes over, within a few minutes.
const AFTER_A_CUT: Seconds = Seconds(15 * 60);

/// What was shown of a rollout.
struct Shown {
    id: RolloutId,
    /// The rollout after the last record that was shown.
    last: Option<Rollout>,
}

impl Shown {
    /// Shows the records that are new, and gives the rollout as it is now.
    async fn look(
        &mut self,
        backend: &dyn Backend,
        reporter: &mut Reporter,
    ) -> BackendResult<Option<Rollout>> {
        let Some(now) = backend.rollout(&self.id).await? else { return Ok(None) };
        let shown = self.last.as_ref().map_or(0, |last| last.version);
        if now.version > shown {
            for record in backend.history(&self.id).await? {
                if record.number > shown && record.number <= now.version {
                    let after = self.after(&record, &now);
                    let update = Update::Stored {
                        at: record.event.at(),
                        rollout: Box::new(after.clone()),
                        record: Box::new(record),
                    };
                    reporter.update(&update);
                    self.last = Some(after);
                }
            }
        }
        Ok(Some(now))
    }

    /// The rollout as the record left it: what is stored is the newest one only, and decisions can be made again.
    fn after(&self, record: &Record, now: &Rollout) -> Rollout {
        let again = match &self.last {
            None => Some(at_the_start(now)),
            Some(last) => decide(last, &record.event).ok(),
        };
        let fits = |again: &Rollout| again.version == record.number && again.phase.name() == record.phase;
        again.filter(fits).unwrap_or_else(|| Rollout { version: record.number, ..now.clone() })
    }
}

/// A rollout as it began.
fn at_the_start(now: &Rollout) -> Rollout {
    let now = now.clone();
    let start = Start {
        id: now.id,
        target: Target {
            environment: now.plan.environment.clone(),
            service: now.plan.service.clone(),
            live: now.canary.other(),
            stable: now.baseline,
            epoch: Epoch(now.epoch.0.saturating_sub(1)),
            canary_weight: Weight::ZERO,
            barred: now.barred,
            lease: Lease::Free,
        },
        plan: now.plan,
        rule: now.rule,
        requested_by: now.requested_by,
        overridden: now.overridden,
        execution: now.execution,
        at: now.started_at,
    };
    match now.phase {
        Phase::Refused { reason, .. } => Rollout::refuse(start, reason),
        _ => Rollout::start(start),
    }
}

/// Follows a rollout until it has ended. An interrupt ends the following, and not the rollout.
pub(crate) async fn follow(
    backend: &dyn Backend,
    execution: &ExecutionArn,
    id: &RolloutId,
    output: Output,
) -> Result<Ending, AceError> {
    let began = backend.now().await?;
    let mut reporter = Reporter::new(Screen::of(output), began);
    let mut shown = Shown { id: id.clone(), last: None };
    let pause = Duration::from_millis(backend.poll_millis());
    let interrupt = tokio::signal::ctrl_c();
    tokio::pin!(interrupt);
    let mut cut: Option<Timestamp> = None;
    loop {
        // The execution first: a rollout that is read after its execution has ended is the last one.
        let state = backend.execution(execution).await?;
        let rollout = shown.look(backend, &mut reporter).await?;
        let now = backend.now().await?;
        let at_rest = rollout.as_ref().is_none_or(|rollout| rollout.phase.is_terminal());
        if state != Execution::Running && at_rest {
            return ended(&state, rollout.as_ref(), &mut reporter, (began, now));
        }
        if state != Execution::Running {
            let since = *cut.get_or_insert_with(|| {
                let text = "its execution has ended before it: the watchdog takes over";
                reporter.say(now, "cut", Tone::Warning, text, json!({ "execution": execution }));
                now
            });
            if AFTER_A_CUT.after(since) < now {
                return ended(&state, rollout.as_ref(), &mut reporter, (began, now));
            }
        }
        reporter.tick(now, None);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = &mut interrupt => {
                let text = format!("not followed any more; rollout {id} goes on: `ace status --watch` shows it, `ace abort` rolls it back");
                reporter.leave();
                reporter.say(now, "left", Tone::Warning, &text, json!({ "rollout": id }));
                return Ok(Ending::Unknown);
            }
        }
    }
}

/// What became of a rollout that was not followed, and has ended at once.
pub(super) async fn told(
    backend: &dyn Backend,
    state: &Execution,
    rollout: Option<&Rollout>,
    output: Output,
) -> Result<Ending, AceError> {
    let now = backend.now().await?;
    let mut reporter = Reporter::new(Screen::of(output), now);
    ended(state, rollout, &mut reporter, (now, now))
}

fn ended(
    state: &Execution,
    rollout: Option<&Rollout>,
    reporter: &mut Reporter,
    (began, now): (Timestamp, Timestamp),
) -> Result<Ending, AceError> {
    let End { ending, name, reason, tone } = end(Some(state), rollout)?;
    let summary = Summary {
        ended: name,
        reason,
        rollout: rollout.map_or_else(String::new, |rollout| rollout.id.to_string()),
        took_seconds: now.duration_since(rollout.map_or(began, |rollout| rollout.started_at)).as_secs(),
        canary_weight: rollout.map_or(0, |rollout| u16::from(rollout.desired_weight().percent())),
        traffic: None,
    };
    reporter.finish(now, &summary, tone);
    Ok(ending)
}
