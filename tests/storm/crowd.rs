//! Many rollouts at once, and many rollbacks among them, against the load balancer's API budget.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use e2e::files::event;
use e2e::{Call, Fate, Gate, Lambda, once};
use engine::history::first_break;
use engine::ports::{Clock, Store};
use jiff::{SignedDuration, Timestamp};
use local_stack::{EmbeddedStore, LocalAlarms, Parts, Stack, StackClock, Update, Updates};
use rollout::{Cause, Colour, Lease, Phase, Rollout, Weight, invariants};
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep;

use crate::elb::Throttled;
use crate::seeds::Breakage;
use crate::services::{Services, configuration, name};

/// Rollouts of a crowd, which start within a minute.
pub const ROLLOUTS: usize = 200;
const APART: Duration = Duration::from_millis(300);

/// So many steps forward wait for the budget when the alarms ring.
const PRESSURE: usize = 60;

/// No crowd lasts as long.
const FOR_EVER: Duration = Duration::from_hours(3);

/// How long the functions' other calls take.
struct Latencies;

#[async_trait]
impl Gate for Latencies {
    async fn meet(&self, call: &Call) -> Fate {
        let millis = match call.port {
            "Store" | "Budget" => 8,
            "Notifier" | "Prober" => 20,
            "Metrics" | "Alarms" => 50,
            // The load balancer's own take theirs.
            _ => 0,
        };
        sleep(Duration::from_millis(millis)).await;
        Fate::Through
    }
}

/// What a rollback took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// From the decision, which is the conditional update that was committed, to the accepted `ModifyRule`.
    pub decided: SignedDuration,
    /// From the alarm's arrival.
    pub arrived: SignedDuration,
    /// From the alarm's arrival at the best, see [`Elb::bounds`](crate::elb::Elb::bounds).
    pub bound: SignedDuration,
}

/// What became of a crowd.
pub struct Crowd {
    /// What each rollback took, in the order in which their writes were accepted.
    pub took: Vec<Took>,
    /// Requests that were throttled from the alarms on until the last of the rollbacks was accepted.
    pub throttled: Throttled,
    /// Tokens that were left when the alarms rang: for `ModifyRule`, and for everything.
    pub left: (u32, u32),
    /// Steps forward that waited for the budget then.
    pub waiting: usize,
    /// Steps forward that were accepted from the alarms on until the last of the rollbacks was.
    pub forward: usize,
    /// How long the crowd took from its first event to its last promotion or verified rollback.
    pub lasted: SignedDuration,
    /// Invocations of functions.
    pub invocations: u64,
}

/// The rollouts as they were stored last, and when each was first decided to be rolled back.
#[derive(Default)]
struct Seen {
    rollouts: BTreeMap<String, Rollout>,
    decided: BTreeMap<String, Timestamp>,
    ended: Option<Timestamp>,
}

impl Seen {
    fn of(seen: &Mutex<Self>) -> std::sync::MutexGuard<'_, Self> {
        seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&mut self, update: Update) {
        let Update::Stored { at, rollout, .. } = update else { return };
        assert_eq!(invariants(&rollout), Ok(()));
        let service = rollout.plan.service.to_string();
        if rollout.phase.is_rollback() {
            self.decided.entry(service.clone()).or_insert(at);
        }
        let before = self.rollouts.insert(service, *rollout.clone());
        if rollout.phase.is_terminal() && before.is_none_or(|before| !before.phase.is_terminal()) {
            self.ended = Some(at);
        }
    }

    /// How many have traffic on the canary and wait for their next step.
    fn waiting(&self) -> usize {
        let waits = |rollout: &&Rollout| {
            matches!(rollout.phase, Phase::Cleared { next: rollout::Next::Step(_) })
                && rollout.desired_weight() > Weight::ZERO
        };
        self.rollouts.values().filter(waits).count()
    }
}

async fn listen(mut updates: UnboundedReceiver<Update>, seen: Arc<Mutex<Seen>>) {
    while let Some(update) = updates.recv().await {
        Seen::of(&seen).take(update);
    }
}

/// The pipeline's event of a service.
fn succeeded(number: usize) -> Value {
    let mut event = event("codepipeline-succeeded-canary");
    event["detail"]["pipeline"] = name(number).into();
    event["detail"]["execution-id"] = format!("{number:08x}-2c1d-4e0f-9a86-7d5c3b2a1f00").into();
    event
}

/// The alarm of a service's canary.
fn rings(number: usize, at: Timestamp) -> Value {
    let mut event = e2e::alarm_event(&format!("{}-5xx", name(number)), "ALARM", at);
    let text = event.pointer_mut("/Records/0/Sns/Message").unwrap();
    let mut message: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
    message["Trigger"]["Dimensions"] =
        json!([{ "name": "TargetGroup", "value": format!("{}-green", name(number)) }]);
    *text = message.to_string().into();
    event
}

/// A crowd of which so many are rolled back at once, in virtual time, over what functions reach, possibly with something
/// broken in it.
pub fn crowd(aborted: usize, seed: u64, breakage: Breakage) -> Crowd {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(FOR_EVER, play(aborted, seed, breakage))
            .await
            .unwrap_or_else(|late| panic!("the crowd does not end: {late}"))
    })
}

