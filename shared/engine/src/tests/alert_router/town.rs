//! Everything that alert-router reaches. Every call of a port gives whoever else runs a turn before it is done, so that
//! invocations can be interleaved, and dropped, between any two calls.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use alerting::group::Delivery;
use alerting::{
    Across, ChannelName, Circuit, Credential, Group, GroupId, Notice, RuleName, StoredSilence, Subject, Watch,
};
use async_trait::async_trait;
use contract::{AlertRouter, AlertRouterReply, Due, DueOf, Failure, Function};
use environments::{Email, SecretKey, Way};
use jiff::{SignedDuration, Timestamp};
use rollout::{EnvironmentName, Seconds};
use serde_json::{Value, json};

use super::super::world::{World, at};
use crate::ports::*;
use crate::{AlertRouterFunction, Setups};

pub const HOME: &str = "staging";

pub const CONFIGURATION: &str = r#"environment: { name: shop-staging, region: us-east-1, stage: staging, account: "123456789012" }
rollout:
  canary:
    steps: [{ weight: 10, bake: 60s }, { weight: 100, bake: 60s }]
  readiness: { attempts: 5 }
  guardrails: [High 5XX]
services:
  checkout:
    pipeline: checkout-pipeline
    strategy: canary
    route:
      rule: rule
      load_balancer: lb
      blue: { target_group: "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/checkout-blue/1", endpoint: "http://blue" }
      green: { target_group: "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/checkout-green/2", endpoint: "http://green" }
notifications:
  pager: { kind: pagerduty, secret: monitoring.pager, fallback: mail }
  chat: { kind: slack, token: monitoring.slack, channel: C0123ABCD }
  mail: { kind: email, topic: "arn:aws:sns:us-east-1:123456789012:mail" }
alerts:
  environments: [development, staging, production]
  fallback: chat
  rules:
    - { name: Down, condition: "status:unhealthy", severity: critical, channels: [pager, chat] }
    - { name: Rings, condition: "alarm:*", severity: high, channels: [chat] }
    - { name: Slow, condition: "response_time > 2s for 2m clear after 3m", severity: low, channels: [mail] }
    - { name: Failed, condition: "environment:staging AND deployment:failed", severity: high, channels: [chat] }
    - { name: Slow everywhere, condition: "response_time > 2s AND affected_environments >= 2", severity: high, channels: [chat, mail] }
"#;

/// How a channel answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Mood {
    /// It takes nothing for now.
    Down,
    /// It takes nothing.
    Refuses,
}

/// A message as a channel has it.
#[derive(Clone, Debug)]
pub struct Got {
    pub at: Timestamp,
    pub channel: String,
    pub notice: Notice,
    /// How often it came.
    pub times: u32,
}

pub struct State {
    pub now: Timestamp,
    watches: BTreeMap<Subject, Watch>,
    across: BTreeMap<RuleName, Across>,
    groups: BTreeMap<GroupId, Group>,
    silences: BTreeMap<String, StoredSilence>,
    circuits: BTreeMap<ChannelName, Circuit>,
    /// Timers that have not come yet, by their times.
    timers: BTreeSet<(Timestamp, DueOf, String)>,
    /// Timers that were ever asked for.
    named: BTreeSet<(Timestamp, DueOf, String)>,
    pub moods: BTreeMap<String, Mood>,
    /// Channels that do not tell one message twice: they know them by their names, or look before they post again.
    pub plain: BTreeSet<String>,
    pub got: Vec<Got>,
    pub letters: Vec<Notice>,
    /// Messages that no channel was given, each with the channel.
    pub passed_over: Vec<String>,
    pub secrets: BTreeMap<String, String>,
    pub writes: u32,
    pub reads: u32,
    pub refused_writes: u32,
    pub timers_started: u32,
    pub largest: usize,
}

pub struct Town {
    pub world: World,
    pub state: Mutex<State>,
}

/// Lets whoever else runs have a turn.
pub struct Turn(pub bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Whoever waits for many at once asks only those again that have woken it.
        context.waker().wake_by_ref();
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Something that runs.
pub struct Running<'a> {
    pub event: Value,
    pub attempt: u32,
    future: Pin<Box<dyn Future<Output = Result<AlertRouterReply, Failure>> + 'a>>,
}

impl Running<'_> {
    /// Goes on until the next call of a port.
    pub fn go_on(&mut self) -> Option<Result<AlertRouterReply, Failure>> {
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }
}

impl Town {
    pub fn new() -> Self {
        Self::of(CONFIGURATION)
    }

