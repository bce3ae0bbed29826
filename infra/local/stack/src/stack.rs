//! The composition root of one machine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use alerting::Group;
use asl::{Execution, Identity, Machine, Tasks};
use contract::{DueOf, Failure};
use engine::ports::{Clock, CostStore, Fleet, Metrics, PortError, Prober, Revisions, Store, Traffic};
use environments::Environment;
use jiff::Timestamp;
use rollout::{EnvironmentName, Lease, RolloutId, Seconds};
use serde_json::{Value, json};

use crate::approvals::{ApprovalPage, LocalKey};
use crate::below::StoreBelow;
use crate::clock::StackClock;
use crate::desk::{ExecutionIsVersion, LocalAlarms, LoggedMeasures, OneBucket, TimedReminders};
use crate::functions::Ports;
use crate::messages::{Bus, LocalTimers, Messages, Messenger, TIMER};
use crate::update::Updates;
use crate::watched_store::WatchedStore;

/// The state machine, the very file that AWS runs.
pub const DEFINITION: &str = include_str!("../../../rollout.asl.json");

/// The waits between the attempts of an asynchronous invocation: Lambda tries again twice, after one minute and after two
/// more (AWS Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation").
pub const ASYNCHRONOUS_RETRIES: [Seconds; 2] = [Seconds(60), Seconds(120)];

const FUNCTIONS: [(&str, &str); 5] = [
    ("AlertRouter", "alert-router"),
    ("StartDeploy", "start-deploy"),
    ("HealthCheck", "health-check"),
    ("PromoteStep", "promote-step"),
    ("Rollback", "rollback"),
];

