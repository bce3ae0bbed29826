//! Alerts to store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alerting::group::Sight;
use alerting::{
    Across, AlarmNews, AlarmState, Alert, Circuit, Group, Health, News, Policy, Signal, StatusNews,
    StoredSilence, Subject, Watch,
};
use contract::{Due, DueOf};
use engine::ports::AlertStore;
use environments::Environment;
use jiff::{SignedDuration, Timestamp};
use rollout::EnvironmentName;

/// Rules of every kind: of alarms, with a time, and over environments.
const CONFIGURATION: &str = r#"
environment: { name: shop, region: us-east-1, stage: prod }
notifications: { chat: { kind: slack, secret: a.b } }
alerts:
  rules:
    - { name: Rings, condition: "alarm:*", severity: high, channels: [chat] }
    - { name: "Überlast: p99 > 2 s #1", condition: "response_time > 2s for 2m clear after 3m", severity: low, channels: [chat] }
    - { name: Everywhere, condition: "status:unhealthy AND affected_environments >= 1 for 5m", severity: high, channels: [chat] }
"#;

/// A list is this within a moment.
macro_rules! eventually {
    ($list:expr, $expected:expr, $when:expr) => {
        let expected = $expected;
        let mut found = $list;
        for _ in 0..20 {
            if found == expected {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            found = $list;
        }
        assert_eq!(found, expected, "{}", $when);
    };
}

/// A part of a store: one home.
pub(super) struct Drawer {
    pub(super) store: Arc<dyn AlertStore>,
    pub(super) home: EnvironmentName,
    pub(super) policy: Policy,
}

impl Drawer {
    pub(super) fn new(store: Arc<dyn AlertStore>, home: &str) -> Self {
        let home: EnvironmentName = home.parse().unwrap();
        let policy = Environment::from_yaml(CONFIGURATION).unwrap().alerts(&home);
        Self { store, home, policy }
    }

    /// So many milliseconds after the beginning.
    pub(super) fn at(milliseconds: i64) -> Timestamp {
        let start: Timestamp = "2026-08-03T09:15:00Z".parse().unwrap();
        start + SignedDuration::from_millis(milliseconds)
    }

    /// A subject as it is displayed.
    pub(super) fn subject(text: &str) -> Subject {
        match text.split_once('/') {
            None => Subject::environment(text.parse().unwrap()),
            Some((environment, service)) => {
                Subject::service(environment.parse().unwrap(), service.parse().unwrap())
            }
        }
    }

    pub(super) fn alarm(subject: &str, name: &str, at: Timestamp) -> Signal {
        let news = AlarmNews {
            name: name.to_owned(),
            state: AlarmState::Alarm,
            reason: "Schwelle überschritten\n\"7\"".to_owned(),
            namespace: Some("AWS/ApplicationELB".to_owned()),
            metric: Some("TargetResponseTime".to_owned()),
            measures: BTreeMap::from([("response_time".to_owned(), 3_200.25)]),
            rule: None,
            link: Some("https://console.example.com/#alarm".to_owned()),
        };
        Signal { subject: Self::subject(subject), at, news: News::Alarm(news) }
    }

    fn status(subject: &str, status: Health, at: Timestamp) -> Signal {
        let news = StatusNews { status, reason: "HTTP 503".to_owned(), measures: BTreeMap::new() };
        Signal { subject: Self::subject(subject), at, news: News::Status(news) }
    }

    /// The first version of a subject for which an alarm rings; a rule of it is due two minutes later.
    pub(super) fn watch(&self, subject: &str) -> Watch {
        let signal = Self::alarm(subject, "5xx", Self::at(0));
        Watch::new(Self::subject(subject)).hear(&signal, &self.policy, Self::at(0)).unwrap()
    }

    /// The first version of what the rule over environments has counted; it is due five minutes later.
    pub(super) fn across(&self) -> Across {
        let subject = Self::subject("production");
        let signal = Self::status("production", Health::Unhealthy, Self::at(0));
        let watch = Watch::new(subject).hear(&signal, &self.policy, Self::at(0)).unwrap();
        let counted = watch.counted(&self.policy).remove(0);
        let across = Across::new(counted.rule.clone());
        across.count(&counted, &self.policy, Self::at(0), Self::at(0)).unwrap()
    }

    /// The alert of a subject for which an alarm rings.
    pub(super) fn alert(&self, subject: &str) -> Alert {
        self.watch(subject).alerts(&self.policy, Self::at(0)).remove(0)
    }

    /// The first version of a group in which an alert fires; its message is due after half a minute.
    pub(super) fn group(&self, subject: &str) -> Group {
        let alert = self.alert(subject);
        let empty = Group::of(&alert, &self.policy);
        let mut group = empty.clone();
        group.hear(&alert, Self::at(0));
        let sight = Sight { silences: &[], elsewhere: &[], rollouts: &[] };
        group.plan(&self.policy, sight, Self::at(0)).group.after(&empty, Self::at(0)).unwrap()
    }

    /// A version of a watch that is due then.
    pub(super) fn watch_at(&self, subject: &str, version: u64, due: Option<Timestamp>) -> Watch {
        let mut watch = self.watch(subject);
        (watch.version, watch.due) = (version, due);
        watch
    }

    /// A version of a count that is due then.
    pub(super) fn across_at(&self, version: u64, due: Option<Timestamp>) -> Across {
        let mut across = self.across();
        (across.version, across.due) = (version, due);
        across
    }

    /// A version of a group that is due then, in which an alert fires.
    pub(super) fn group_at(&self, subject: &str, version: u64, due: Option<Timestamp>) -> Group {
        let mut group = self.group(subject);
        (group.version, group.due) = (version, due);
        group
    }

    /// The same in which nothing fires any more, and nobody was told that anything did.
    pub(super) fn closed_at(&self, subject: &str, version: u64, due: Option<Timestamp>) -> Group {
        let mut group = self.group_at(subject, version, due);
        group.moved_out(&self.alert(subject), Self::at(60_000));
        assert!(group.is_closed());
        group
    }

    pub(super) fn silence(id: &str, until: Timestamp) -> StoredSilence {
        StoredSilence {
            id: id.parse().unwrap(),
            alerts: "service:\"über\"".to_owned(),
            by: "dana".to_owned(),
            reason: "der Umzug\n\"7\"".to_owned(),
            from: Self::at(0),
            until,
        }
    }

    /// The circuit of a channel that failed so often in a row.
    pub(super) fn circuit(failures: usize) -> Circuit {
        (0..failures).fold(Circuit::default(), |circuit, _| circuit.failed("503: übel", Self::at(0)))
    }

    pub(super) async fn put_watch(&self, watch: &Watch) {
        assert!(self.store.put_watch(&self.home, watch).await.unwrap(), "version {}", watch.version);
    }

    pub(super) async fn put_across(&self, across: &Across) {
        assert!(self.store.put_across(&self.home, across).await.unwrap(), "version {}", across.version);
    }

    pub(super) async fn put_group(&self, group: &Group) {
        assert!(self.store.put_group(&self.home, group).await.unwrap(), "version {}", group.version);
    }

    pub(super) async fn stored_watch(&self, subject: &str) -> Option<Watch> {
        self.store.watch(&self.home, &Self::subject(subject)).await.unwrap()
    }

    pub(super) async fn stored_group(&self, group: &Group) -> Option<Group> {
        self.store.group(&self.home, &group.id).await.unwrap()
    }

    pub(super) async fn stored_across(&self, across: &Across) -> Option<Across> {
        self.store.across(&self.home, &across.rule).await.unwrap()
    }

    /// What was to be looked at by then is this, each once. The list may lag behind by a moment.
    pub(super) async fn is_due(&self, until: Timestamp, expected: &[Due], when: &str) {
        let sorted = |mut due: Vec<Due>| {
            due.sort_by_key(|due| (due.of, due.key.clone(), due.at));
            due
        };
        eventually!(
            sorted(self.store.due(&self.home, until).await.unwrap()),
            sorted(expected.to_vec()),
            when
        );
    }

    /// These groups are open, and no others.
    pub(super) async fn are_open(&self, expected: &[&Group], when: &str) {
        let sorted = |mut groups: Vec<Group>| {
            groups.sort_by(|one, other| one.id.cmp(&other.id));
            groups
        };
        let expected = sorted(expected.iter().map(|group| (*group).clone()).collect());
        eventually!(sorted(self.store.open_groups(&self.home).await.unwrap()), expected, when);
    }

    /// These silences are known, and no others.
    pub(super) async fn are_silenced(&self, expected: &[&StoredSilence], when: &str) {
        let sorted = |mut silences: Vec<StoredSilence>| {
            silences.sort_by(|one, other| one.id.cmp(&other.id));
            silences
        };
        let expected = sorted(expected.iter().map(|silence| (*silence).clone()).collect());
        eventually!(sorted(self.store.silences(&self.home).await.unwrap()), expected, when);
    }
}

pub(super) fn due(of: DueOf, key: impl Into<String>, at: Timestamp) -> Due {
    Due { of, key: key.into(), at }
}