    pub fn of(configuration: &str) -> Self {
        let secrets = [("monitoring.pager", "R0UT1NG"), ("monitoring.slack", "xoxb-1")];
        let state = State {
            now: at(0),
            watches: BTreeMap::new(),
            across: BTreeMap::new(),
            groups: BTreeMap::new(),
            silences: BTreeMap::new(),
            circuits: BTreeMap::new(),
            timers: BTreeSet::new(),
            named: BTreeSet::new(),
            moods: BTreeMap::new(),
            plain: BTreeSet::new(),
            got: Vec::new(),
            letters: Vec::new(),
            passed_over: Vec::new(),
            secrets: secrets.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            writes: 0,
            reads: 0,
            refused_writes: 0,
            timers_started: 0,
            largest: 0,
        };
        Self { world: World::of(configuration), state: Mutex::new(state) }
    }

    pub fn function(&self) -> AlertRouterFunction<'_> {
        AlertRouterFunction {
            environment: HOME.parse().unwrap(),
            store: &self.world,
            alerts: self,
            tags: &self.world,
            timers: self,
            courier: self,
            secrets: self,
            letters: self,
            clock: self,
            setups: Setups::new(Some("arn:aws:sns:us-east-1:123456789012:operations".parse().unwrap())),
        }
    }

    pub fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    pub fn now(&self) -> Timestamp {
        self.with(|state| state.now)
    }

    pub fn pass(&self, to: Timestamp) {
        self.with(|state| state.now = state.now.max(to));
        let now = self.now();
        self.world.with(|world| world.now = now);
    }

    /// Begins to call the function with an event.
    pub fn start(&self, event: Value, attempt: u32) -> Running<'_> {
        let request: Result<AlertRouter, _> = serde_json::from_value(event.clone());
        let future = Box::pin(async move {
            let request = request
                .map_err(|error| Failure::new(contract::ErrorName::InvalidInput, error.to_string()))?;
            self.function().call(request).await
        });
        Running { event, attempt, future }
    }

    /// Calls the function, and lets time pass while it waits.
    pub fn call(&self, event: Value) -> Result<AlertRouterReply, Failure> {
        let mut running = self.start(event, 1);
        for turn in 0..100_000 {
            if let Some(answer) = running.go_on() {
                return answer;
            }
            if turn % 500 == 499 {
                self.pass(self.now() + SignedDuration::from_secs(1));
            }
        }
        panic!("it never ends");
    }

    /// The next timer, if its time comes until then.
    pub fn timer(&self, until: Timestamp) -> Option<Value> {
        self.with(|state| {
            let first = state.timers.first().filter(|(at, ..)| *at <= until)?.clone();
            state.timers.remove(&first);
            let (at, of, key) = first;
            Some(Due { of, key, at }.payload())
        })
    }

    pub fn next_timer(&self) -> Option<Timestamp> {
        self.with(|state| state.timers.first().map(|(at, ..)| *at))
    }

    /// Calls the function for every timer until then.
    pub fn until(&self, seconds: i64) {
        let end = at(seconds);
        while let Some(next) = self.next_timer().filter(|next| *next <= end) {
            self.pass(next);
            let event = self.timer(next).unwrap();
            self.call(event).unwrap();
        }
        self.pass(end);
    }

    /// What was told since the last time: when, to whom, and the beginning of what it is.
    pub fn take(&self) -> Vec<(i64, String, String)> {
        let mut got = self.with(|state| std::mem::take(&mut state.got));
        // Channels are told at the same time.
        got.sort_by_key(|got| (got.at, got.channel.clone()));
        got.into_iter().map(|got| (seconds(got.at), got.channel.clone(), short(&got.notice))).collect()
    }

    /// Whether nothing is open and nothing is due.
    pub fn is_at_rest(&self) -> bool {
        self.with(|state| state.groups.values().all(Group::is_closed))
    }

    async fn turn(&self) {
        Turn(false).await;
    }

    async fn read<T>(&self, look: impl FnOnce(&State) -> T + Send) -> PortResult<T> {
        self.turn().await;
        Ok(self.with(|state| {
            state.reads += 1;
            look(state)
        }))
    }

    async fn write<T>(&self, change: impl FnOnce(&mut State) -> T + Send) -> PortResult<T> {
        self.turn().await;
        Ok(self.with(|state| {
            state.writes += 1;
            change(state)
        }))
    }
}

pub fn seconds(at_: Timestamp) -> i64 {
    at_.as_second() - at(0).as_second()
}

