//! The embedded stack of this process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use asl::Outcome;
use async_trait::async_trait;
use engine::Lookout;
use engine::gates::GateState;
use engine::history::Record;
use engine::ports::Published;
use environments::Environment;
use feature_flags::Shelf;
use futures_util::future::join_all;
use jiff::Timestamp;
use local_stack::{ApprovalPage, Ports, Stack};
use rollout::{Control, EnvironmentName, ExecutionArn, Rollout, RolloutId, ServiceName, Target};
use serde_json::Value;

use super::gates::{Asked, here};
use super::{
    Backend, BackendError, BackendResult, Callee, CostSight, Execution, Glance, Publication, Sighted, Wish,
    shelf_beside,
};

/// The embedded stack, at rest or playing.
pub(crate) struct Embedded {
    environment: EnvironmentName,
    store: String,
    ports: Ports,
    playing: Option<Playing>,
}

/// The stack that plays, and what others have started in it.
struct Playing {
    stack: Arc<Stack>,
    service: ServiceName,
    approvals: Option<ApprovalPage>,
    executions: Mutex<BTreeMap<String, asl::Execution>>,
}

impl Embedded {
    /// A stack that plays nothing: its functions take orders, and what is stored can be read.
    pub(crate) const fn at_rest(environment: EnvironmentName, store: String, ports: Ports) -> Self {
        Self { environment, store, ports, playing: None }
    }

    /// A stack that plays rollouts of one service, and the page on which they are approved.
    pub(crate) fn playing(
        environment: EnvironmentName,
        store: String,
        stack: Arc<Stack>,
        service: ServiceName,
        approvals: Option<ApprovalPage>,
    ) -> Self {
        let ports = stack.ports().clone();
        let playing = Playing { stack, service, approvals, executions: Mutex::default() };
        Self { environment, store, ports, playing: Some(playing) }
    }

    /// The page on which rollouts are approved through links.
    pub(crate) fn approvals(&self) -> Option<&ApprovalPage> {
        self.playing.as_ref()?.approvals.as_ref()
    }

    pub(super) const fn environment(&self) -> &EnvironmentName {
        &self.environment
    }

    pub(super) fn store_name(&self) -> &str {
        &self.store
    }

    /// The same store seen as another environment, which nothing plays.
    pub(super) fn reading(&self, environment: &EnvironmentName) -> Self {
        let ports = Ports { environment: environment.clone(), ..self.ports.clone() };
        Self::at_rest(environment.clone(), self.store.clone(), ports)
    }

    /// Starts an execution; the same name again is the same one, as on AWS.
    pub(crate) fn play(&self, name: &str, event: Value) -> BackendResult<asl::Execution> {
        self.playing.as_ref().ok_or(BackendError::NothingPlays)?.start(name, event)
    }

    /// Waits for what was started here.
    pub(crate) async fn finished(&self) {
        let Some(playing) = &self.playing else { return };
        let started: Vec<asl::Execution> = playing.known().values().cloned().collect();
        join_all(started.iter().map(asl::Execution::finished)).await;
    }

    /// How many of those run.
    pub(crate) fn unfinished(&self) -> usize {
        let Some(playing) = &self.playing else { return 0 };
        playing.known().values().filter(|execution| execution.outcome().is_none()).count()
    }
}

impl Playing {
    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, asl::Execution>> {
        self.executions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, name: &str, event: Value) -> BackendResult<asl::Execution> {
        let mut known = self.known();
        let execution = match known.get(name) {
            Some(execution) => execution.clone(),
            None => self.stack.play(name, event)?,
        };
        known.insert(name.to_owned(), execution.clone());
        Ok(execution)
    }
}

fn arn(text: &str) -> BackendResult<ExecutionArn> {
    text.parse().map_err(|error: rollout::InvalidName| BackendError::Remote {
        message: error.to_string(),
        ours: true,
    })
}

/// What became of an execution of the embedded state machine.
pub(crate) fn ended(outcome: Option<Outcome>) -> Execution {
    match outcome {
        None => Execution::Running,
        Some(Outcome::Succeeded { output, .. }) => Execution::Succeeded { output },
        Some(Outcome::Failed { error, cause, .. }) => {
            Execution::Failed { error: error.unwrap_or_default(), cause: cause.unwrap_or_default() }
        }
        Some(Outcome::TimedOut) => {
            Execution::Cut { reason: "the execution took longer than its limit".to_owned() }
        }
        Some(Outcome::Aborted { cause, .. }) => Execution::Cut { reason: cause.unwrap_or_default() },
    }
}

