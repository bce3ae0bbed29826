//! A policy, signals, and a group that is played through time with channels that answer as a test wants.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rollout::{RolloutId, Seconds, Weight};

use crate::group::{Delivery, Given, Held, RolloutSight, RolloutStanding, Sight};
use crate::*;

/// So many seconds after the tests' beginning.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).unwrap()
}

/// The seconds since the tests' beginning.
pub fn second(at: Timestamp) -> i64 {
    at.as_second() - 1_780_000_000
}

pub fn condition(text: &str) -> Condition {
    Condition::parse(text, &Vocabulary::signals(&[])).unwrap()
}

pub fn labels(text: &str) -> Condition {
    Condition::parse(text, &Vocabulary::labels()).unwrap()
}

pub fn rule(name: &str, text: &str, severity: Severity, channels: &[&str]) -> Rule {
    Rule {
        name: name.parse().unwrap(),
        condition: condition(text),
        severity,
        channels: channels.iter().map(|name| name.parse().unwrap()).collect(),
        wait: None,
        repeat: None,
        escalations: Vec::new(),
        tells_end: true,
        runbook: None,
        title: None,
        ends_after: None,
    }
}

/// The channels `pager`, which pages, `chat`, `mail`, and `last`, the last resort.
pub fn policy(rules: Vec<Rule>) -> Policy {
    let traits = |pages, fallback: Option<&str>| ChannelTraits {
        pages,
        fallback: fallback.map(|name| name.parse().unwrap()),
    };
    let channels = [
        ("pager", traits(true, Some("mail"))),
        ("chat", traits(false, None)),
        ("mail", traits(false, None)),
        ("last", traits(false, None)),
    ];
    Policy {
        environments: ["development", "staging", "production"].map(|name| name.parse().unwrap()).to_vec(),
        rules,
        grouping: Grouping::default(),
        inhibitions: Vec::new(),
        mutes: Vec::new(),
        flapping: Flapping::default(),
        rollouts: RolloutRules::default(),
        channels: channels.map(|(name, traits)| (name.parse().unwrap(), traits)).into(),
        fallback: Some("chat".parse().unwrap()),
        last_resort: Some("last".parse().unwrap()),
        metrics: Vec::new(),
        sources: BTreeMap::new(),
    }
}

/// A subject as it is displayed: `production` or `production/shop`.
pub fn subject(text: &str) -> Subject {
    match text.split_once('/') {
        None => Subject::environment(text.parse().unwrap()),
        Some((environment, service)) => {
            Subject::service(environment.parse().unwrap(), service.parse().unwrap())
        }
    }
}

pub fn status(of: &str, status: Health, seconds: i64) -> Signal {
    measured(of, status, &[], seconds)
}

pub fn measured(of: &str, status: Health, measures: &[(&str, f64)], seconds: i64) -> Signal {
    let measures = measures.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    let reason = if status == Health::Healthy { "" } else { "HTTP 503" }.to_owned();
    Signal {
        subject: subject(of),
        at: at(seconds),
        news: News::Status(StatusNews { status, reason, measures }),
    }
}

pub fn alarm(of: &str, name: &str, rings: bool, seconds: i64) -> Signal {
    let news = AlarmNews {
        name: name.to_owned(),
        state: if rings { AlarmState::Alarm } else { AlarmState::Ok },
        reason: "threshold crossed".to_owned(),
        namespace: Some("AWS/ApplicationELB".to_owned()),
        metric: Some("HTTPCode_Target_5XX_Count".to_owned()),
        measures: BTreeMap::new(),
        rule: None,
        link: None,
    };
    Signal { subject: subject(of), at: at(seconds), news: News::Alarm(news) }
}

pub fn deployment(of: &str, state: Deployment, seconds: i64) -> Signal {
    let news = DeploymentNews {
        state,
        rollout: "r-1".parse().unwrap(),
        epoch: rollout::Epoch(1),
        version: "v2".parse().unwrap(),
        detail: state.as_str().to_owned(),
        weight: Weight::ZERO,
        started: at(0),
    };
    Signal { subject: subject(of), at: at(seconds), news: News::Deployment(news) }
}

/// A rollout of service shop that began at second 0.
pub fn rollout_sight(standing: RolloutStanding) -> RolloutSight {
    RolloutSight {
        view: RolloutView {
            id: rollout_id(),
            service: "shop".parse().unwrap(),
            version: "v2".parse().unwrap(),
            phase: "baking".to_owned(),
            step: Some((1, 5)),
            weight: Weight::try_from(10).unwrap(),
            verdict: None,
            link: None,
        },
        started: at(0),
        standing,
    }
}

pub fn rollout_id() -> RolloutId {
    "r-1".parse().unwrap()
}

