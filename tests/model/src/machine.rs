//! The functions themselves, as steps from one call of a port to the next.
//!
//! A function that runs is known by its input and the answers that it has had: the same ones lead to the same next call.
//! So each step is computed once, by running the real function, and remembered.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use contract::{
    Alarm, CaughtError, CleanUpDue, Failure, Function, HealthCheckNext, Origin, PromoteStep, PromoteStepNext,
    Reply, Rollback, RollbackNext, StartDeploy, StartDeployNext, Trigger, Turn,
};
use engine::publish::Published;
use engine::{HealthCheckFunction, PromoteStepFunction, RollbackFunction, StartDeployFunction};
use environments::Environment;
use jiff::Timestamp;
use rollout::RolloutId;

use crate::call::{Answer, Call, Outcome, Task};
use crate::script::{Fixed, Heard, Run, Script};
use crate::setting::Setting;
use crate::snapshot::{OLD, Snapshot, execution, fingerprint, version};
use crate::time::{ago, ticks};

/// Where a function stands.
#[derive(Debug)]
pub enum Status {
    /// It waits for this call.
    Calling(Call),
    /// It has ended.
    Ended(Outcome),
}

/// A function that runs, or has ended.
#[derive(Clone, Debug)]
pub struct Running(Arc<Known>);

#[derive(Debug)]
struct Known {
    fingerprint: u64,
    task: Task,
    began: Option<u8>,
    heard: Vec<Heard>,
    status: Status,
}

impl PartialEq for Running {
    fn eq(&self, other: &Self) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }
}

impl Eq for Running {}

impl Hash for Running {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.fingerprint);
    }
}

impl Running {
    /// The number that stands for it.
    pub fn fingerprint(&self) -> u64 {
        self.0.fingerprint
    }

    /// Its input.
    pub fn task(&self) -> Task {
        self.0.task
    }

    /// Where it stands.
    pub fn status(&self) -> &Status {
        &self.0.status
    }

    /// The answers that it has had, newest first.
    pub fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.0.heard.iter().rev().map(|heard| &heard.answer)
    }

    /// The rollout as it knows it: read, begun or committed last.
    pub fn knows(&self) -> Option<&Snapshot> {
        self.answers().find_map(|answer| match answer {
            Answer::Rollout(Some(rollout)) | Answer::Created(rollout) | Answer::Committed(rollout) => {
                Some(rollout)
            }
            _ => None,
        })
    }
}

/// Runs functions.
#[derive(Debug)]
pub struct Machine {
    fixed: Fixed,
    begun: Memory<Task, Running>,
    resumed: Memory<(u64, u64), Running>,
    aged: Memory<u64, Running>,
    aged_snapshots: Memory<u64, Snapshot>,
    counted: Memory<u64, Snapshot>,
}

type Memory<K, V> = Mutex<HashMap<K, V>>;

fn remembered<K: Eq + Hash, V: Clone>(memory: &Memory<K, V>, key: K, make: impl FnOnce() -> V) -> V {
    let known = |memory: &Memory<K, V>, key: &K| {
        memory.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    };
    if let Some(value) = known(memory, &key) {
        return value;
    }
    let value = make();
    memory.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value.clone());
    value
}

/// Why a model cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbuildable(pub String);

impl std::fmt::Display for Unbuildable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unbuildable {}

