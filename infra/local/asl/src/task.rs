//! A Task: attempts, retries and catches.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::execution::sleep_or_never;
use crate::history::{Event, History};
use crate::interpreter::{Flow, Interpreter, Visit, combine, output, seconds};
use crate::json::too_large;
use crate::machine::{Limit, Task};
use crate::ports::TaskError;
use crate::recovery::{HEARTBEAT_TIMEOUT, TIMEOUT, data_limit_error};
use crate::resource::ResourceKind;
use crate::token::Signal;

/// How an attempt's call ended.
enum Call {
    Done(Value),
    Failed(TaskError),
    TimedOut(TaskError),
}

struct Limits {
    timeout: Option<Duration>,
    heartbeat: Option<Duration>,
}

impl Interpreter {
    pub(crate) async fn task(
        &self,
        task: &Task,
        visit: &Visit<'_>,
        history: &mut History,
    ) -> Result<Flow, TaskError> {
        let mut used = vec![0_u64; task.retry.len()];
        loop {
            let error = match self.attempt(task, visit, used.iter().sum(), history).await {
                Ok(output) => {
                    exited(visit, &output, history)?;
                    return Ok(Flow::then(&task.then, output));
                }
                Err(error) => error,
            };
            // Only the first retrier that takes the error counts; when it is used up, Catch follows.
            let mut entries = task.retry.iter().zip(&mut used).enumerate();
            let taken = entries.find(|(_, (retrier, _))| retrier.takes(&error.error));
            match taken {
                Some((index, (retrier, used))) if *used < retrier.max_attempts => {
                    *used = used.saturating_add(1);
                    let delay = retrier.delay(*used, self.timer.jitter());
                    history.record(Event::TaskRetried { retrier: index, retry: *used, delay })?;
                    self.timer.sleep(delay).await;
                }
                _ => return catch(task, visit, error, history),
            }
        }
    }

    async fn attempt(
        &self,
        task: &Task,
        visit: &Visit<'_>,
        retry_count: u64,
        history: &mut History,
    ) -> Result<Value, TaskError> {
        let with_token = task.resource.kind() == ResourceKind::InvokeWithToken;
        let (token, signals) = with_token.then(|| self.tokens.issue()).unzip();
        let context = self.context(visit, retry_count, token.as_deref());
        let effective = task.io.input.read("InputPath", visit.input, &context)?;
        let payload = task.payload.fill(&effective, &context)?;
        if too_large(&payload) {
            return Err(data_limit_error(visit.name, "the payload"));
        }
        let timeout = match &task.timeout {
            None => None,
            Some(Limit::Fixed(timeout)) => Some(*timeout),
            Some(Limit::Path(path)) => Some(seconds("TimeoutSecondsPath", 1, path, &effective, &context)?),
        };
        let limits = Limits { timeout, heartbeat: task.heartbeat };
        history.record(Event::TaskScheduled {
            resource: task.resource.clone(),
            attempt: retry_count.saturating_add(1),
            payload: payload.clone(),
        })?;
        history.record(Event::TaskStarted)?;
        let call = self.call(task, payload, limits, signals, history).await;
        self.tokens.close();
        let result = match call? {
            Call::Done(result) if too_large(&result) => {
                let TaskError { error, cause } = data_limit_error(visit.name, "the result");
                history.record(Event::TaskFailed { error: error.clone(), cause: cause.clone() })?;
                return Err(TaskError { error, cause });
            }
            Call::Done(result) => result,
            Call::Failed(TaskError { error, cause }) => {
                history.record(Event::TaskFailed { error: error.clone(), cause: cause.clone() })?;
                return Err(TaskError { error, cause });
            }
            Call::TimedOut(TaskError { error, cause }) => {
                history.record(Event::TaskTimedOut { error: error.clone(), cause: cause.clone() })?;
                return Err(TaskError { error, cause });
            }
        };
        history.record(Event::TaskSucceeded { output: result.clone() })?;
        let result = match &task.result_selector {
            Some(selector) => selector.fill(&result, &context)?,
            None => result,
        };
        output(&task.io, &combine(&task.result_path, visit, result)?, &context)
    }

