//! The socket of a process that plays: other commands of this machine reach its stack there.

use std::ffi::OsString;
use std::fs::{DirBuilder, Permissions, remove_dir, remove_file, rename, set_permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::embedded::Embedded;
use super::wire::{Answer, Ask, LONGEST, Question};
use super::{Backend, BackendError, BackendResult};

/// How long a client may take to write its line, and to read the answer.
const IDLE: Duration = Duration::from_secs(10);
/// How many clients are served at once; more wait.
const AT_ONCE: usize = 64;

/// The socket beside a store.
pub(crate) fn beside(store: &Path) -> PathBuf {
    let mut path = OsString::from(store);
    path.push(".sock");
    path.into()
}

/// A socket that is listened on; it is removed when this is dropped.
pub(crate) struct Socket {
    path: PathBuf,
    listener: JoinHandle<()>,
}

impl Socket {
    /// Listens beside the store, which this process has open alone. What lies there was left by one that was killed.
    ///
    /// Nobody but the user may connect. The socket is made in a folder that only the user can enter and moved to its
    /// place, so that there is no moment at which others could.
    pub(crate) fn listen(store: &Path, stack: Arc<Embedded>) -> io::Result<Self> {
        let path = beside(store);
        let mut folder = path.clone().into_os_string();
        folder.push(format!(".{}", std::process::id()));
        let folder = PathBuf::from(folder);
        // Of a process that was killed in this very moment, and had the same number.
        drop(remove_file(folder.join("s")));
        drop(remove_dir(&folder));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let made = place(&folder.join("s"), &path);
        let removed = remove_dir(&folder);
        let listener = made?;
        removed?;
        Ok(Self { path, listener: tokio::spawn(accept(listener, stack)) })
    }
}

fn place(made: &Path, path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(made)?;
    let placed = set_permissions(made, Permissions::from_mode(0o600)).and_then(|()| rename(made, path));
    if placed.is_err() {
        drop(remove_file(made));
    }
    placed.map(|()| listener)
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.listener.abort();
        drop(remove_file(&self.path));
    }
}

async fn accept(listener: UnixListener, stack: Arc<Embedded>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((client, _)) => {
                let stack = Arc::clone(&stack);
                tokio::spawn(async move {
                    // A client that breaks off has its answer already, or does not want it.
                    drop(serve(client, &stack).await);
                    drop(place);
                });
            }
            // Out of file descriptors, for instance: those that are served end soon.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Answers a client line by line until it closes, hangs, or sends what is no line.
async fn serve(client: UnixStream, stack: &Embedded) -> io::Result<()> {
    let (read, mut write) = client.into_split();
    let mut lines = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        timeout(IDLE, (&mut lines).take(LONGEST).read_until(b'\n', &mut line)).await??;
        if line.is_empty() {
            return Ok(());
        }
        let whole = line.ends_with(b"\n");
        let answer = match serde_json::from_slice::<Question>(&line) {
            Ok(question) => answer(stack, question).await.unwrap_or_else(Answer::from),
            Err(error) => Answer::Refused { message: format!("that is no question: {error}"), ours: false },
        };
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        timeout(IDLE, write.write_all(&line)).await??;
        if !whole {
            return Ok(());
        }
    }
}

async fn answer(stack: &Embedded, question: Question) -> BackendResult<Answer> {
    let Question { environment, ask } = question;
    if environment == *stack.environment() {
        return asked(stack, ask).await;
    }
    // The store has every environment's rollouts; the functions serve the one that is played.
    if matches!(ask, Ask::Start { .. } | Ask::Invoke { .. } | Ask::Execution { .. } | Ask::ApprovalUrl) {
        return Err(BackendError::OtherEnvironment {
            store: stack.store_name().to_owned(),
            plays: stack.environment().clone(),
            asked: environment,
        });
    }
    asked(&stack.reading(&environment), ask).await
}

async fn asked(stack: &Embedded, ask: Ask) -> BackendResult<Answer> {
    match ask {
        Ask::Now => found(&stack.now().await?),
        Ask::Start { name, event } => found(&stack.start(&name, event).await?),
        Ask::Execution { execution } => found(&stack.execution(&execution).await?),
        Ask::Invoke { function, payload } => found(&stack.invoke(function, payload).await?),
        Ask::ApprovalUrl => found(&stack.approval_url().await?),
        Ask::Configuration => found(&stack.configuration().await?),
        Ask::Publish { configuration, by } => found(&stack.publish(&configuration, &by).await?),
        Ask::Gates { wish } => found(&stack.gates(&wish).await?),
        Ask::Target { service } => found(&stack.target(&service).await?),
        Ask::Rollout { id } => found(&stack.rollout(&id).await?),
        Ask::Active => found(&stack.active().await?),
        Ask::Control => found(&stack.control().await?),
        Ask::History { id } => found(&stack.history(&id).await?),
        Ask::Recent { limit } => found(&stack.recent(limit).await?),
        Ask::Alerts { glance } => found(&stack.alerts(&glance).await?),
        Ask::Costs => found(&stack.costs().await?),
    }
}

fn found<T: Serialize>(found: &T) -> BackendResult<Answer> {
    let value: Result<Value, _> = serde_json::to_value(found);
    value.map(Answer::Ok).map_err(|error| BackendError::Remote {
        message: format!("it cannot be written: {error}"),
        ours: true,
    })
}
