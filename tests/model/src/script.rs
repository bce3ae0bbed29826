//! The ports of the functions. A function is run from its start with the answers that it has had; where they end, it
//! stops, and what it asked there is its next call.

use std::sync::{Mutex, MutexGuard, PoisonError};

use analysis::{Arm, Evidence, Histories, Minute, Minutes, Window};
use async_trait::async_trait;
use engine::history::Record;
use engine::outcome::Outcome as Published;
use engine::ports::{
    AlarmState, AlarmTags, Alarms, Begun, Budget, CleanUpSchedule, Clock, CommitError, Fleet, Measure, Meter,
    Metrics, Notifier, PortResult, Prober, Revisions, Store, Traffic, Wanted,
};
use engine::publish::Published as Configuration;
use jiff::Timestamp;
use rollout::{
    AlarmName, Colour, Control, EnvironmentName, ExecutionArn, Lease, Need, Observed, Probe, Rollout,
    RolloutId, Route, RuleSnapshot, Seconds, ServiceName, SmokeTest, Target, Version, Weight,
};

use crate::call::{Answer, Call, Look, Seen};
use crate::setting::Setting;
use crate::snapshot::{Service, Snapshot, execution_number, number, share_of_green};
use crate::time::{TICK, ago, ticks};

/// An answer, and how many ticks ago it came, if the function asked for the time before its next call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Heard {
    pub(crate) answer: Answer,
    pub(crate) ago: Option<u8>,
}

/// What does not change within a model.
#[derive(Debug)]
pub(crate) struct Fixed {
    pub(crate) setting: Setting,
    pub(crate) configuration: Configuration,
    pub(crate) name: EnvironmentName,
    pub(crate) service: ServiceName,
    pub(crate) ids: Vec<RolloutId>,
}

/// One run of a function.
pub(crate) struct Script<'a> {
    pub(crate) fixed: &'a Fixed,
    /// How many ticks ago it began.
    pub(crate) began: Option<u8>,
    pub(crate) heard: &'a [Heard],
    pub(crate) run: Mutex<Run>,
}

/// How far a run has come.
#[derive(Debug, Default)]
pub(crate) struct Run {
    used: usize,
    /// The number of answers after which the time was asked for last.
    timed: Option<usize>,
    call: Option<Call>,
}

