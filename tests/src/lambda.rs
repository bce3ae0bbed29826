//! Functions as Lambda runs them: a process for each invocation, which ends with its timeout; a synchronous call tells
//! what came of it, an asynchronous one is tried again and ends among the dead letters.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use asl::{Execution, Outcome, Resource, TaskError, Tasks};
use async_trait::async_trait;
use contract::{CleanUpDue, PromoteStep};
use engine::ports::{CleanUpSchedule, Clock, PortResult};
use jiff::Timestamp;
use local_stack::{ASYNCHRONOUS_RETRIES, Ports};
use rollout::{RolloutId, Seconds};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::boundary::{Gate, Invocation};
use crate::files::event;
use crate::run::Run;
use crate::sns::ended_event;

/// The timeout of every function, as in `infra/template.yaml`.
pub const TIMEOUT: Seconds = Seconds(30);

/// The time between two sweeps, as in `infra/template.yaml`.
pub const PERIOD: Seconds = Seconds(5 * 60);

/// Two hours: long enough for a lease to run out and for an old colour to be looked at.
const SWEEPS: u32 = 24;

/// When each copy of an event for a function, or of the state machine's call of it, arrives; the first one is the
/// original.
pub type Arrivals = dyn Fn(&str) -> Vec<Seconds> + Send + Sync;

/// Exactly once, at once.
pub fn once(_: &str) -> Vec<Seconds> {
    vec![Seconds(0)]
}

/// The functions that have a sweep.
pub const SWEPT_BY: [&str; 2] = ["rollback", "promote-step"];

/// The events that come of themselves: with all of them, or to see what the others are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wiring {
    /// Whether the watchdog hears of executions.
    pub watchdog: bool,
    /// Whether the schedule sweeps.
    pub sweeps: bool,
    /// Whether what the Scheduler was asked to remind of is delivered.
    pub reminders: bool,
}

impl Wiring {
    /// All of them.
    pub const WHOLE: Self = Self { watchdog: true, sweeps: true, reminders: true };
    /// No execution is watched.
    pub const UNWATCHED: Self = Self { watchdog: false, ..Self::WHOLE };
    /// Reminders are lost.
    pub const FORGETFUL: Self = Self { reminders: false, ..Self::WHOLE };

    /// The same without the sweeps.
    #[must_use]
    pub const fn unswept(self) -> Self {
        Self { sweeps: false, ..self }
    }
}

/// The functions.
pub struct Lambda {
    me: Weak<Self>,
    ports: Ports,
    gate: Arc<dyn Gate>,
    arrivals: Box<Arrivals>,
    wiring: Wiring,
    invocations: AtomicU64,
    running: Mutex<Vec<JoinHandle<()>>>,
    dead_letters: Mutex<Vec<String>>,
    panics: Mutex<Vec<String>>,
}

impl Lambda {
    /// The functions over a run's ports, behind a gate.
    pub fn new(run: &Run, gate: Arc<dyn Gate>, arrivals: Box<Arrivals>) -> Arc<Self> {
        Self::over(run.stack.ports().clone(), gate, arrivals, Wiring::WHOLE)
    }

    /// The same over other ports, and with these events around them.
    pub fn over(ports: Ports, gate: Arc<dyn Gate>, arrivals: Box<Arrivals>, wiring: Wiring) -> Arc<Self> {
        Arc::new_cyclic(|me| {
            let schedule = Schedule { lambda: me.clone(), known: Mutex::default() };
            Self {
                me: me.clone(),
                ports: Ports { schedule: Arc::new(schedule), ..ports },
                gate,
                arrivals,
                wiring,
                invocations: AtomicU64::new(0),
                running: Mutex::default(),
                dead_letters: Mutex::default(),
                panics: Mutex::default(),
            }
        })
    }

    /// Delivers an event to a function, as SNS, the Scheduler and rules do.
    pub fn deliver(&self, function: &str, payload: &Value) {
        for arrival in (self.arrivals)(function) {
            let (function, payload) = (function.to_owned(), payload.clone());
            self.spawn(async move |lambda| {
                lambda.wait(arrival).await;
                let mut answer = lambda.invoke_once((&function, true), payload.clone()).await;
                for pause in ASYNCHRONOUS_RETRIES {
                    if answer.is_ok() {
                        return;
                    }
                    lambda.wait(pause).await;
                    answer = lambda.invoke_once((&function, true), payload.clone()).await;
                }
                if let Err(error) = answer {
                    keep(&lambda.dead_letters).push(format!("{function}: {error}"));
                }
            });
        }
    }

    /// Watches an execution: when it ends as it should not, the watchdog's rule tells rollback.
    pub fn watch(&self, execution: &Execution) {
        let execution = execution.clone();
        self.spawn(async move |lambda| {
            let status = match execution.finished().await {
                Outcome::Succeeded { .. } => return,
                Outcome::Failed { .. } => "FAILED",
                Outcome::TimedOut => "TIMED_OUT",
                Outcome::Aborted { .. } => "ABORTED",
            };
            if lambda.wiring.watchdog {
                let ended = ended_event(execution.identity().execution_arn(), status);
                lambda.deliver("rollback", &ended);
            }
        });
    }

