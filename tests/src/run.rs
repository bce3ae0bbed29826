//! A run: the stack over a world, in virtual time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use asl::{Execution, Outcome};
use contract::Failure;
use engine::history::Record;
use engine::ports::{Clock, Store};
use environments::Environment;
use jiff::Timestamp;
use local_stack::{
    ASYNCHRONOUS_RETRIES, EmbeddedStore, LocalAlarms, Messenger, Parts, Stack, StackClock, Updates,
};
use rollout::{Colour, EnvironmentName, Phase, Rollout, Seconds, ServiceName, Target};
use serde_json::{Value, json};

use crate::interference::{Interference, Topic, UnreliableTasks};
use crate::journal::{Journal, Kind};
use crate::town::Town;
use crate::world::World;

/// What a run starts with.
pub struct Setup {
    /// The time at the start.
    pub start: Timestamp,
    /// The configuration of the environment.
    pub configuration: Environment,
    /// Requests a minute.
    pub per_minute: u32,
    /// Whether catalog has a world of its own beside checkout's.
    pub two_services: bool,
    /// The functions' calls that go wrong.
    pub interferences: Vec<Interference>,
    /// What the stack calls its environment.
    pub environment: EnvironmentName,
    /// How much faster than tokio's the clock runs.
    pub speed: NonZeroU32,
    /// Whom alert-router tells; without it there is none.
    pub messenger: Option<Messenger>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            start: "2026-08-03T09:15:07Z".parse().expect("a timestamp"),
            configuration: configuration(""),
            per_minute: 6_000,
            two_services: false,
            interferences: Vec::new(),
            environment: "production".parse().expect("a name"),
            speed: NonZeroU32::MIN,
            messenger: None,
        }
    }
}

