//! The embedded stack, set up for one event.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use asl::{Execution, Outcome};
use contract::Command;
use engine::ports::{Clock, Prober, Store};
use environments::Environment;
use futures_util::future::join_all;
use jiff::Timestamp;
use local_stack::{
    EmbeddedStore, LocalAlarms, Parts, Plant, PlantOptions, Services, Stack, StackClock, Update, Updates,
};
use rollout::{Colour, EnvironmentName, Plan, Rollout, RolloutId, Seconds, Strategy, Version, Weight};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use weighted_proxy::{Load, LoadTotals, MinuteCounts};

use crate::arguments::Scene;
use crate::backend::embedded::Embedded;
use crate::backend::messenger;
use crate::error::AceError;
use crate::inputs::Subject;
use crate::orders::{Typed, Wish};
use crate::run::a_minute_before;

/// How many requests may be under way at once.
const IN_FLIGHT: NonZeroU32 = NonZeroU32::MIN.saturating_add(255);
/// Without a concurrent baseline (blue-green) the old version's last minutes are the reference: whole ones.
const REFERENCE: Seconds = Seconds(2 * 60);

/// What is played.
pub(crate) struct Play<'a> {
    pub(crate) environment: &'a EnvironmentName,
    /// The environment's configuration, and how messages call it.
    pub(crate) configuration: &'a Environment,
    pub(crate) source: &'a str,
    /// The store, and the file it is in.
    pub(crate) store: EmbeddedStore,
    pub(crate) path: &'a Path,
    /// The event, and what its executions are called.
    pub(crate) event: Value,
    pub(crate) name: String,
    pub(crate) subject: Subject,
    /// Another strategy than the configuration's, which the event asks for.
    pub(crate) strategy: Option<Strategy>,
    pub(crate) scene: &'a Scene,
    /// How often the event is delivered.
    pub(crate) deliver: NonZeroU32,
}

pub(crate) struct Player {
    embedded: Arc<Embedded>,
    stack: Arc<Stack>,
    plant: Arc<Plant>,
    load: Load,
    store: Arc<EmbeddedStore>,
    event: Value,
    name: String,
    mended: Vec<RolloutId>,
    warm_up: Seconds,
}

/// The executions that deliveries started.
pub(crate) struct Started(Vec<Execution>);

impl Started {
    pub(crate) async fn finished(&self) -> Vec<Outcome> {
        join_all(self.0.iter().map(Execution::finished)).await
    }
}

impl Player {
    /// Starts the services, the proxy and the requests.
    pub(crate) async fn set_up(what: Play<'_>) -> Result<(Self, UnboundedReceiver<Update>), AceError> {
        let Play { environment, configuration, subject, scene, event, name, strategy, store, path, .. } =
            what;
        let version: Version =
            "reading".parse().map_err(|error: rollout::InvalidName| AceError::Prober(error.to_string()))?;
        let plan = configuration
            .plan(environment, &subject.service, version, strategy)
            .map_err(|source| AceError::Unknown { path: what.source.to_owned(), source })?;

        let store = Arc::new(store);
        let target = store.target(environment, &subject.service).await?;
        let live = target.as_ref().map_or(Colour::Blue, |target| target.live);
        let stable = target.and_then(|target| target.stable).map_or_else(|| "v0".to_owned(), String::from);
        let clock = StackClock::new(store.time(Timestamp::now())?, scene.speed);
        let plant = Arc::new(plant(scene, &plan, live, stable, clock.clone()).await?);
        let target = plant.proxy().url().parse().map_err(local_stack::PlantError::Target)?;
        let load = Load::start(target, scene.rate, IN_FLIGHT);
        let (updates, received) = Updates::channel();
        let alarms = LocalAlarms::default();
        // Nobody rings them here, and a guardrail that is not there would refuse the rollout.
        plan.guardrails.iter().for_each(|guardrail| alarms.set(guardrail.clone(), false));
        let stack = Stack::assemble(Parts {
            environment: environment.clone(),
            configuration: configuration.clone(),
            store: Arc::clone(&store) as _,
            traffic: Arc::clone(&plant) as _,
            fleet: Arc::clone(&plant) as _,
            metrics: Arc::clone(&plant) as _,
            prober: Arc::clone(&plant) as _,
            alarms: Arc::new(alarms),
            revisions: None,
            messenger: Some(messenger(environment, Arc::clone(&store))?),
            costs: Some(Arc::clone(&store) as _),
            clock,
            updates,
        })
        .await?;
        let stack = Arc::new(stack);
        let mended = stack.mend(configuration).await?;
        let warm_up = match plan.strategy {
            Strategy::BlueGreen if subject.starts => REFERENCE,
            Strategy::Canary | Strategy::BlueGreen => Seconds(0),
        };
        let (environment, path, service) = (environment.clone(), path.display().to_string(), subject.service);
        // Without it, approvals are still given by `ace approve` and by typing.
        let approvals = stack.approval_page().await.ok();
        let embedded = Embedded::playing(environment, path, Arc::clone(&stack), service, approvals);
        let embedded = Arc::new(embedded);
        Ok((Self { embedded, stack, plant, load, store, event, name, mended, warm_up }, received))
    }

    /// The stack as other commands reach it.
    pub(crate) fn embedded(&self) -> Arc<Embedded> {
        Arc::clone(&self.embedded)
    }

    pub(crate) fn mended(&self) -> &[RolloutId] {
        &self.mended
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.stack.clock().now()
    }