#[async_trait]
impl Backend for Embedded {
    fn place(&self) -> String {
        format!("the embedded stack ({})", self.store)
    }

    fn operator(&self) -> String {
        super::place::user()
    }

    async fn now(&self) -> BackendResult<Timestamp> {
        Ok(self.ports.clock.now())
    }

    fn poll_millis(&self) -> u64 {
        200
    }

    async fn start(&self, name: &str, event: Value) -> BackendResult<ExecutionArn> {
        let playing = self.playing.as_ref().ok_or(BackendError::NothingPlays)?;
        if event.pointer("/detail/service").and_then(Value::as_str) != Some(playing.service.as_str()) {
            let (store, plays) = (self.store.clone(), playing.service.clone());
            return Err(BackendError::OtherService { store, plays });
        }
        arn(playing.start(name, event)?.identity().execution_arn())
    }

    async fn execution(&self, execution: &ExecutionArn) -> BackendResult<Execution> {
        let known = self.playing.as_ref().map(Playing::known);
        let mut known = known.iter().flat_map(|known| known.values());
        let found = known.find(|known| known.identity().execution_arn() == execution.as_str());
        Ok(found.map_or_else(
            || Execution::Cut { reason: "its process has ended".to_owned() },
            |found| ended(found.outcome()),
        ))
    }

    async fn invoke(&self, function: Callee, payload: Value) -> BackendResult<Value> {
        let answer = self.ports.call(function.name(), payload).await.unwrap_or(Ok(Value::Null));
        answer.map_err(|failure| BackendError::Function { callee: function, failure })
    }

    async fn approval_url(&self) -> BackendResult<String> {
        self.approvals().map(ApprovalPage::url).ok_or(BackendError::NothingPlays)
    }

    fn fits(&self, _: &Environment) -> BackendResult<()> {
        Ok(())
    }

    async fn configuration(&self) -> BackendResult<Option<Published>> {
        Ok(self.ports.store.configuration(&self.environment).await?)
    }

    async fn publish(&self, configuration: &Environment, by: &str) -> BackendResult<Publication> {
        let (store, now) = (&*self.ports.store, self.ports.clock.now());
        let published = engine::publish::publish(store, &self.environment, configuration, by, now).await;
        published.map(Publication::from).map_err(BackendError::Publish)
    }

    fn shelf(&self) -> Box<dyn Shelf> {
        Box::new(shelf_beside(Path::new(&self.store)))
    }

    async fn gates(&self, wish: &Wish) -> BackendResult<Vec<GateState>> {
        // What is played is one service's rule and machines.
        let plays = self.playing.as_ref().is_some_and(|playing| playing.service == wish.plan.service);
        Ok(here(&self.ports, wish, if plays { Asked::All } else { Asked::Stored }).await)
    }

    async fn target(&self, service: &ServiceName) -> BackendResult<Option<Target>> {
        Ok(self.ports.store.target(&self.environment, service).await?)
    }

    async fn rollout(&self, id: &RolloutId) -> BackendResult<Option<Rollout>> {
        Ok(self.ports.store.rollout(id).await?)
    }

    async fn active(&self) -> BackendResult<Vec<Rollout>> {
        Ok(self.ports.store.active(&self.environment).await?)
    }

    async fn control(&self) -> BackendResult<Control> {
        Ok(self.ports.store.control(&self.environment).await?)
    }

    async fn history(&self, id: &RolloutId) -> BackendResult<Vec<Record>> {
        Ok(self.ports.store.history(id).await?)
    }

    async fn recent(&self, limit: usize) -> BackendResult<Vec<Rollout>> {
        Ok(self.ports.store.recent(&self.environment, limit).await?)
    }

    async fn alerts(&self, glance: &Glance) -> BackendResult<Sighted> {
        let messages = self.ports.messages.as_ref().ok_or(BackendError::NothingPlays)?;
        let lookout = Lookout {
            environment: &self.environment,
            store: &*self.ports.store,
            alerts: &*messages.alerts,
            now: self.ports.clock.now(),
        };
        Ok(super::alerts::look(lookout, glance).await?)
    }

    async fn costs(&self) -> BackendResult<CostSight> {
        let costs = self.ports.costs.as_ref().ok_or(BackendError::NothingPlays)?;
        Ok(super::costs::look(&self.environment, &**costs, self.ports.clock.now(), false).await?)
    }
}
