//! Runs a machine from state to state.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::execution::Outcome;
use crate::fields::MAX_SECONDS;
use crate::history::{Event, History};
use crate::identity::Identity;
use crate::json::too_large;
use crate::machine::{Choice, Fail, Io, Machine, Pass, State, Text, Transition, Until, Wait};
use crate::path::{RefPath, ValuePath};
use crate::ports::{TaskError, Tasks, Timer};
use crate::recovery::{RESULT_PATH, data_limit_error, runtime_error};
use crate::template::Context;
use crate::token::TokenDesk;

pub(crate) struct Interpreter {
    pub machine: Arc<Machine>,
    pub identity: Identity,
    pub input: Value,
    pub started: Timestamp,
    pub tasks: Arc<dyn Tasks>,
    pub timer: Arc<dyn Timer>,
    pub tokens: Arc<TokenDesk>,
}

/// One visit of a state.
pub(crate) struct Visit<'a> {
    pub name: &'a str,
    /// The state's input, before `InputPath`.
    pub input: &'a Value,
    pub entered: Timestamp,
}

/// What follows a state.
pub(crate) enum Flow {
    Next { state: String, input: Value },
    Succeeded(Value),
    Failed { error: Option<String>, cause: Option<String> },
}

impl Flow {
    pub(crate) fn then(transition: &Transition, output: Value) -> Self {
        match transition {
            Transition::Next(state) => Self::Next { state: state.clone(), input: output },
            Transition::End => Self::Succeeded(output),
        }
    }
}

impl Interpreter {
    pub(crate) async fn run(&self, history: &mut History) -> Outcome {
        let mut state = self.machine.start_at.clone();
        let mut input = self.input.clone();
        let mut begun = history.record(Event::ExecutionStarted { input: input.clone() });
        loop {
            let flow = match begun {
                Ok(()) => self.visit(&state, &input, history).await,
                Err(error) => Err(error),
            };
            match flow {
                Ok(Flow::Next { state: next, input: output }) => {
                    state = next;
                    input = output;
                    begun = Ok(());
                    // A loop of states that never wait would keep out a stop and the machine's timeout.
                    tokio::task::yield_now().await;
                }
                Ok(Flow::Succeeded(output)) => return Outcome::Succeeded { output, state },
                Ok(Flow::Failed { error, cause }) => return Outcome::Failed { error, cause, state },
                Err(TaskError { error, cause }) => {
                    return Outcome::Failed { error: Some(error), cause: Some(cause), state };
                }
            }
        }
    }

    async fn visit(&self, name: &str, input: &Value, history: &mut History) -> Result<Flow, TaskError> {
        let Some(state) = self.machine.states.get(name) else {
            return Err(runtime_error(name, "there is no such state"));
        };
        history.record(Event::StateEntered {
            name: name.to_owned(),
            kind: state.kind(),
            input: input.clone(),
        })?;
        let visit = Visit { name, input, entered: self.timer.now() };
        match state {
            State::Task(task) => self.task(task, &visit, history).await,
            State::Wait(wait) => self.wait(wait, &visit, history).await,
            State::Choice(choice) => self.choice(choice, &visit, history),
            State::Pass(pass) => self.pass(pass, &visit, history),
            State::Succeed(io) => {
                let context = self.context(&visit, 0, None);
                let effective = io.input.read("InputPath", input, &context)?;
                let output = leave(io, &effective, &context, history)?;
                Ok(Flow::Succeeded(output))
            }
            State::Fail(fail) => self.fail(fail, &visit),
        }
    }