/// Why the stack could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The state machine is outside the interpreter's subset.
    #[error(transparent)]
    Definition(#[from] asl::DefinitionError),
    /// The execution's name was refused.
    #[error(transparent)]
    Identity(#[from] asl::IdentityError),
    /// The execution's input was refused.
    #[error(transparent)]
    Start(#[from] asl::StartError),
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A function failed.
    #[error(transparent)]
    Function(#[from] Failure),
    /// The operating system has no random numbers for the key of approval links.
    #[error(
        "a key for approval links could not be made: {0}; check that this process may use the system's random numbers"
    )]
    Key(#[from] getrandom::Error),
}

/// What the stack is made of.
pub struct Parts {
    /// The environment's name.
    pub environment: EnvironmentName,
    /// Its configuration.
    pub configuration: Environment,
    /// Where rollouts are stored.
    pub store: Arc<dyn Store>,
    /// The rule.
    pub traffic: Arc<dyn Traffic>,
    /// The machines behind the colours.
    pub fleet: Arc<dyn Fleet>,
    /// The evidence.
    pub metrics: Arc<dyn Metrics>,
    /// Looks at the new version.
    pub prober: Arc<dyn Prober>,
    /// The guardrails.
    pub alarms: Arc<LocalAlarms>,
    /// What pipelines built; by default the execution's id.
    pub revisions: Option<Arc<dyn Revisions>>,
    /// What alert-router needs; without it nobody is told of alerts.
    pub messenger: Option<Messenger>,
    /// What cost-optimizer remembers; without it there is none.
    pub costs: Option<Arc<dyn CostStore>>,
    /// The time.
    pub clock: StackClock,
    /// Who watches.
    pub updates: Updates,
}

/// The embedded stack.
pub struct Stack {
    ports: Arc<Ports>,
    bus: Arc<Bus>,
    machine: Arc<Machine>,
    machine_arn: String,
    clock: StackClock,
    updates: Updates,
}

impl Stack {
    /// Puts the stack together and publishes the configuration.
    ///
    /// # Errors
    /// [`StackError`].
    pub async fn assemble(from: Parts) -> Result<Self, StackError> {
        let Parts { environment, configuration, store, clock, updates, .. } = from;
        engine::publish::publish(&*store, &environment, &configuration, "the embedded stack", clock.now())
            .await?;
        let identity = &configuration.environment;
        let region = &identity.region;
        let account = identity.account.as_deref().unwrap_or("000000000000");
        let substitutions: BTreeMap<String, String> = FUNCTIONS
            .iter()
            .map(|(placeholder, name)| {
                ((*placeholder).to_owned(), format!("arn:aws:lambda:{region}:{account}:function:{name}"))
            })
            .collect();
        let machine = Arc::new(Machine::parse(DEFINITION, &substitutions)?);
        let machine_arn = format!("arn:aws:states:{region}:{account}:stateMachine:rollout");
        let timers = Arc::new(LocalTimers {
            machine: Arc::new(Machine::parse(TIMER, &substitutions)?),
            machine_arn: format!("arn:aws:states:{region}:{account}:stateMachine:alert-timer"),
            clock: clock.clone(),
            ports: OnceLock::new(),
            started: Mutex::default(),
        });
        let bus = Arc::new(Bus::new(updates.clone()));
        let reminders = Arc::new(TimedReminders { clock: clock.clone(), ports: OnceLock::new() });
        let shared_clock: Arc<dyn Clock> = Arc::new(clock.clone());
        let below = Arc::new(StoreBelow::new(Arc::clone(&store)));
        let ports = Arc::new(Ports {
            environment,
            store: Arc::new(WatchedStore {
                inner: store,
                updates: updates.clone(),
                clock: Arc::clone(&shared_clock),
            }),
            traffic: from.traffic,
            fleet: from.fleet,
            metrics: from.metrics,
            alarms: Arc::clone(&from.alarms) as _,
            below: Arc::clone(&below) as _,
            served: below,
            tags: from.alarms,
            prober: from.prober,
            notifier: Arc::clone(&bus) as _,
            budget: Arc::new(OneBucket::default()),
            meter: Arc::new(LoggedMeasures),
            revisions: from.revisions.unwrap_or_else(|| Arc::new(ExecutionIsVersion)),
            schedule: Arc::clone(&reminders) as _,
            keys: Arc::new(LocalKey::random()?),
            messages: from
                .messenger
                .map(|messenger| Messages::watched(messenger, Arc::clone(&timers), &updates)),
            costs: from.costs,
            clock: shared_clock,
        });
        // Set once, here; a second time would change nothing.
        for later in [&reminders.ports, &timers.ports, &bus.ports] {
            drop(later.set(Arc::downgrade(&ports)));
        }
        Ok(Self { ports, bus, machine, machine_arn, clock, updates })
    }

    /// The functions and what they reach.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Serves the page of the function approve on 127.0.0.1, until what this gives is dropped.
    ///
    /// # Errors
    /// The operating system's, where no port can be had.
    pub async fn approval_page(&self) -> std::io::Result<ApprovalPage> {
        ApprovalPage::start(Arc::clone(&self.ports)).await
    }

    /// The time in the stack.
    pub const fn clock(&self) -> &StackClock {
        &self.clock
    }

    /// Starts an execution of the state machine with an event, as the EventBridge rule does. The name must be new.
    ///
    /// # Errors
    /// [`StackError`].
    pub fn play(&self, name: &str, event: Value) -> Result<Execution, StackError> {
        self.play_over(name, event, Arc::clone(&self.ports) as _)
    }

    /// The same with other functions in the place of the stack's own, or with something between it and them.
    ///
    /// # Errors
    /// [`StackError`].
    pub fn play_over(
        &self,
        name: &str,
        event: Value,
        tasks: Arc<dyn Tasks>,
    ) -> Result<Execution, StackError> {
        let identity = Identity::new(&self.machine_arn, name)?;
        let execution = Execution::start(
            Arc::clone(&self.machine),
            identity,
            event,
            tasks,
            Arc::new(self.clock.clone()),
            Arc::new(self.updates.clone()),
        )?;
        Ok(execution)
    }

    /// Rolls back what an earlier process left behind: its executions died with it, so this is what the watchdog does
    /// for aborted ones. All of them get weight 0 at once; they are verified when the watchdog's event is delivered
    /// again, as Lambda does it. What its promoted rollouts still owe is finished as the schedule's sweep does it, which
    /// has to come for the reminders that were lost with the process, as have those of alerts. Gives the rollouts that were rolled back.
    ///
    /// # Errors
    /// [`StackError`]; a function's when the last delivery failed as well.
    pub async fn mend(&self, configuration: &Environment) -> Result<Vec<RolloutId>, StackError> {
        let (mut mended, mut events) = (Vec::new(), Vec::new());
        for service in configuration.services().keys() {
            let target = self.ports.store.target(&self.ports.environment, service).await?;
            let Some(Lease::Held { by, .. }) = target.map(|target| target.lease) else { continue };
            let Some(rollout) = self.ports.store.rollout(&by).await? else { continue };
            events.push(json!({
                "source": "aws.states",
                "detail-type": "Step Functions Execution Status Change",
                "detail": { "executionArn": rollout.execution, "status": "ABORTED" },
            }));
            mended.push(by);
        }
        self.deliver("rollback", events).await?;
        self.deliver("promote-step", vec![json!({ "sweep": {} })]).await?;
        self.start_timers().await?;
        Ok(mended)
    }

    /// What was to be looked at later for alerts: its timers died with the process that started them.
    async fn start_timers(&self) -> Result<(), StackError> {
        let Some(messages) = &self.ports.messages else { return Ok(()) };
        for due in messages.alerts.due(&self.ports.environment, Timestamp::MAX).await? {
            messages.timers.start(&due).await?;
        }
        Ok(())
    }

    /// Waits until alert-router has heard of everything that rollouts have published so far, and has sent what it is
    /// sending.
    pub async fn heard(&self) {
        self.bus.heard().await;
        if let Some(messages) = &self.ports.messages {
            drop(messages.turn.lock().await);
        }
    }

    /// Whether somebody is to be told of alerts for the first time by then, or a rule has to hold, or to stay away, for so
    /// long.
    ///
    /// # Errors
    /// [`StackError`], where the store cannot be read.
    pub async fn tells_by(&self, then: Timestamp) -> Result<bool, StackError> {
        let (environment, Some(messages)) = (&self.ports.environment, &self.ports.messages) else {
            return Ok(false);
        };
        let due = messages.alerts.due(environment, then).await?;
        if due.iter().any(|due| due.of != DueOf::Group) {
            return Ok(true);
        }
        let open = messages.alerts.open_groups(environment).await?;
        let due = |group: &Group| due.iter().any(|due| due.key == group.id.as_str());
        Ok(open.iter().any(|group| group.is_untold() && due(group)))
    }

    /// Delivers events to a function as Lambda delivers asynchronous calls: those that failed again, after its waits.
    async fn deliver(&self, function: &str, events: Vec<Value>) -> Result<(), StackError> {
        let mut left = self.attempt(function, events).await;
        for wait in ASYNCHRONOUS_RETRIES {
            if left.is_empty() {
                break;
            }
            self.clock.wait(wait).await;
            left = self.attempt(function, left.into_iter().map(|(event, _)| event).collect()).await;
        }
        left.into_iter().next().map_or(Ok(()), |(_, failure)| Err(failure.into()))
    }

    async fn attempt(&self, function: &str, events: Vec<Value>) -> Vec<(Value, Failure)> {
        let mut failed = Vec::new();
        for event in events {
            if let Some(Err(failure)) = self.ports.call(function, event.clone()).await {
                failed.push((event, failure));
            }
        }
        failed
    }
}
