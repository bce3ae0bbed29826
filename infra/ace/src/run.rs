//! `ace run`: an event in, a rollout played and shown, its end as the exit code.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rollout::{CleanUp, Phase, Rollout, Seconds};
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::Ending;
use crate::approvals;
use crate::arguments::{Output, Run};
use crate::backend::embedded::{Embedded, ended};
use crate::backend::socket::Socket;
use crate::ending::{End, end};
use crate::error::AceError;
use crate::inputs;
use crate::orders::Orders;
use crate::player::{Play, Player, Started};
use crate::report::{Reporter, Screen, Summary, Traffic};
use crate::told::Titles;
use crate::words::Tone;

/// How often the view is refreshed.
const TICK: Duration = Duration::from_millis(100);
/// A clean-up that is due later than this on the stack's clock is not waited for.
const WORTH_WAITING: Seconds = Seconds(10 * 60);

/// A message that is due later than this on the stack's clock is not waited for: the next run sends it.
const WORTH_TELLING: Seconds = Seconds(2 * 60);

type Updates = UnboundedReceiver<local_stack::Update>;

pub(crate) async fn run(arguments: Run) -> Result<Ending, AceError> {
    let Run { event: path, scene, place, .. } = &arguments;
    let configured = inputs::configuration(&place.environment, place.config.as_ref())?;
    let event = inputs::event(path)?;
    let store = crate::backend::claim(&place.store).await?;
    let fresh = inputs::fresh_id(Timestamp::now());
    let now = store.time(Timestamp::now())?;
    let event = if arguments.exact { event } else { inputs::restamp(event, &fresh, now) };
    let subject = inputs::subject(&event, path, &configured)?;
    let play = Play {
        environment: &place.environment,
        configuration: configured.rollouts(),
        source: &configured.path,
        store,
        path: &place.store,
        event,
        name: fresh,
        subject,
        strategy: None,
        scene,
        deliver: arguments.deliver,
    };
    self::play(play, arguments.output.output).await
}

/// Plays an event in this process. Other commands reach the stack through the socket beside the store meanwhile.
pub(crate) async fn play(play: Play<'_>, output: Output) -> Result<Ending, AceError> {
    let (store, deliver) = (play.path.to_owned(), play.deliver);
    let titles = Titles::from(&play.configuration.alerts(play.environment));
    let (player, mut updates) = Player::set_up(play).await?;
    let began = player.now();
    let mut reporter = Reporter::new(Screen::of(output), began);
    reporter.titled(titles);
    let stack = player.embedded();
    let socket = match Socket::listen(&store, Arc::clone(&stack)) {
        Ok(socket) => Some(socket),
        Err(error) => {
            let text = format!("other commands cannot reach this stack: its socket cannot be made ({error})");
            reporter.say(began, "no_socket", Tone::Warning, &text, json!({ "error": error.to_string() }));
            None
        }
    };
    for mended in player.mended() {
        let text = format!("rollout {mended} was left behind by a run that was cut off: rolled back");
        reporter.say(began, "mended", Tone::Warning, &text, json!({ "rollout": mended }));
    }
    reporter.expect(player.canary());
    warm_up(&player, &mut reporter).await;
    let started = player.deliver(deliver)?;
    watch(&player, &started, &mut reporter, &mut updates).await?;
    let outcomes = started.finished().await;
    let rollout = player.rollout_of(&outcomes).await?;
    if let Some(rollout) = &rollout {
        clean_up(&player, &mut reporter, &mut updates, rollout).await?;
    }
    // From now on nobody else can start anything here.
    drop(socket);
    others(&stack, &player, &mut reporter, &mut updates).await;
    alerts(&player, &mut reporter, &mut updates).await?;
    let first = outcomes.into_iter().next().map(|outcome| ended(Some(outcome)));
    let End { ending, name, reason, tone } = end(first.as_ref(), rollout.as_ref())?;
    let now = player.now();
    let (load, canary_weight) = player.stop_traffic().await;
    let summary = Summary {
        ended: name,
        reason,
        rollout: rollout.map_or_else(String::new, |rollout| rollout.id.to_string()),
        took_seconds: now.duration_since(began).as_secs(),
        canary_weight,
        traffic: Some(Traffic::from(&load)),
    };
    reporter.finish(now, &summary, tone);
    Ok(ending)
}