/// An alert of this rule about this subject, which began or ended then.
pub fn alert(policy: &Policy, rule: &str, of: &str, firing: bool, seconds: i64) -> Alert {
    let name: RuleName = rule.parse().unwrap();
    let severity = policy.rule(&name).unwrap().severity;
    let state = if firing {
        AlertState::Firing { since: at(seconds) }
    } else {
        AlertState::Ended { since: at(0), at: at(seconds) }
    };
    let key = AlertKey { rule: name, subject: Some(subject(of)) };
    let because = "it was seen".to_owned();
    Alert { key, severity, state, decided: at(seconds), because, flapping: false, link: None }
}

/// What was sent: when, to whom, what, why, and how many alerts of it fire.
pub type Sent = (i64, String, &'static str, String, usize);

/// A group, and the channels that it is told to.
pub struct Played {
    pub group: Group,
    pub policy: Policy,
    pub silences: Vec<Silence>,
    pub elsewhere: Vec<Alert>,
    pub rollouts: Vec<RolloutSight>,
    /// What channels answer; those that are not named take everything.
    pub answers: BTreeMap<String, Delivery>,
    pub sent: Vec<Sent>,
    pub notices: Vec<Notice>,
    pub held: Vec<(AlertKey, Held)>,
    pub given_up: usize,
    pub writes: usize,
}

impl Played {
    pub fn new(policy: Policy, first: &Alert) -> Self {
        Self {
            group: Group::of(first, &policy),
            policy,
            silences: Vec::new(),
            elsewhere: Vec::new(),
            rollouts: Vec::new(),
            answers: BTreeMap::new(),
            sent: Vec::new(),
            notices: Vec::new(),
            held: Vec::new(),
            given_up: 0,
            writes: 0,
        }
    }

    pub fn hear(&mut self, alert: &Alert, now: i64) {
        let mut group = self.group.clone();
        group.hear(alert, at(now));
        self.round(group, now);
    }

    /// Looks at it, as a timer does.
    pub fn look(&mut self, now: i64) {
        self.round(self.group.clone(), now);
    }

    /// Looks at it whenever it is due, until then.
    pub fn until(&mut self, end: i64) {
        while let Some(due) = self.group.due.map(second).filter(|due| *due <= end) {
            self.look(due);
            assert!(self.group.due.is_none_or(|next| second(next) > due), "it would be looked at for ever");
        }
    }

    fn store(&mut self, group: Group, now: i64) {
        if let Some(next) = group.after(&self.group, at(now)) {
            self.writes += 1;
            self.group = next;
        }
    }

    fn round(&mut self, mut group: Group, now: i64) {
        for _ in 0..6 {
            let sight =
                Sight { silences: &self.silences, elsewhere: &self.elsewhere, rollouts: &self.rollouts };
            let plan = group.plan(&self.policy, sight, at(now));
            self.held = plan.held;
            self.given_up += plan.given_up.len();
            self.store(plan.group, now);
            if plan.sends.is_empty() {
                return;
            }
            let mut deliveries = BTreeMap::new();
            for send in plan.sends {
                let name = send.channel.to_string();
                let done = Delivery::Done { thread: Some(format!("thread of {name}")) };
                let answer = self.answers.get(&name).cloned().unwrap_or(done);
                if matches!(answer, Delivery::Done { .. }) {
                    self.sent.push(told(now, &send.notice, &name));
                    self.notices.push(send.notice);
                }
                deliveries.insert(send.channel, answer);
            }
            let given = Given { planned: plan.at, deliveries };
            group = self.group.record(&given, &self.policy, at(now)).unwrap();
        }
        panic!("it never ends");
    }

    /// What was sent since the last time.
    pub fn take(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }
}

fn told(now: i64, notice: &Notice, channel: &str) -> Sent {
    let kind = match &notice.kind {
        NoticeKind::Firing => "firing",
        NoticeKind::Folded => "folded",
        NoticeKind::Acknowledged { .. } => "acknowledged",
        NoticeKind::Resolved => "resolved",
    };
    let reason = match &notice.reason {
        Reason::First => "first".to_owned(),
        Reason::Joined { alerts } => format!("{alerts} joined"),
        Reason::SomeEnded { alerts } => format!("{alerts} ended"),
        Reason::Reminder => "reminder".to_owned(),
        Reason::NotAcknowledged { seconds } => format!("not acknowledged for {}", Seconds(*seconds)),
        Reason::RolloutDidNotHelp { rollout } => format!("{rollout} did not help"),
        Reason::RolloutAnswers { rollout } => format!("{rollout} answers"),
        Reason::Acknowledged => "acknowledged".to_owned(),
        Reason::AllEnded => "all ended".to_owned(),
    };
    (now, channel.to_owned(), kind, reason, notice.alerts.iter().filter(|alert| alert.firing).count())
}

/// The same, shorter to write.
pub fn sent(now: i64, channel: &str, kind: &'static str, reason: &str, firing: usize) -> Sent {
    (now, channel.to_owned(), kind, reason.to_owned(), firing)
}