async fn play(aborted: usize, throttling: u64, breakage: Breakage) -> Crowd {
    let start: Timestamp = "2026-08-03T09:15:07Z".parse().unwrap();
    let clock = StackClock::new(start, NonZeroU32::MIN);
    let services = Arc::new(Services::new(ROLLOUTS, &clock, throttling));
    let (updates, receiver) = Updates::channel();
    let seen = Arc::new(Mutex::new(Seen::default()));
    tokio::spawn(listen(receiver, Arc::clone(&seen)));
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::in_memory().unwrap());
    let parts = Parts {
        environment: "production".parse().unwrap(),
        configuration: configuration(ROLLOUTS),
        store: Arc::clone(&store),
        traffic: Arc::clone(&services) as _,
        fleet: Arc::clone(&services) as _,
        metrics: Arc::clone(&services) as _,
        prober: Arc::clone(&services) as _,
        alarms: Arc::new(LocalAlarms::default()),
        revisions: None,
        messenger: None,
        costs: None,
        clock: clock.clone(),
        updates,
    };
    let stack = Stack::assemble(parts).await.unwrap();
    let lambda =
        Lambda::over(breakage(stack.ports()), Arc::new(Latencies), Box::new(once), e2e::Wiring::WHOLE);
    for number in 0..ROLLOUTS {
        let execution = stack.play_over(&name(number), succeeded(number), Arc::clone(&lambda) as _).unwrap();
        lambda.watch(&execution);
        sleep(APART).await;
    }
    while Seen::of(&seen).waiting() < PRESSURE {
        sleep(Duration::from_millis(50)).await;
    }
    let (rung, left, waiting) = (Clock::now(&clock), services.elb.left(), Seen::of(&seen).waiting());
    let before = services.elb.throttled();
    let bounds = services.elb.bounds(aborted.try_into().unwrap());
    let victims: Vec<_> = (0..ROLLOUTS).step_by(ROLLOUTS / aborted).take(aborted).collect();
    for number in &victims {
        lambda.deliver("rollback", &rings(*number, rung));
    }
    let back = |number: usize| {
        let rule = format!("rule/{}", name(number));
        let accepted = services.accepted();
        accepted.iter().find(|write| write.rule == rule && write.percent == 0).map(|write| write.at)
    };
    while victims.iter().any(|number| back(*number).is_none()) {
        sleep(Duration::from_millis(50)).await;
    }
    let throttled = services.elb.throttled().since(before);
    let last = victims.iter().filter_map(|number| back(*number)).max().unwrap();
    lambda.settled().await;
    tokio::task::yield_now().await;

    let seen = std::mem::take(&mut *Seen::of(&seen));
    let mut accepted: Vec<_> = victims.iter().map(|number| (back(*number).unwrap(), *number)).collect();
    accepted.sort();
    let took = accepted.iter().zip(bounds).map(|(&(at, number), bound)| Took {
        decided: at.duration_since(seen.decided[&name(number)]),
        arrived: at.duration_since(rung),
        bound: bound.try_into().unwrap(),
    });
    let took = took.collect();
    assert_eq!(lambda.panics(), Vec::<String>::new());
    assert_eq!(lambda.dead_letters(), Vec::<String>::new());
    for number in 0..ROLLOUTS {
        let Some(rollout) = seen.rollouts.get(&name(number)) else {
            panic!("{} did not start", name(number))
        };
        verify(&*store, &services, rollout, victims.contains(&number)).await;
    }
    let forward = services.accepted();
    let forward =
        forward.iter().filter(|write| write.percent > 0 && write.at >= rung && write.at <= last).count();
    Crowd {
        took,
        throttled,
        left,
        waiting,
        forward,
        lasted: seen.ended.unwrap().duration_since(start),
        invocations: lambda.invocations(),
    }
}

/// A rollout has ended as it should have, and the world is as it says.
async fn verify(store: &dyn Store, services: &Services, rollout: &Rollout, aborted: bool) {
    let (id, world) = (&rollout.id, services.world(rollout.plan.service.as_str()));
    let green = match (&rollout.phase, aborted) {
        (Phase::RolledBack { cause: Cause::Guardrail(_), .. }, true) => 0,
        (Phase::Promoted { .. }, false) => 100,
        (phase, _) => panic!("{id}, aborted: {aborted}: {phase:?}"),
    };
    assert_eq!(world.share(Colour::Green), green, "{id}");
    assert_eq!(world.violations(), Vec::<String>::new(), "{id}");
    assert_eq!(rollout.pending, Vec::new(), "{id}");
    let history = store.history(id).await.unwrap();
    assert_eq!(first_break(&history), None, "{id}");
    let target = store.target(&rollout.plan.environment, &rollout.plan.service).await.unwrap().unwrap();
    assert_eq!(target.lease, Lease::Free, "{id}");
    // What was rolled back has had no weight since.
    let after = world.writes().iter().rev().take_while(|write| write.percent > 0).count();
    assert!(!aborted || after == 0, "{id}");
}

/// The smallest of these that so many percent are not greater than.
pub fn percentile(spans: impl Iterator<Item = SignedDuration>, percent: usize) -> SignedDuration {
    let mut spans: Vec<_> = spans.collect();
    spans.sort();
    spans[(spans.len() * percent).div_ceil(100) - 1]
}