impl Script<'_> {
    fn run(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the run stopped.
    pub(crate) fn call(&self) -> Option<Call> {
        self.run().call.clone()
    }

    /// Whether the time was asked for after the newest answer.
    pub(crate) fn is_timed(&self) -> bool {
        self.run().timed == Some(self.heard.len())
    }

    async fn ask(&self, call: impl FnOnce() -> Call + Send) -> Answer {
        let answer = {
            let mut run = self.run();
            let answer = self.heard.get(run.used).map(|heard| heard.answer.clone());
            run.used += 1;
            if answer.is_none() {
                run.call = Some(call());
            }
            answer
        };
        match answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    fn snapshot(&self, rollout: &Rollout) -> Snapshot {
        let event = number(&rollout.plan.version).unwrap_or(u8::MAX);
        Snapshot::new(&self.fixed.setting, event, rollout)
    }

    fn target_of(&self, service: &Service) -> Target {
        service.target(&self.fixed.name, &self.fixed.service, &self.fixed.ids)
    }
}

/// A function that replays its answers asks the same calls again, so that no answer is of another call.
fn astray(answer: &Answer) -> ! {
    unreachable!("a function that is run again asks something else: it was given {answer:?}")
}

#[async_trait]
impl Store for Script<'_> {
    async fn configuration(&self, _: &EnvironmentName) -> PortResult<Option<Configuration>> {
        Ok(Some(self.fixed.configuration.clone()))
    }

    async fn configuration_at(&self, name: &EnvironmentName, _: u64) -> PortResult<Option<Configuration>> {
        self.configuration(name).await
    }

    async fn publish(&self, _: &EnvironmentName, _: &Configuration) -> PortResult<bool> {
        Ok(true)
    }

    /// The only version that a person of the model lifts the bar of is the one of before.
    async fn lift_bar(&self, _: &EnvironmentName, _: &ServiceName, _: &Version) -> PortResult<bool> {
        match self.ask(|| Call::LiftBar).await {
            Answer::Lifted(lifted) => Ok(lifted),
            other => astray(&other),
        }
    }

    async fn target(&self, _: &EnvironmentName, _: &ServiceName) -> PortResult<Option<Target>> {
        match self.ask(|| Call::Target).await {
            Answer::Target(service) => Ok(service.as_ref().map(|service| self.target_of(service))),
            other => astray(&other),
        }
    }

    async fn rollout(&self, id: &RolloutId) -> PortResult<Option<Rollout>> {
        let known = self.fixed.ids.iter().position(|known| known == id);
        let event = known.and_then(|event| u8::try_from(event).ok());
        match self.ask(|| event.map_or_else(|| Call::Unknown(id.clone()), Call::Rollout)).await {
            Answer::Rollout(snapshot) => Ok(snapshot.map(|snapshot| (*snapshot).clone())),
            other => astray(&other),
        }
    }

    async fn rollout_of(&self, execution: &ExecutionArn) -> PortResult<Option<RolloutId>> {
        match self.ask(|| Call::Link(execution_number(execution).unwrap_or(u8::MAX))).await {
            Answer::Link(event) => {
                Ok(event.and_then(|event| self.fixed.ids.get(usize::from(event)).cloned()))
            }
            other => astray(&other),
        }
    }

    async fn begin(&self, rollout: &Rollout, _: &Record, expected: Option<&Target>) -> PortResult<Begun> {
        let call = || Call::Begin {
            rollout: self.snapshot(rollout),
            execution: execution_number(&rollout.execution).unwrap_or(u8::MAX),
            expected: expected.map(Service::expected),
        };
        match self.ask(call).await {
            Answer::Created(_) => Ok(Begun::Created),
            Answer::Exists(snapshot) => Ok(Begun::Exists(Box::new((*snapshot).clone()))),
            Answer::Busy(service) => Ok(Begun::Busy(self.target_of(&service))),
            other => astray(&other),
        }
    }

    async fn commit(&self, before: &Rollout, after: &Rollout, _: &Record) -> Result<(), CommitError> {
        let call = || Call::Commit { before: self.snapshot(before), after: self.snapshot(after) };
        match self.ask(call).await {
            Answer::Committed(_) => Ok(()),
            Answer::Conflict => Err(CommitError::Conflict { id: before.id.clone() }),
            other => astray(&other),
        }
    }

    /// What the target and its rollout say: here the list never lags.
    async fn active(&self, environment: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        let target = self.target(environment, &self.fixed.service).await?;
        match target.map(|target| target.lease) {
            Some(Lease::Held { by, .. }) => Ok(self.rollout(&by).await?.into_iter().collect()),
            Some(Lease::Free) | None => Ok(Vec::new()),
        }
    }

    /// What is owed moves no traffic: the model has no sweep of it.
    async fn owing(&self, _: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        Ok(Vec::new())
    }

    async fn control(&self, _: &EnvironmentName) -> PortResult<Control> {
        Ok(Control::default())
    }

    async fn set_control(&self, _: &EnvironmentName, _: &Control) -> PortResult<bool> {
        Ok(true)
    }

    async fn history(&self, _: &RolloutId) -> PortResult<Vec<Record>> {
        Ok(Vec::new())
    }

    async fn recent(&self, _: &EnvironmentName, _: usize) -> PortResult<Vec<Rollout>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Traffic for Script<'_> {
    async fn read(&self, _: &Route, canary: Colour) -> PortResult<Observed> {
        match self.ask(|| Call::Read).await {
            Answer::Green(green) => {
                let weight = Weight::try_from(share_of_green(canary, green)).unwrap_or(Weight::FULL);
                Ok(Observed::Weight(weight))
            }
            other => astray(&other),
        }
    }

    async fn set(&self, _: &Route, canary: Colour, weight: Weight) -> PortResult<()> {
        match self.ask(|| Call::Write(share_of_green(canary, weight.percent()))).await {
            Answer::Written => Ok(()),
            other => astray(&other),
        }
    }

    async fn restore(&self, route: &Route, canary: Colour, _: &RuleSnapshot) -> PortResult<()> {
        self.set(route, canary, Weight::ZERO).await
    }

    async fn admit(&self, _: &Route) -> PortResult<Result<RuleSnapshot, String>> {
        Ok(Ok(RuleSnapshot::default()))
    }
}

/// The budget is never spent: waiting for it is a longer wait, which the model has.
#[async_trait]
impl Budget for Script<'_> {
    async fn forward(&self, _: &EnvironmentName, _: Need, _: Timestamp) -> PortResult<Seconds> {
        Ok(Seconds(0))
    }

    async fn spent(&self, _: &EnvironmentName, _: Timestamp) -> PortResult<Seconds> {
        Ok(Seconds(0))
    }
}