/// `firing: Down of production, Rings of production`, those that fire alone.
fn short(notice: &Notice) -> String {
    let kind = serde_json::to_value(&notice.kind).unwrap()["kind"].as_str().unwrap().to_owned();
    let firing = notice.alerts.iter().filter(|alert| alert.firing);
    let firing: Vec<String> = firing
        .map(|alert| match &alert.subject {
            Some(subject) => format!("{} of {subject}", alert.rule),
            None => alert.rule.to_string(),
        })
        .collect();
    if firing.is_empty() { kind } else { format!("{kind}: {}", firing.join(", ")) }
}

/// Writes under the optimistic lock of a version.
fn locked<K: Ord, T: Clone>(
    stored: &mut BTreeMap<K, T>,
    key: K,
    new: &T,
    version: impl Fn(&T) -> u64,
) -> bool {
    let before = stored.get(&key).map_or(0, &version);
    let fits = before + 1 == version(new);
    if fits {
        stored.insert(key, new.clone());
    }
    fits
}

#[async_trait]
impl AlertStore for Town {
    async fn watch(&self, _: &EnvironmentName, subject: &Subject) -> PortResult<Option<Watch>> {
        self.read(|state| state.watches.get(subject).cloned()).await
    }

    async fn put_watch(&self, _: &EnvironmentName, watch: &Watch) -> PortResult<bool> {
        self.write(|state| {
            state.largest = state.largest.max(serde_json::to_string(watch).unwrap().len());
            let fits = locked(&mut state.watches, watch.subject.clone(), watch, |watch| watch.version);
            state.refused_writes += u32::from(!fits);
            fits
        })
        .await
    }

    async fn across(&self, _: &EnvironmentName, rule: &RuleName) -> PortResult<Option<Across>> {
        self.read(|state| state.across.get(rule).cloned()).await
    }

    async fn put_across(&self, _: &EnvironmentName, across: &Across) -> PortResult<bool> {
        self.write(|state| locked(&mut state.across, across.rule.clone(), across, |across| across.version))
            .await
    }

    async fn group(&self, _: &EnvironmentName, id: &GroupId) -> PortResult<Option<Group>> {
        self.read(|state| state.groups.get(id).cloned()).await
    }

    async fn put_group(&self, _: &EnvironmentName, group: &Group) -> PortResult<bool> {
        self.write(|state| {
            state.largest = state.largest.max(serde_json::to_string(group).unwrap().len());
            let fits = locked(&mut state.groups, group.id.clone(), group, |group| group.version);
            state.refused_writes += u32::from(!fits);
            fits
        })
        .await
    }

    async fn due(&self, _: &EnvironmentName, until: Timestamp) -> PortResult<Vec<Due>> {
        self.read(|state| {
            let watches = state.watches.values();
            let watches = watches.filter_map(|one| Some((DueOf::Watch, one.subject.to_string(), one.due?)));
            let across = state.across.values();
            let across = across.filter_map(|one| Some((DueOf::Across, one.rule.to_string(), one.due?)));
            let groups = state.groups.values();
            let groups = groups.filter_map(|one| Some((DueOf::Group, one.id.to_string(), one.due?)));
            let all = watches.chain(across).chain(groups).filter(|(.., at)| *at <= until);
            all.map(|(of, key, at)| Due { of, key, at }).collect()
        })
        .await
    }

    async fn open_groups(&self, _: &EnvironmentName) -> PortResult<Vec<Group>> {
        self.read(|state| state.groups.values().filter(|group| !group.is_closed()).cloned().collect()).await
    }

    async fn silences(&self, _: &EnvironmentName) -> PortResult<Vec<StoredSilence>> {
        self.read(|state| state.silences.values().cloned().collect()).await
    }

    async fn put_silence(&self, _: &EnvironmentName, silence: &StoredSilence) -> PortResult<()> {
        let silence = silence.clone();
        self.write(|state| drop(state.silences.insert(silence.id.to_string(), silence))).await
    }

    async fn circuit(&self, _: &EnvironmentName, channel: &ChannelName) -> PortResult<Circuit> {
        self.read(|state| state.circuits.get(channel).cloned().unwrap_or_default()).await
    }

    async fn put_circuit(
        &self,
        _: &EnvironmentName,
        channel: &ChannelName,
        circuit: &Circuit,
    ) -> PortResult<()> {
        self.write(|state| drop(state.circuits.insert(channel.clone(), circuit.clone()))).await
    }
}