/// The environment production with the services checkout (canary) and catalog (blue-green). The text is what stands
/// under `rollout` besides a smoke test, indented by two spaces.
pub fn configuration(rules: &str) -> Environment {
    let service = |name: &str, strategy: &str| {
        let group = |colour: &str| {
            format!("{{ target_group: {name}-{colour}, endpoint: \"http://{colour}.{name}.example.com\" }}")
        };
        format!(
            "  {name}:\n    pipeline: {name}\n    strategy: {strategy}\n    route:\n      rule: rule/{name}\n      \
             load_balancer: app/shop\n      blue: {}\n      green: {}\n",
            group("blue"),
            group("green")
        )
    };
    let readiness = "  readiness:\n    smoke_tests:\n      - { name: the start page answers, path: / }\n";
    let text = format!(
        "environment: {{ name: ace-flow-production, region: us-east-1, stage: prod, account: \"123456789012\" }}\n\
         rollout:\n{readiness}{rules}\nservices:\n{}{}",
        service("checkout", "canary"),
        service("catalog", "blue-green")
    );
    Environment::from_yaml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// `7:14` as the instant so many minutes and seconds after the start.
pub fn stamp(start: Timestamp, at: &str) -> Timestamp {
    let (minutes, seconds) = at.split_once(':').expect("minutes and seconds");
    let seconds = minutes.parse::<u32>().unwrap() * 60 + seconds.parse::<u32>().unwrap();
    Seconds(seconds).after(start)
}

/// The stack over a world. Needs a tokio runtime; time is virtual where the runtime's is paused.
pub struct Run {
    /// The world; that of checkout, where catalog has its own.
    pub world: Arc<World>,
    /// The journal.
    pub journal: Arc<Journal>,
    /// The guardrails.
    pub alarms: Arc<LocalAlarms>,
    /// The stack.
    pub stack: Stack,
    /// The store.
    pub store: Arc<dyn Store>,
    pub(crate) town: Arc<Town>,
    environment: EnvironmentName,
    start: Timestamp,
    tasks: Arc<UnreliableTasks>,
    topic_down: Arc<AtomicBool>,
}

impl Run {
    /// A run that begins now.
    pub async fn new(setup: Setup) -> Self {
        Self::on(Arc::new(EmbeddedStore::in_memory().unwrap()), setup).await
    }

    /// A run that begins now, on a store of the test's own.
    pub async fn on(store: Arc<dyn Store>, setup: Setup) -> Self {
        let clock = StackClock::new(setup.start, setup.speed);
        let (updates, receiver) = Updates::channel();
        let journal = Arc::new(Journal::new(setup.start, receiver));
        let world = |name: Option<&str>| {
            let (clock, journal) = (clock.clone(), Arc::clone(&journal));
            Arc::new(World::new(name.map(str::to_owned), clock, journal, setup.per_minute))
        };
        let two = setup.two_services;
        let town = Arc::new(Town {
            checkout: world(two.then_some("checkout")),
            catalog: two.then(|| world(Some("catalog"))),
        });
        let alarms = Arc::new(LocalAlarms::default());
        let stack = Stack::assemble(Parts {
            environment: setup.environment.clone(),
            configuration: setup.configuration,
            store: Arc::clone(&store),
            traffic: Arc::clone(&town) as _,
            fleet: Arc::clone(&town) as _,
            metrics: Arc::clone(&town) as _,
            prober: Arc::clone(&town) as _,
            alarms: Arc::clone(&alarms),
            revisions: None,
            messenger: setup.messenger,
            costs: None,
            clock,
            updates,
        })
        .await
        .unwrap();
        let topic_down = Arc::new(AtomicBool::new(false));
        let mut ports = stack.ports().clone();
        ports.notifier = Arc::new(Topic { inner: ports.notifier, down: Arc::clone(&topic_down) });
        let tasks = Arc::new(UnreliableTasks {
            ports,
            interferences: setup.interferences.clone(),
            calls: Mutex::new(BTreeMap::new()),
        });
        let world = Arc::clone(&town.checkout);
        let Setup { start, environment, .. } = setup;
        Self { world, journal, alarms, stack, store, town, environment, start, tasks, topic_down }
    }

    /// A run in which nothing goes wrong yet.
    pub async fn usual() -> Self {
        Self::new(Setup::default()).await
    }

    /// Starts an execution with an event, as the rule of EventBridge does.
    pub fn play(&self, name: &str, event: Value) -> Execution {
        self.note(format!("execution {name} starts"));
        self.stack.play_over(name, event, Arc::clone(&self.tasks) as _).unwrap()
    }

    /// Plays the canary event to its end.
    pub async fn canary(&self) -> Outcome {
        self.play("first", crate::files::event("codepipeline-succeeded-canary")).finished().await
    }

    /// Calls a function without the state machine, as SNS and the Scheduler do.
    ///
    /// # Errors
    /// The function's.
    pub async fn call(&self, function: &str, payload: Value) -> Result<Value, Failure> {
        let answer = self.stack.ports().call(function, payload).await.expect("the function is there");
        let text = match &answer {
            Ok(reply) => {
                format!(
                    "{function} answers {}: {}",
                    reply["next"],
                    reply["reason"].as_str().unwrap_or_default()
                )
            }
            Err(failure) => format!("{function} fails: {}: {failure}", failure.name),
        };
        self.note(text);
        answer
    }

    /// Delivers an event to a function as Lambda does an asynchronous call: again after its waits, while it fails.
    ///
    /// # Errors
    /// The function's at the last attempt.
    pub async fn deliver(&self, function: &str, event: Value) -> Result<Value, Failure> {
        let mut answer = self.call(function, event.clone()).await;
        for wait in ASYNCHRONOUS_RETRIES {
            if answer.is_ok() {
                break;
            }
            self.stack.clock().wait(wait).await;
            answer = self.call(function, event.clone()).await;
        }
        answer
    }

    /// An alarm changes its state, and SNS tells rollback.
    ///
    /// # Errors
    /// rollback's.
    pub async fn ring(&self, alarm: &str) -> Result<Value, Failure> {
        self.alarms.set(alarm.parse().unwrap(), true);
        self.note(format!("alarm {alarm} is in ALARM"));
        self.call("rollback", crate::sns::alarm_event(alarm, "ALARM", self.now())).await
    }

    /// A person orders something of the rollout that began last.
    ///
    /// # Errors
    /// promote-step's.
    pub async fn order(&self, order: &str) -> Result<Value, Failure> {
        let rollout = self.rollouts().await.pop().expect("a rollout");
        self.note(format!("dana orders: {order}"));
        let mut command = json!({
            "rollout_id": rollout.id, "epoch": rollout.epoch, "order": order, "by": "dana", "reason": "tax table",
        });
        if let Some(step) = rollout.step() {
            command["step"] = step.number().into();
        }
        self.call("promote-step", json!({ "command": command })).await
    }

    /// The schedule's sweeps; gives what rollback answered.
    ///
    /// # Errors
    /// A function's.
    pub async fn sweep(&self) -> Result<Value, Failure> {
        let answer = self.call("rollback", crate::files::event("sweep")).await;
        self.call("promote-step", crate::files::event("sweep")).await?;
        answer
    }

    /// Whether the functions that the state machine calls can publish nothing.
    pub fn topic_down(&self, down: bool) {
        self.note(if down { "the topic is out of reach" } else { "the topic is back" });
        self.topic_down.store(down, Ordering::Relaxed);
    }

    /// Adds a line of the test's own.
    pub fn note(&self, text: impl Into<String>) {
        self.journal.note(self.now(), Kind::Test, text);
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        Clock::now(self.stack.clock())
    }

    /// Waits until so many minutes and seconds (`7:14`) after the start.
    pub async fn until(&self, at: &str) {
        self.stack.clock().wait(Seconds::until(self.now(), stamp(self.start, at))).await;
    }

    /// The rollouts, oldest first.
    pub async fn rollouts(&self) -> Vec<Rollout> {
        let mut rollouts = self.store.recent(&self.environment, 100).await.unwrap();
        rollouts.reverse();
        rollouts
    }

    /// Waits until the newest rollout bakes at a weight; whether it does before it, or what runs it, has ended.
    pub async fn baking(&self, ended: impl Fn() -> bool) -> bool {
        loop {
            if self.world.share(Colour::Green) > 0 {
                match self.rollouts().await.last().map(|rollout| rollout.phase.clone()) {
                    Some(Phase::Baking { .. }) => return true,
                    Some(phase) if phase.is_terminal() => return false,
                    _ => {}
                }
            }
            if ended() {
                return false;
            }
            self.stack.clock().wait(Seconds(1)).await;
        }
    }

    /// The history of a rollout.
    pub async fn history(&self, rollout: &Rollout) -> Vec<Record> {
        self.store.history(&rollout.id).await.unwrap()
    }

    /// A service's target.
    pub async fn target(&self, service: &ServiceName) -> Option<Target> {
        self.store.target(&self.environment, service).await.unwrap()
    }

    /// Compares the transcript with the stored one of that name.
    pub fn golden(&self, name: &str) {
        let mut text = self.journal.transcript();
        for (name, world) in self.town.worlds() {
            for colour in [Colour::Blue, Colour::Green] {
                let (requests, errors) = world.served(colour);
                let version = world.version(colour).unwrap_or_else(|| "down".to_owned());
                let share = world.share(colour);
                writeln!(
                    text,
                    "{name}{colour}: {version}, {share} % now, {requests} requests, {errors} errors"
                )
                .unwrap();
            }
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
}
