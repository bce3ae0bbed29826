//! What happened, in words.

use engine::history::Record;
use jiff::Timestamp;
use rollout::{CleanUp, Event, Freeze, Line, Observed, OldTraffic, Order, Phase, Probe, Rollout, Seconds};

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Bad,
    Warning,
}

/// A decision in words; `None` for bookkeeping.
pub(crate) fn decision(rollout: &Rollout, record: &Record) -> Option<(Tone, String)> {
    let canary = rollout.canary;
    Some(match &record.event {
        Event::Started { overridden, .. } => (
            if overridden.is_some() { Tone::Warning } else { Tone::Plain },
            format!(
                "{}: {} {} begins on {canary}; {} keeps all requests (rollout {}){}",
                rollout.plan.service,
                strategy(rollout),
                rollout.plan.version,
                canary.other(),
                rollout.id,
                overridden.as_ref().map_or_else(String::new, |overridden| format!("; {overridden}"))
            ),
        ),
        Event::Probed { probe: Probe::Ready, .. } => {
            (Tone::Good, format!("{canary} is healthy, and every smoke test passed"))
        }
        Event::Probed { probe: Probe::NotReady(reason), .. } => {
            (Tone::Warning, format!("{canary} is not healthy yet: {reason}"))
        }
        Event::Probed { probe: Probe::SmokeTestFailed(reason), .. } => {
            (Tone::Bad, format!("a smoke test failed: {reason}"))
        }
        Event::Judged { verdict, .. } => {
            let tone = match verdict.name() {
                "pass" => Tone::Good,
                "fail" => Tone::Bad,
                _ => Tone::Warning,
            };
            (tone, format!("{}: {verdict}", verdict.name()))
        }
        Event::Abort { cause, .. } => (Tone::Bad, format!("rolling back: {cause}")),
        Event::WeightRead { observed, .. } => weight_read(rollout, observed)?,
        Event::CleanUpDue { traffic, .. } => clean_up(rollout, traffic)?,
        Event::Ordered { order, by, why, .. } => {
            (Tone::Warning, format!("{} by {by}: {why}", ordered(*order)))
        }
        Event::BarLifted { version, by, why, .. } => {
            (Tone::Warning, format!("{version} may come back, says {by}: {why}"))
        }
        Event::Advance { .. } => match &rollout.phase {
            Phase::Promoted { clean_up: CleanUp::Scheduled { .. }, .. } => {
                let after = rollout.plan.clean_up.after;
                let text = format!(
                    "promoted: {} is live on {canary}; {} goes once it is seen to be idle, in {after}",
                    rollout.plan.version,
                    canary.other()
                );
                (Tone::Good, text)
            }
            _ => return None,
        },
        Event::Unguarded { reason, .. } => (Tone::Warning, reason.clone()),
        // How a refused one ends says why.
        Event::Refused { .. } | Event::Waited { .. } | Event::Performed { .. } => return None,
    })
}

fn strategy(rollout: &Rollout) -> &'static str {
    match rollout.plan.strategy {
        rollout::Strategy::Canary => "canary",
        rollout::Strategy::BlueGreen => "blue-green",
    }
}

fn weight_read(rollout: &Rollout, observed: &Observed) -> Option<(Tone, String)> {
    let canary = rollout.canary;
    Some(match &rollout.phase {
        Phase::Baking { step, .. } => (
            Tone::Plain,
            format!(
                "step {} of {}: {} of the requests go to {canary}",
                step.number(),
                rollout.plan.steps.len(),
                rollout.desired_weight()
            ),
        ),
        Phase::Frozen { found, .. } => {
            (Tone::Warning, format!("frozen: the rule was changed by somebody else ({found})"))
        }
        Phase::Settling { .. } => (
            Tone::Plain,
            format!(
                "{canary} is at weight 0; looking again in {}, when no late writer can be left",
                rollout.plan.zombie_bound
            ),
        ),
        Phase::RolledBack { .. } => {
            (Tone::Good, format!("{canary} is still at weight 0: rolled back, verified"))
        }
        Phase::Restoring { .. } => (Tone::Warning, format!("read back {observed}: setting weight 0 again")),
        _ => return None,
    })
}