#[async_trait]
impl Timers for Town {
    async fn start(&self, due: &Due) -> PortResult<()> {
        self.turn().await;
        self.with(|state| {
            let timer = (due.at, due.of, due.key.clone());
            if state.named.insert(timer.clone()) {
                state.timers_started += 1;
                state.timers.insert(timer);
            }
        });
        Ok(())
    }
}

#[async_trait]
impl Courier for Town {
    async fn deliver(&self, parcel: Parcel<'_>) -> Delivery {
        self.turn().await;
        let channel = match &parcel.channel.way {
            Way::Pagerduty { .. } => "pager",
            Way::Slack(_) => "chat",
            Way::Email(Email::Topic(topic)) if topic.as_str().ends_with("operations") => "operations",
            Way::Email(_) | Way::Webhook { .. } => "mail",
        };
        self.with(|state| {
            match state.moods.get(channel) {
                Some(Mood::Down) => {
                    return Delivery::Later { why: "503".to_owned(), retry_after: None };
                }
                Some(Mood::Refuses) => return Delivery::Refused { why: "no such key".to_owned() },
                None => {}
            }
            let plain = state.plain.contains(channel);
            let known = state
                .got
                .iter_mut()
                .find(|got| !plain && got.channel == channel && got.notice.id == parcel.notice.id);
            match known {
                Some(got) => got.times += 1,
                None => state.got.push(Got {
                    at: state.now,
                    channel: channel.to_owned(),
                    notice: parcel.notice.clone(),
                    times: 1,
                }),
            }
            Delivery::Done { thread: None }
        })
    }

    fn passed_over(&self, channel: &ChannelName, _: &Notice, why: &Delivery) {
        let (Delivery::Later { why, .. } | Delivery::Refused { why }) = why else {
            panic!("{channel} has it")
        };
        self.with(|state| state.passed_over.push(format!("{channel}: {why}")));
    }
}

#[async_trait]
impl ChannelSecrets for Town {
    async fn credential(&self, key: &SecretKey) -> PortResult<Credential> {
        self.turn().await;
        let found = self.with(|state| state.secrets.get(key.as_str()).cloned());
        found.map(Credential::new).ok_or_else(|| PortError::Permanent {
            service: "Secrets Manager",
            detail: format!("there is no key {key}"),
            remedy: "put it there".to_owned(),
        })
    }

    async fn newer(&self, _: &SecretKey) -> PortResult<Option<Credential>> {
        Ok(None)
    }
}

#[async_trait]
impl DeadLetters for Town {
    async fn put(&self, _: &ChannelName, notice: &Notice, _: &str) -> PortResult<()> {
        self.turn().await;
        self.with(|state| state.letters.push(notice.clone()));
        Ok(())
    }
}

#[async_trait]
impl Clock for Town {
    fn now(&self) -> Timestamp {
        self.with(|state| state.now)
    }

    async fn pause(&self, span: Seconds) {
        let until = span.after(Clock::now(self));
        while Clock::now(self) < until {
            self.turn().await;
        }
    }
}

/// An environment's status, as an event.
pub fn status(environment: &str, status: &str, metrics: &Value, at_: i64) -> Value {
    let (environment, service) = match environment.split_once('/') {
        Some((environment, service)) => (environment, json!(service)),
        None => (environment, Value::Null),
    };
    json!({
        "detail-type": "Environment Status Changed", "source": "ace-flow", "time": at(at_).to_string(),
        "account": "123456789012", "region": "us-east-1", "id": "1",
        "detail": {
            "environment": environment, "service": service, "status": status, "reason": "HTTP 503",
            "at": at(at_).to_string(), "metrics": metrics,
        },
    })
}

/// An alarm of service checkout, as EventBridge delivers it.
pub fn alarm(name: &str, state: &str, at_: i64) -> Value {
    alarm_of(name, state, &json!({ "TargetGroup": "targetgroup/checkout-green/2" }), at_)
}

pub fn alarm_of(name: &str, state: &str, dimensions: &Value, at_: i64) -> Value {
    json!({
        "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch", "time": at(at_).to_string(),
        "account": "123456789012", "region": "us-east-1", "id": "1",
        "resources": [format!("arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}")],
        "detail": {
            "alarmName": name,
            "state": { "value": state, "reason": "threshold crossed", "timestamp": at(at_).to_string() },
            "configuration": { "metrics": [{ "id": "m", "returnData": true, "metricStat": {
                "stat": "Sum", "period": 60,
                "metric": { "namespace": "AWS/ApplicationELB", "name": "HTTPCode_Target_5XX_Count", "dimensions": dimensions },
            } }] },
        },
    })
}
