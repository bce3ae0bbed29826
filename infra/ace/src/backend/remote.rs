//! The embedded stack of another process of this machine, over the socket beside its store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use engine::gates::GateState;
use engine::history::Record;
use engine::ports::Published;
use environments::Environment;
use feature_flags::Shelf;
use jiff::Timestamp;
use rollout::{Control, EnvironmentName, ExecutionArn, Rollout, RolloutId, ServiceName, Target};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::wire::{Answer, Ask, LONGEST, Question};
use super::{
    Backend, BackendError, BackendResult, Callee, CostSight, Execution, Glance, Publication, Sighted, Wish,
    shelf_beside,
};

/// The longest wait for an answer: longer than any function takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection to the process that has the store open.
pub(super) struct Remote {
    environment: EnvironmentName,
    store: PathBuf,
    socket: PathBuf,
}

impl Remote {
    /// The process behind this socket, if there is one: a socket that nobody listens on was left by a process that was
    /// killed.
    pub(super) async fn connect(environment: EnvironmentName, store: &Path, socket: PathBuf) -> Option<Self> {
        UnixStream::connect(&socket).await.ok()?;
        Some(Self { environment, store: store.to_owned(), socket })
    }

    async fn ask<T: DeserializeOwned>(&self, ask: Ask) -> BackendResult<T> {
        let question = Question { environment: self.environment.clone(), ask };
        let answer = timeout(PATIENCE, self.exchange(&question))
            .await
            .map_err(|_| self.unreachable("it does not answer".to_owned()))?
            .map_err(|error| self.unreachable(error.to_string()))?;
        let value = Result::from(answer)?;
        serde_json::from_value(value).map_err(|error| self.unreachable(format!("it is another ace: {error}")))
    }

    async fn exchange(&self, question: &Question) -> std::io::Result<Answer> {
        let mut stream = UnixStream::connect(&self.socket).await?;
        let mut line = serde_json::to_vec(question)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut answer = Vec::new();
        BufReader::new(stream.take(LONGEST)).read_until(b'\n', &mut answer).await?;
        if answer.is_empty() {
            return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "it has just ended"));
        }
        Ok(serde_json::from_slice(&answer)?)
    }

    fn unreachable(&self, reason: String) -> BackendError {
        BackendError::Unreachable { store: self.store.display().to_string(), reason }
    }
}

#[async_trait]
impl Backend for Remote {
    fn place(&self) -> String {
        format!("the embedded stack of a running ace ({})", self.store.display())
    }

    fn operator(&self) -> String {
        super::place::user()
    }

    async fn now(&self) -> BackendResult<Timestamp> {
        self.ask(Ask::Now).await
    }

    fn poll_millis(&self) -> u64 {
        200
    }

    async fn start(&self, name: &str, event: Value) -> BackendResult<ExecutionArn> {
        self.ask(Ask::Start { name: name.to_owned(), event }).await
    }

    async fn execution(&self, execution: &ExecutionArn) -> BackendResult<Execution> {
        self.ask(Ask::Execution { execution: execution.clone() }).await
    }

    async fn invoke(&self, function: Callee, payload: Value) -> BackendResult<Value> {
        self.ask(Ask::Invoke { function, payload }).await
    }

    async fn approval_url(&self) -> BackendResult<String> {
        self.ask(Ask::ApprovalUrl).await
    }

    fn fits(&self, _: &Environment) -> BackendResult<()> {
        Ok(())
    }

    async fn configuration(&self) -> BackendResult<Option<Published>> {
        self.ask(Ask::Configuration).await
    }

    async fn publish(&self, configuration: &Environment, by: &str) -> BackendResult<Publication> {
        self.ask(Ask::Publish { configuration: Box::new(configuration.clone()), by: by.to_owned() }).await
    }

    fn shelf(&self) -> Box<dyn Shelf> {
        Box::new(shelf_beside(&self.store))
    }

    async fn gates(&self, wish: &Wish) -> BackendResult<Vec<GateState>> {
        self.ask(Ask::Gates { wish: Box::new(wish.clone()) }).await
    }

    async fn target(&self, service: &ServiceName) -> BackendResult<Option<Target>> {
        self.ask(Ask::Target { service: service.clone() }).await
    }

    async fn rollout(&self, id: &RolloutId) -> BackendResult<Option<Rollout>> {
        self.ask(Ask::Rollout { id: id.clone() }).await
    }

    async fn active(&self) -> BackendResult<Vec<Rollout>> {
        self.ask(Ask::Active).await
    }

    async fn control(&self) -> BackendResult<Control> {
        self.ask(Ask::Control).await
    }

    async fn history(&self, id: &RolloutId) -> BackendResult<Vec<Record>> {
        self.ask(Ask::History { id: id.clone() }).await
    }

    async fn recent(&self, limit: usize) -> BackendResult<Vec<Rollout>> {
        self.ask(Ask::Recent { limit }).await
    }

    async fn alerts(&self, glance: &Glance) -> BackendResult<Sighted> {
        self.ask(Ask::Alerts { glance: Box::new(glance.clone()) }).await
    }

    async fn costs(&self) -> BackendResult<CostSight> {
        self.ask(Ask::Costs).await
    }
}