    /// Waits until nothing runs and nothing is due any more. What is left then is for the schedule's sweeps: they are
    /// played until every rollout is at rest, or has had its time.
    pub async fn settled(&self) {
        self.idle().await;
        for _ in 0..SWEEPS {
            if !self.wiring.sweeps || self.at_rest().await {
                return;
            }
            self.wait(PERIOD).await;
            for function in SWEPT_BY {
                self.deliver(function, &event("sweep"));
            }
            self.idle().await;
        }
    }

    async fn at_rest(&self) -> bool {
        let Ports { store, environment, .. } = &self.ports;
        store.active(environment).await.unwrap().is_empty()
            && store.owing(environment).await.unwrap().is_empty()
    }

    async fn idle(&self) {
        loop {
            let running = std::mem::take(&mut *keep(&self.running));
            if running.is_empty() {
                return;
            }
            for task in running {
                // What a task has to say it has written down.
                drop(task.await);
            }
        }
    }

    /// The events that no attempt could handle.
    pub fn dead_letters(&self) -> Vec<String> {
        keep(&self.dead_letters).clone()
    }

    /// The functions that panicked.
    pub fn panics(&self) -> Vec<String> {
        keep(&self.panics).clone()
    }

    /// How many invocations there were.
    pub fn invocations(&self) -> u64 {
        self.invocations.load(Ordering::Relaxed)
    }

    async fn wait(&self, span: Seconds) {
        if span > Seconds(0) {
            self.ports.clock.pause(span).await;
        }
    }

    fn spawn<T: Future<Output = ()> + Send + 'static>(&self, work: impl FnOnce(Arc<Self>) -> T) {
        let Some(me) = self.me.upgrade() else { return };
        let task = tokio::spawn(work(me));
        keep(&self.running).push(task);
    }

    /// One attempt. The errors have the names that Step Functions sees.
    async fn invoke_once(
        &self,
        (function, asynchronous): (&str, bool),
        payload: Value,
    ) -> Result<Value, TaskError> {
        let number = self.invocations.fetch_add(1, Ordering::Relaxed) + 1;
        let clock: Arc<dyn Clock> = Arc::clone(&self.ports.clock);
        let invocation =
            Arc::new(Invocation::new(number, (function, asynchronous), Arc::clone(&self.gate), clock));
        let ports = invocation.between(&self.ports);
        let name = function.to_owned();
        let mut process = tokio::spawn(async move { ports.call(&name, payload).await });
        tokio::select! {
            biased;
            joined = &mut process => match joined {
                Ok(Some(Ok(reply))) => Ok(reply),
                Ok(Some(Err(failure))) => {
                    let cause = json!({ "errorType": failure.name.as_str(), "errorMessage": failure.message });
                    Err(TaskError::new(failure.name.as_str(), cause.to_string()))
                }
                Ok(None) => panic!("there is no function {function}"),
                Err(error) => {
                    keep(&self.panics).push(format!("{function}: {error}"));
                    Err(exited())
                }
            },
            () = invocation.died() => {
                process.abort();
                Err(exited())
            }
            () = self.ports.clock.pause(TIMEOUT) => {
                if invocation.give_up() {
                    self.spawn(async move |_| {
                        invocation.landed().await;
                        process.abort();
                    });
                } else {
                    process.abort();
                }
                Err(TaskError::new("Sandbox.Timedout", "the function's timeout"))
            }
        }
    }
}

/// What Lambda answers for a process that is gone.
fn exited() -> TaskError {
    TaskError::new("Runtime.ExitError", "Error: Runtime exited with error: signal: killed")
}

fn keep<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Tasks for Lambda {
    async fn invoke(&self, resource: &Resource, payload: Value) -> Result<Value, TaskError> {
        let function = resource.function_name();
        let mut arrivals = (self.arrivals)(function).into_iter();
        let original = arrivals.next().unwrap_or_default();
        for arrival in arrivals {
            let (function, payload) = (function.to_owned(), payload.clone());
            self.spawn(async move |lambda| {
                lambda.wait(arrival).await;
                // Nobody waits for the answer of a copy.
                drop(lambda.invoke_once((&function, true), payload).await);
            });
        }
        self.wait(original).await;
        self.invoke_once((function, false), payload).await
    }
}

/// The Scheduler: a reminder that was asked for twice is one.
struct Schedule {
    lambda: Weak<Lambda>,
    known: Mutex<BTreeSet<(RolloutId, u32)>>,
}

#[async_trait]
impl CleanUpSchedule for Schedule {
    async fn schedule(&self, id: &RolloutId, attempt: u32, at: Timestamp) -> PortResult<()> {
        let Some(lambda) = self.lambda.upgrade() else { return Ok(()) };
        if !lambda.wiring.reminders || !keep(&self.known).insert((id.clone(), attempt)) {
            return Ok(());
        }
        let payload = PromoteStep::clean_up_payload(&CleanUpDue { rollout_id: id.clone(), attempt });
        let due = Seconds::until(lambda.ports.clock.now(), at);
        lambda.spawn(async move |lambda| {
            lambda.wait(due).await;
            lambda.deliver("promote-step", &payload);
        });
        Ok(())
    }
}