#[async_trait]
impl Fleet for Script<'_> {
    async fn bring_up(&self, _: &Route, colour: Colour, version: &Version) -> PortResult<()> {
        if self.fixed.setting.fleet {
            let call = || Call::BringUp(colour, number(version).unwrap_or(u8::MAX));
            let _done = self.ask(call).await;
        }
        Ok(())
    }

    async fn take_down(&self, _: &Route, colour: Colour) -> PortResult<()> {
        if self.fixed.setting.fleet {
            let _done = self.ask(|| Call::TakeDown(colour)).await;
        }
        Ok(())
    }

    async fn healthy(&self, _: &Route, _: Colour) -> PortResult<Result<(), String>> {
        Ok(Ok(()))
    }
}

/// One minute in which all was well.
pub(crate) fn good_minute(start: Timestamp) -> Option<Minutes> {
    minutes(Window { first: start, end: TICK.after(start) }, 100, 0)
}

/// Every minute of the window had these requests and errors on the canary, and no error on the baseline.
fn minutes(window: Window, requests: u64, errors: u64) -> Option<Minutes> {
    let minute = |index: u64| {
        let start = Seconds(TICK.0 * u32::try_from(index).ok()?).after(window.first);
        let arm = |errors| Arm::new(requests, errors, None).ok();
        Minute::new(start, arm(errors)?, arm(0)?).ok()
    };
    Minutes::new((0..window.len()).map(minute).collect::<Option<Vec<_>>>()?).ok()
}

#[async_trait]
impl Metrics for Script<'_> {
    async fn minutes(&self, _: &Route, _: Colour, window: Window, _: Wanted<'_>) -> Evidence {
        let known = match self.ask(|| Call::Evidence).await {
            Answer::Seen(Seen::Good) => minutes(window, 100, 0),
            Answer::Seen(Seen::Bad) => minutes(window, 100, 90),
            Answer::Seen(Seen::Nothing) => minutes(window, 0, 0),
            Answer::Seen(Seen::Down) => None,
            other => astray(&other),
        };
        known.map_or_else(|| Evidence::SourceDown { reason: "down".to_owned() }, Evidence::Minutes)
    }

    /// Steady and good: what a version is held against that takes all traffic at once.
    async fn history(&self, _: &Route, _: Colour, _: Window, _: Option<u32>) -> Result<Histories, String> {
        Ok(Histories::of(
            &minutes(Window { first: ago(u8::MAX), end: ago(u8::MAX - 20) }, 100, 0).unwrap_or_default(),
        ))
    }
}

#[async_trait]
impl Alarms for Script<'_> {
    async fn states(&self, alarms: &[AlarmName]) -> PortResult<Vec<AlarmState>> {
        Ok(alarms.iter().map(|_| AlarmState::Quiet).collect())
    }
}

#[async_trait]
impl AlarmTags for Script<'_> {
    /// The model's alarm is a guardrail by its name: nobody asks for its tags.
    async fn of(&self, _: &str) -> PortResult<Vec<(String, String)>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Prober for Script<'_> {
    /// Under traffic, where no smoke tests are run, the new version is healthy: that it is not is one more reason for a
    /// rollback, and the evidence is reason enough.
    async fn probe(&self, _: &str, _: &str, smoke_tests: &[SmokeTest]) -> Probe {
        if smoke_tests.is_empty() {
            return Probe::Ready;
        }
        match self.ask(|| Call::Probe).await {
            Answer::Look(Look::Ready) => Probe::Ready,
            Answer::Look(Look::NotReady) => Probe::NotReady("-".to_owned()),
            other => astray(&other),
        }
    }
}

#[async_trait]
impl Notifier for Script<'_> {
    async fn publish(&self, _: &Published) -> PortResult<()> {
        Ok(())
    }
}

#[async_trait]
impl CleanUpSchedule for Script<'_> {
    async fn schedule(&self, _: &RolloutId, _: u32, _: Timestamp) -> PortResult<()> {
        Ok(())
    }
}

#[async_trait]
impl Revisions for Script<'_> {
    async fn of(&self, _: &str, _: &str) -> PortResult<Version> {
        std::future::pending().await
    }
}

impl Meter for Script<'_> {
    fn measure(&self, _: &EnvironmentName, _: &ServiceName, _: Measure) {}
}

#[async_trait]
impl Clock for Script<'_> {
    fn now(&self) -> Timestamp {
        let mut run = self.run();
        let used = run.used.min(self.heard.len());
        run.timed = Some(used);
        let newest = used == self.heard.len();
        let heard = match used.checked_sub(1) {
            None => self.began,
            Some(before) => self.heard.get(before).and_then(|heard| heard.ago),
        };
        // The time after the newest answer is now, whether it was known to be asked for or not.
        ago(heard.unwrap_or(if newest { 0 } else { u8::MAX }))
    }

    async fn pause(&self, span: Seconds) {
        let _done = self.ask(|| Call::Pause(ticks(span.0))).await;
    }
}