fn clean_up(rollout: &Rollout, traffic: &OldTraffic) -> Option<(Tone, String)> {
    let old = rollout.canary.other();
    let Phase::Promoted { clean_up, .. } = &rollout.phase else { return None };
    Some(match (clean_up, traffic) {
        (CleanUp::Done { .. }, _) => (
            Tone::Good,
            format!(
                "{old} served nothing for {}: taken down",
                Seconds(rollout.plan.clean_up.quiet_minutes * 60)
            ),
        ),
        (CleanUp::Kept { reason }, _) => (Tone::Warning, format!("{old} was left running: {reason}")),
        (CleanUp::Scheduled { .. }, OldTraffic::Requests(requests)) => {
            (Tone::Warning, format!("{old} still served {requests} requests: looking again later"))
        }
        (CleanUp::Scheduled { .. }, _) => {
            (Tone::Warning, format!("{old}'s traffic could not be read: looking again later"))
        }
    })
}

/// An instant to the second.
pub(crate) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A person's freeze.
pub(crate) fn freeze(freeze: &Freeze) -> String {
    match freeze {
        Freeze::None => "not frozen".to_owned(),
        Freeze::Until { until, by, why, since } => {
            let until = until
                .map_or_else(|| "until it is thawed".to_owned(), |until| format!("until {}", instant(until)));
            format!("frozen {until} by {by} (since {}): {why}", instant(*since))
        }
    }
}

/// The environment's line.
pub(crate) fn line(line: &Line) -> String {
    match line {
        Line::Running => "the line runs".to_owned(),
        Line::Stopped { by, why, since } => {
            format!("the line is stopped by {by} (since {}): {why}", instant(*since))
        }
    }
}

/// A count of seconds as minutes and seconds.
pub(crate) fn clock(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// An event in words, without its rollout.
pub(crate) fn event(event: &Event) -> String {
    match event {
        Event::Started { by, overridden: None, .. } => format!("started by {by}"),
        Event::Started { by, overridden: Some(overridden), .. } => {
            format!("started by {by}, {overridden}")
        }
        Event::Refused { reason, .. } => format!("refused: {reason}"),
        Event::Probed { probe: Probe::Ready, .. } => "looked: ready".to_owned(),
        Event::Probed { probe: Probe::NotReady(reason), .. } => format!("looked: not ready: {reason}"),
        Event::Probed { probe: Probe::SmokeTestFailed(reason), .. } => format!("smoke test failed: {reason}"),
        Event::Advance { .. } => "asked for the next move".to_owned(),
        Event::WeightRead { observed, .. } => format!("read back {observed}"),
        Event::Judged { verdict, .. } => format!("{}: {verdict}", verdict.name()),
        Event::Abort { cause, .. } => format!("roll back ({}): {cause}", cause.name()),
        Event::Ordered { order, by, why, .. } => format!("{} by {by}: {why}", ordered(*order)),
        Event::BarLifted { version, by, why, .. } => format!("{version} may come back, says {by}: {why}"),
        Event::Waited { .. } => "a person is waited for".to_owned(),
        Event::Unguarded { reason, .. } => format!("a person is waited for; {reason}"),
        Event::Performed { effects, .. } => format!("{} effects done", effects.len()),
        Event::CleanUpDue { traffic: OldTraffic::Quiet, .. } => "the old colour is quiet".to_owned(),
        Event::CleanUpDue { traffic: OldTraffic::Requests(requests), .. } => {
            format!("the old colour still served {requests} requests")
        }
        Event::CleanUpDue { traffic: OldTraffic::Reused(by), .. } => {
            format!("rollout {by} uses the old colour")
        }
        Event::CleanUpDue { traffic: OldTraffic::Unknown(reason), .. } => {
            format!("the old colour's traffic could not be read: {reason}")
        }
    }
}

fn ordered(order: Order) -> String {
    match order {
        Order::Hold => "held".to_owned(),
        Order::Resume => "resumed".to_owned(),
        Order::Advance { step } => format!("step {} advanced", step.number()),
        Order::Approve { step } => format!("step {} approved", step.number()),
    }
}