impl Machine {
    /// The functions in this setting.
    ///
    /// # Errors
    /// [`Unbuildable`] when the setting's configuration is not valid, or start-deploy does not look for its rollout
    /// first.
    pub fn new(setting: Setting) -> Result<Self, Unbuildable> {
        let told = |error: &dyn std::fmt::Display| Unbuildable(error.to_string());
        let configuration = Environment::from_yaml(&setting.configuration()).map_err(|error| told(&error))?;
        let configuration =
            Published::first(configuration, "-".to_owned(), ago(0)).map_err(|error| told(&error))?;
        let events = setting.events();
        let fixed = Fixed {
            setting,
            configuration,
            name: "staging".parse().map_err(|error| told(&error))?,
            service: "shop".parse().map_err(|error| told(&error))?,
            ids: Vec::new(),
        };
        let mut machine = Self {
            fixed,
            begun: Memory::default(),
            resumed: Memory::default(),
            aged: Memory::default(),
            aged_snapshots: Memory::default(),
            counted: Memory::default(),
        };
        machine.fixed.ids = (0..events)
            .map(|event| {
                match machine.run(Task::StartDeploy { execution: 0, event }, Some(0), Vec::new()).status() {
                    Status::Calling(Call::Unknown(id)) => Ok(id.clone()),
                    other => Err(Unbuildable(format!(
                        "start-deploy begins with {other:?} and not with its rollout"
                    ))),
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(machine)
    }

    /// What is checked.
    pub fn setting(&self) -> &Setting {
        &self.fixed.setting
    }

    /// How many steps of functions were computed.
    pub fn steps(&self) -> usize {
        self.resumed.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The function, begun now.
    pub fn begin(&self, task: Task) -> Running {
        remembered(&self.begun, task, || self.run(task, Some(0), Vec::new()))
    }

    /// The function, given an answer now.
    pub fn resume(&self, running: &Running, answer: Answer) -> Running {
        let key = (running.fingerprint(), fingerprint(&answer));
        remembered(&self.resumed, key, || {
            let mut heard = running.0.heard.clone();
            heard.push(Heard { answer, ago: Some(0) });
            self.run(running.0.task, running.0.began, heard)
        })
    }

    /// The function a tick later.
    pub fn a_tick_later(&self, running: &Running) -> Running {
        remembered(&self.aged, running.fingerprint(), || {
            let older = |ago: Option<u8>| ago.map(|ago| ago.saturating_add(1));
            let snapshot = |rollout: &Snapshot| self.snapshot_a_tick_later(rollout);
            let heard = running.0.heard.iter().map(|heard| {
                let answer = match &heard.answer {
                    Answer::Rollout(Some(rollout)) => Answer::Rollout(Some(snapshot(rollout))),
                    Answer::Created(rollout) => Answer::Created(snapshot(rollout)),
                    Answer::Exists(rollout) => Answer::Exists(snapshot(rollout)),
                    Answer::Committed(rollout) => Answer::Committed(snapshot(rollout)),
                    other => other.clone(),
                };
                Heard { answer, ago: older(heard.ago) }
            });
            self.run(running.0.task, older(running.0.began), heard.collect())
        })
    }

    /// A stored rollout a tick later.
    pub fn snapshot_a_tick_later(&self, snapshot: &Snapshot) -> Snapshot {
        remembered(&self.aged_snapshots, snapshot.fingerprint(), || snapshot.a_tick_later(self.setting()))
    }

    /// A stored rollout that nobody holds on to.
    pub fn counted_anew(&self, snapshot: &Snapshot) -> Snapshot {
        remembered(&self.counted, snapshot.fingerprint(), || snapshot.counted_anew(self.setting()))
    }

    fn run(&self, task: Task, began: Option<u8>, mut heard: Vec<Heard>) -> Running {
        let (status, timed) = {
            let script = Script { fixed: &self.fixed, began, heard: &heard, run: Mutex::new(Run::default()) };
            let ended = self.call(task, &script);
            let status = match (ended, script.call()) {
                (Some(outcome), _) => Status::Ended(outcome),
                (None, Some(call)) => Status::Calling(call),
                (None, None) => Status::Ended(Outcome::Failed),
            };
            (status, script.is_timed())
        };
        // Nobody will know when an answer came after which nobody asked for the time.
        let began = if heard.is_empty() && !timed { None } else { began };
        if let Some(newest) = heard.last_mut()
            && !timed
        {
            newest.ago = None;
        }
        let fingerprint = fingerprint(&(&task, &began, &heard));
        Running(Arc::new(Known { fingerprint, task, began, heard, status }))
    }

    fn call(&self, task: Task, script: &Script<'_>) -> Option<Outcome> {
        match task {
            Task::StartDeploy { execution: by, event } => {
                let request = StartDeploy { trigger: trigger(event), execution: execution(by).parse().ok()? };
                run(start_deploy(script).call(request), |next, wait| match next {
                    StartDeployNext::Started => Outcome::Check(wait),
                    StartDeployNext::RollBack => Outcome::RollBack,
                    StartDeployNext::Duplicate | StartDeployNext::Ignored | StartDeployNext::Refused => {
                        Outcome::End
                    }
                })
            }
            Task::HealthCheck(event) => {
                run(health_check(script).call(self.turn(event)?), |next, wait| match next {
                    HealthCheckNext::Wait | HealthCheckNext::Hold => Outcome::Check(wait),
                    HealthCheckNext::Promote => Outcome::Promote,
                    HealthCheckNext::RollBack => Outcome::RollBack,
                    HealthCheckNext::Ended => Outcome::End,
                })
            }
            Task::PromoteStep(event) => {
                run(promote_step(script).call(PromoteStep::Advance(self.turn(event)?)), promoted)
            }
            Task::CleanUp { event, attempt } => {
                let due = CleanUpDue { rollout_id: self.id(event)?, attempt: attempt.into() };
                run(promote_step(script).call(PromoteStep::CleanUp(due)), promoted)
            }
            Task::RollBack { .. } | Task::Watchdog(_) | Task::Alarm | Task::Person(_) | Task::Unhold => {
                run(rollback(script).call(self.rollback(task)?), |next, wait| match next {
                    RollbackNext::Settle => Outcome::Settle(wait),
                    RollbackNext::RolledBack | RollbackNext::Nothing | RollbackNext::NotStarted => {
                        Outcome::End
                    }
                })
            }
        }
    }

    fn id(&self, event: u8) -> Option<RolloutId> {
        self.fixed.ids.get(usize::from(event)).cloned()
    }

    fn turn(&self, event: u8) -> Option<Turn> {
        Some(Turn { rollout_id: self.id(event)?, epoch: 0, execution_arn: execution(event).parse().ok()? })
    }

    fn rollback(&self, task: Task) -> Option<Rollback> {
        Some(match task {
            Task::Watchdog(gone) => {
                Rollback::Watchdog { execution: execution(gone).parse().ok()?, status: "FAILED".to_owned() }
            }
            Task::Alarm => Rollback::Alarms(vec![Alarm {
                name: "red".to_owned(),
                state: "ALARM".to_owned(),
                changed_at: Timestamp::MAX,
                account: ACCOUNT.to_owned(),
                arn: None,
                dimensions: Vec::new(),
            }]),
            Task::Person(event) => Rollback::Requested {
                rollout: self.id(event)?,
                epoch: None,
                by: "-".to_owned(),
                reason: "-".to_owned(),
            },
            Task::Unhold => Rollback::Unhold {
                service: self.fixed.service.clone(),
                version: OLD.parse().ok()?,
                by: "-".to_owned(),
                reason: "-".to_owned(),
            },
            Task::RollBack { execution: by, event } => Rollback::Execution {
                execution: execution(by).parse().ok()?,
                rollout: event.and_then(|event| self.id(event)),
                error: Some(CaughtError { error: "-".to_owned(), cause: "-".to_owned() }),
            },
            _ => return None,
        })
    }
}

const ACCOUNT: &str = "123456789012";

fn trigger(event: u8) -> Trigger {
    let version = version(event);
    Trigger::Requested {
        service: match "shop".parse() {
            Ok(service) => service,
            Err(_) => unreachable!("the name is valid"),
        },
        version: match version.parse() {
            Ok(version) => version,
            Err(_) => unreachable!("the version is valid"),
        },
        strategy: None,
        by: "-".to_owned(),
        lift_bar: false,
        overridden: None,
        request_id: version,
        origin: Origin { account: ACCOUNT.to_owned(), region: "us-east-1".to_owned(), time: ago(0) },
    }
}

fn promoted(next: PromoteStepNext, wait: u8) -> Outcome {
    match next {
        PromoteStepNext::Wait => Outcome::Check(wait),
        PromoteStepNext::RollBack => Outcome::RollBack,
        PromoteStepNext::Promoted | PromoteStepNext::Ended => Outcome::End,
    }
}

/// Polls once: nothing here ever wakes a function, it is run anew with one more answer.
fn run<N>(
    call: impl Future<Output = Result<Reply<N>, Failure>>,
    outcome: impl Fn(N, u8) -> Outcome,
) -> Option<Outcome> {
    let mut call = pin!(call);
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(reply)) => Some(outcome(reply.next, ticks(reply.wait_seconds))),
        Poll::Ready(Err(_)) => Some(Outcome::Failed),
        Poll::Pending => None,
    }
}

fn start_deploy<'a>(script: &'a Script<'_>) -> StartDeployFunction<'a> {
    StartDeployFunction {
        environment: script.fixed.name.clone(),
        store: script,
        traffic: script,
        alarms: script,
        revisions: script,
        fleet: script,
        notifier: script,
        budget: script,
        meter: script,
        clock: script,
    }
}

fn health_check<'a>(script: &'a Script<'_>) -> HealthCheckFunction<'a> {
    HealthCheckFunction {
        store: script,
        traffic: script,
        fleet: script,
        metrics: script,
        alarms: script,
        prober: script,
        notifier: script,
        budget: script,
        meter: script,
        clock: script,
    }
}

fn promote_step<'a>(script: &'a Script<'_>) -> PromoteStepFunction<'a> {
    PromoteStepFunction {
        environment: script.fixed.name.clone(),
        store: script,
        traffic: script,
        metrics: script,
        fleet: script,
        notifier: script,
        schedule: script,
        budget: script,
        meter: script,
        clock: script,
    }
}

fn rollback<'a>(script: &'a Script<'_>) -> RollbackFunction<'a> {
    RollbackFunction {
        environment: script.fixed.name.clone(),
        store: script,
        traffic: script,
        tags: script,
        budget: script,
        notifier: script,
        meter: script,
        clock: script,
    }
}