/// Shows what happens, and passes on what is typed, until what was delivered has ended.
async fn watch(
    player: &Player,
    started: &Started,
    reporter: &mut Reporter,
    updates: &mut Updates,
) -> Result<(), AceError> {
    let finished = started.finished();
    tokio::pin!(finished);
    let mut orders = Orders::new();
    let mut interrupted = false;
    loop {
        tokio::select! {
            _ = &mut finished => break,
            Some(update) = updates.recv() => {
                refresh(player, reporter);
                reporter.update(&update);
                approvals::offer(player, &update, reporter).await;
            }
            () = tokio::time::sleep(TICK) => refresh(player, reporter),
            typed = orders.next() => {
                let answer = match typed {
                    Ok(typed) => player.order(started, typed).await?,
                    Err(error) => error.to_string(),
                };
                reporter.say(player.now(), "answer", Tone::Plain, &answer, json!({ "text": answer }));
            }
            signal = tokio::signal::ctrl_c(), if !interrupted => {
                interrupted = signal.is_ok();
                reporter.say(player.now(), "interrupted", Tone::Warning,
                    "interrupted: rolling back before leaving", json!({}));
                player.abort(started, "interrupted").await?;
            }
        }
    }
    drain(updates, reporter);
    Ok(())
}

/// What other commands have started goes on to its end, unless it is interrupted: the next run mends it then.
async fn others(stack: &Embedded, player: &Player, reporter: &mut Reporter, updates: &mut Updates) {
    if stack.unfinished() == 0 {
        return;
    }
    let text = "another command has started a rollout here: it is played to its end";
    reporter.say(player.now(), "others", Tone::Plain, text, json!({ "executions": stack.unfinished() }));
    let finished = stack.finished();
    tokio::pin!(finished);
    loop {
        tokio::select! {
            () = &mut finished => break,
            _ = tokio::signal::ctrl_c() => break,
            () = tokio::time::sleep(TICK) => {
                drain(updates, reporter);
                refresh(player, reporter);
            }
        }
    }
    drain(updates, reporter);
}

/// Waits until whoever is to be told of what has happened has been, where that is soon.
async fn alerts(player: &Player, reporter: &mut Reporter, updates: &mut Updates) -> Result<(), AceError> {
    player.heard().await;
    let deadline = WORTH_TELLING.after(player.now());
    while player.now() <= deadline && player.tells_by(deadline).await? {
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            _ = tokio::signal::ctrl_c() => break,
        }
        drain(updates, reporter);
        refresh(player, reporter);
    }
    player.heard().await;
    drain(updates, reporter);
    Ok(())
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
    reporter.tick(now, Some(&player.load()));
}

fn drain(updates: &mut Updates, reporter: &mut Reporter) {
    while let Ok(update) = updates.try_recv() {
        reporter.update(&update);
    }
}

/// Waits for the old colour's clean-up, where it is due soon.
async fn clean_up(
    player: &Player,
    reporter: &mut Reporter,
    updates: &mut Updates,
    rollout: &Rollout,
) -> Result<(), AceError> {
    let deadline = WORTH_WAITING.after(player.now());
    loop {
        let now = player.now();
        let rollout = player.reload(&rollout.id).await?;
        let Phase::Promoted { clean_up: CleanUp::Scheduled { at, .. }, .. } = &rollout.phase else { break };
        if *at > deadline || now > deadline {
            let text =
                format!("the old colour's clean-up is due at {}: not waited for", crate::words::instant(*at));
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

/// The instant a whole minute ago; what is shown first.
pub(crate) fn a_minute_before(now: Timestamp) -> Timestamp {
    now.checked_sub(Seconds(60).duration()).unwrap_or(now)
}