    /// The outer error is the end of the history.
    async fn call(
        &self,
        task: &Task,
        payload: Value,
        limits: Limits,
        mut signals: Option<UnboundedReceiver<Signal>>,
        history: &mut History,
    ) -> Result<Call, TaskError> {
        let tasks = Arc::clone(&self.tasks);
        let resource = task.resource.clone();
        let mut reply = tokio::spawn(async move { tasks.invoke(&resource, payload).await });
        let mut submitted = false;
        let mut timeout = pin!(sleep_or_never(&*self.timer, limits.timeout));
        let mut heartbeat = pin!(sleep_or_never(&*self.timer, limits.heartbeat));
        loop {
            tokio::select! {
                biased;
                Some(signal) = receive(&mut signals) => match signal {
                    Signal::Answer(Ok(output)) => return Ok(Call::Done(output)),
                    Signal::Answer(Err(error)) => return Ok(Call::Failed(error)),
                    Signal::Heartbeat => heartbeat.set(sleep_or_never(&*self.timer, limits.heartbeat)),
                },
                joined = &mut reply, if !submitted => {
                    let replied = joined.unwrap_or_else(|_| {
                        Err(TaskError::new("Lambda.Unknown", "the function ended without a reply"))
                    });
                    let reply = match replied {
                        Ok(reply) => reply,
                        Err(error) => return Ok(Call::Failed(error)),
                    };
                    match task.resource.kind() {
                        ResourceKind::Function => return Ok(Call::Done(reply)),
                        ResourceKind::Invoke => return Ok(Call::Done(invoked(task, &reply))),
                        ResourceKind::InvokeWithToken => {
                            history.record(Event::TaskSubmitted { output: invoked(task, &reply) })?;
                            submitted = true;
                        }
                    }
                }
                () = &mut timeout => return Ok(late(TIMEOUT, "result", limits.timeout)),
                () = &mut heartbeat => return Ok(late(HEARTBEAT_TIMEOUT, "heartbeat", limits.heartbeat)),
            }
        }
    }
}

fn late(error: &str, what: &str, limit: Option<Duration>) -> Call {
    let seconds = limit.unwrap_or_default().as_secs();
    Call::TimedOut(TaskError::new(error, format!("no {what} within {seconds} s")))
}

async fn receive(signals: &mut Option<UnboundedReceiver<Signal>>) -> Option<Signal> {
    match signals {
        Some(signals) => signals.recv().await,
        None => None,
    }
}

/// The output of the `lambda:invoke` integration, without the metadata of the HTTP call that AWS adds.
fn invoked(task: &Task, reply: &Value) -> Value {
    json!({ "ExecutedVersion": task.resource.executed_version(), "Payload": reply, "StatusCode": 200 })
}

fn exited(visit: &Visit<'_>, output: &Value, history: &mut History) -> Result<(), TaskError> {
    history.record(Event::StateExited { name: visit.name.to_owned(), output: output.clone() })
}

fn catch(task: &Task, visit: &Visit<'_>, error: TaskError, history: &mut History) -> Result<Flow, TaskError> {
    let taken = task.catch.iter().enumerate().find(|(_, catcher)| catcher.takes(&error.error));
    let Some((index, catcher)) = taken else { return Err(error) };
    let error_output = json!({ "Error": error.error, "Cause": error.cause });
    let output = combine(&catcher.result_path, visit, error_output)?;
    if too_large(&output) {
        return Err(data_limit_error(visit.name, "the output"));
    }
    history.record(Event::Caught { catcher: index, error: error.error, next: catcher.next.clone() })?;
    exited(visit, &output, history)?;
    Ok(Flow::Next { state: catcher.next.clone(), input: output })
}