    /// How long the old version has to serve before it is a reference; nothing where the baseline is concurrent.
    pub(crate) const fn warm_up(&self) -> Seconds {
        self.warm_up
    }

    /// The colour that a new version gets.
    pub(crate) fn canary(&self) -> Colour {
        self.plant.canary()
    }

    pub(crate) fn deliver(&self, times: NonZeroU32) -> Result<Started, AceError> {
        let name = |number: u32| match number {
            1 => self.name.clone(),
            further => format!("{}-{further}", self.name),
        };
        (1..=times.get())
            .map(|number| Ok(self.embedded.play(&name(number), self.event.clone())?))
            .collect::<Result<_, AceError>>()
            .map(Started)
    }

    /// Rolls back what the first delivery started.
    pub(crate) async fn abort(&self, started: &Started, why: &str) -> Result<String, AceError> {
        let Some(rollout) = self.started(started).await? else {
            started.0.iter().for_each(|execution| execution.stop(None, Some(why.to_owned())));
            return Ok("stopped: no rollout had begun".to_owned());
        };
        let request =
            json!({ "rollout_id": rollout.id, "epoch": rollout.epoch, "by": "the terminal", "reason": why });
        self.ask("rollback", json!({ "roll_back": request })).await
    }

    /// Passes an order on to the rollout that the first delivery started, and gives the answer.
    pub(crate) async fn order(&self, started: &Started, typed: Typed) -> Result<String, AceError> {
        if typed.wish == Wish::Abort {
            return self.abort(started, &typed.why).await;
        }
        let Some(rollout) = self.started(started).await? else {
            return Ok("no rollout has begun".to_owned());
        };
        let Some(order) = typed.wish.order(rollout.step()) else {
            return Ok(format!("there is no step to decide about: {}", engine::describe(&rollout)));
        };
        let command = Command {
            rollout_id: rollout.id,
            epoch: rollout.epoch.0,
            order,
            by: "the terminal".to_owned(),
            reason: typed.why,
        };
        self.ask("promote-step", json!({ "command": command })).await
    }

    async fn started(&self, started: &Started) -> Result<Option<Rollout>, AceError> {
        let Some(execution) = started.0.first() else { return Ok(None) };
        let Ok(arn) = execution.identity().execution_arn().parse() else { return Ok(None) };
        match self.store.rollout_of(&arn).await? {
            Some(id) => Ok(self.store.rollout(&id).await?),
            None => Ok(None),
        }
    }

    async fn ask(&self, function: &str, payload: Value) -> Result<String, AceError> {
        let answer = self.stack.ports().call(function, payload).await;
        let reply = answer.unwrap_or(Ok(Value::Null)).map_err(local_stack::StackError::Function)?;
        Ok(reply.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// Waits until alert-router has heard of all that happened.
    pub(crate) async fn heard(&self) {
        self.stack.heard().await;
    }

    /// Whether somebody is to be told of alerts for the first time by then.
    pub(crate) async fn tells_by(&self, then: Timestamp) -> Result<bool, AceError> {
        Ok(self.stack.tells_by(then).await?)
    }

    pub(crate) fn load(&self) -> LoadTotals {
        self.load.totals()
    }

    /// The minutes from `from` on that have ended by `now`.
    pub(crate) fn closed_minutes(&self, from: Option<Timestamp>, now: Timestamp) -> Vec<MinuteCounts> {
        let from = from.unwrap_or(Timestamp::MIN);
        let minutes = self.plant.proxy().minutes(from, a_minute_before(now));
        minutes.into_iter().filter(|counts| Seconds(60).after(counts.minute) <= now).collect()
    }

    /// The rollout that the deliveries were about.
    pub(crate) async fn rollout_of(&self, outcomes: &[Outcome]) -> Result<Option<Rollout>, AceError> {
        for outcome in outcomes {
            let Outcome::Succeeded { output, .. } = outcome else { continue };
            let id = output.get("rollout_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
            if let Some(id) = id {
                return Ok(self.store.rollout(&id).await?);
            }
        }
        Ok(None)
    }

    pub(crate) async fn reload(&self, id: &RolloutId) -> Result<Rollout, AceError> {
        let store = || "the store".to_owned();
        self.store.rollout(id).await?.ok_or_else(|| AceError::NoRollout { id: id.clone(), store: store() })
    }

    /// Ends the requests; gives what they came to, and the canary's weight as the proxy has it. After a promotion
    /// the canary is the colour that is live now.
    pub(crate) async fn stop_traffic(self) -> (LoadTotals, u16) {
        let weight = self.plant.canary_weight();
        (self.load.stop().await, weight)
    }
}

async fn plant(
    scene: &Scene,
    plan: &Plan,
    live: Colour,
    stable: String,
    clock: StackClock,
) -> Result<Plant, AceError> {
    let services = match (&scene.baseline, &scene.canary) {
        (Some(baseline), Some(canary)) => {
            Services::Own { baseline: baseline.clone(), canary: canary.clone() }
        }
        _ => Services::Bundled(scene.fault),
    };
    let options = PlantOptions {
        services,
        route: plan.route.clone(),
        health_path: plan.readiness.path.clone(),
        live,
        stable,
        first_step: plan.steps.iter().next().map_or(Weight::FULL, |step| step.weight),
        slow_over_ms: plan.judge.latency_objective_ms,
    };
    let prober: Arc<dyn Prober> =
        Arc::new(http_probe::HttpProber::new().map_err(|error| AceError::Prober(error.to_string()))?);
    Ok(Plant::start(options, prober, clock).await?)
}