    pub(crate) fn context<'a>(
        &'a self,
        visit: &Visit<'a>,
        retry_count: u64,
        token: Option<&'a str>,
    ) -> Context<'a> {
        Context {
            identity: &self.identity,
            execution_input: &self.input,
            started: self.started,
            state: visit.name,
            entered: visit.entered,
            retry_count,
            token,
        }
    }

    async fn wait(&self, wait: &Wait, visit: &Visit<'_>, history: &mut History) -> Result<Flow, TaskError> {
        let context = self.context(visit, 0, None);
        let effective = wait.io.input.read("InputPath", visit.input, &context)?;
        let duration = match &wait.until {
            Until::Seconds(duration) => *duration,
            Until::SecondsPath(path) => seconds("SecondsPath", 0, path, &effective, &context)?,
            Until::Timestamp(time) => self.until(*time),
            Until::TimestampPath(path) => {
                let value = path.read("TimestampPath", &effective, &context)?;
                let time = value.as_str().and_then(|text| text.parse().ok());
                let wrong =
                    || runtime_error(visit.name, &format!("{path} of TimestampPath is no RFC 3339 time"));
                self.until(time.ok_or_else(wrong)?)
            }
        };
        self.timer.sleep(duration).await;
        let output = leave(&wait.io, &effective, &context, history)?;
        Ok(Flow::then(&wait.then, output))
    }

    /// Nothing for a time that has passed.
    fn until(&self, time: Timestamp) -> Duration {
        Duration::try_from(self.timer.now().duration_until(time)).unwrap_or(Duration::ZERO)
    }

    fn choice(&self, choice: &Choice, visit: &Visit<'_>, history: &mut History) -> Result<Flow, TaskError> {
        let context = self.context(visit, 0, None);
        let effective = choice.io.input.read("InputPath", visit.input, &context)?;
        let mut next = choice.default.as_ref();
        for branch in &choice.branches {
            if branch.rule.holds(&effective, &context)? {
                next = Some(&branch.next);
                break;
            }
        }
        let Some(next) = next else {
            return Err(runtime_error(visit.name, "no rule of Choices holds and there is no Default"));
        };
        let output = leave(&choice.io, &effective, &context, history)?;
        Ok(Flow::Next { state: next.clone(), input: output })
    }

    fn pass(&self, pass: &Pass, visit: &Visit<'_>, history: &mut History) -> Result<Flow, TaskError> {
        let context = self.context(visit, 0, None);
        let effective = pass.io.input.read("InputPath", visit.input, &context)?;
        let result = match (&pass.result, &pass.parameters) {
            (Some(result), _) => result.clone(),
            (None, Some(parameters)) => parameters.fill(&effective, &context)?,
            (None, None) => effective,
        };
        let combined = combine(&pass.result_path, visit, result)?;
        let output = leave(&pass.io, &combined, &context, history)?;
        Ok(Flow::then(&pass.then, output))
    }

    fn fail(&self, fail: &Fail, visit: &Visit<'_>) -> Result<Flow, TaskError> {
        let context = self.context(visit, 0, None);
        let text = |text: &Option<Text>, field: &str| match text {
            None => Ok(None),
            Some(Text::Fixed(text)) => Ok(Some(text.clone())),
            Some(Text::Path(path)) => match path.read(field, visit.input, &context)? {
                Value::String(text) => Ok(Some(text)),
                _ => Err(runtime_error(visit.name, &format!("{path} of {field} is no string"))),
            },
        };
        Ok(Flow::Failed { error: text(&fail.error, "ErrorPath")?, cause: text(&fail.cause, "CausePath")? })
    }
}

/// A whole number of seconds at a path, from `min` to what Step Functions takes.
pub(crate) fn seconds(
    field: &str,
    min: u64,
    path: &ValuePath,
    input: &Value,
    context: &Context<'_>,
) -> Result<Duration, TaskError> {
    let value = path.read(field, input, context)?.as_u64();
    let whole = value.filter(|seconds| (min..=MAX_SECONDS).contains(seconds));
    whole.map(Duration::from_secs).ok_or_else(|| {
        let range = format!("{path} of {field} is no whole number of seconds from {min} to {MAX_SECONDS}");
        runtime_error(context.state, &range)
    })
}

/// The state's input with the result at `ResultPath`.
pub(crate) fn combine(path: &RefPath, visit: &Visit<'_>, result: Value) -> Result<Value, TaskError> {
    path.set(visit.input.clone(), result).map_err(|_| {
        let cause =
            format!("state {:?}: ResultPath {path} cannot be applied to the state's input", visit.name);
        TaskError::new(RESULT_PATH, cause)
    })
}

/// Applies `OutputPath`, holds the size limit and leaves the state.
pub(crate) fn leave(
    io: &Io,
    value: &Value,
    context: &Context<'_>,
    history: &mut History,
) -> Result<Value, TaskError> {
    let output = output(io, value, context)?;
    history.record(Event::StateExited { name: context.state.to_owned(), output: output.clone() })?;
    Ok(output)
}

/// Applies `OutputPath` and holds the size limit.
pub(crate) fn output(io: &Io, value: &Value, context: &Context<'_>) -> Result<Value, TaskError> {
    let output = io.output.read("OutputPath", value, context)?;
    if too_large(&output) { Err(data_limit_error(context.state, "the output")) } else { Ok(output) }
}
