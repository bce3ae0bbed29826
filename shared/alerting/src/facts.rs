//! What is known of a subject. Facts are the same in whatever order their signals came, and however often.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rollout::{Epoch, RolloutId, ServiceName, Version, Weight};
use serde::{Deserialize, Serialize};

use crate::condition::{Picture, Seen};
use crate::group::{RolloutSight, RolloutStanding};
use crate::names::RuleName;
use crate::notice::RolloutView;
use crate::severity::{Deployment, Health};
use crate::signal::{AlarmNews, AlarmState, DeploymentNews, News, StatusNews, Subject};

/// The most alarms of one subject that are remembered, those included that have ended: an older message about one of them
/// may still come.
const MAX_ALARMS: usize = 200;
/// The longest reason that is kept, in characters.
const LONGEST_REASON: usize = 300;

/// Everything that is known of one subject.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Facts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<StatusFact>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deployment: Option<DeploymentFact>,
    /// By their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    alarms: BTreeMap<String, AlarmFact>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusFact {
    status: Health,
    at: Timestamp,
    reason: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    measures: BTreeMap<String, f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeploymentFact {
    state: Deployment,
    at: Timestamp,
    rollout: RolloutId,
    epoch: Epoch,
    version: Version,
    detail: String,
    weight: Weight,
    started: Timestamp,
}

/// Of an alarm that is not in ALARM only its state and time are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlarmFact {
    state: AlarmState,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metric: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    measures: BTreeMap<String, f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<RuleName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

/// What came of something that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is known now.
    New,
    /// It, or something later, was known.
    Known,
}

impl Facts {
    /// Takes in what happened at `at`, unless it or something later is known. Of two things at the same instant the
    /// worse one counts, so that their order does not.
    pub(crate) fn hear(&mut self, news: &News, at: Timestamp) -> Heard {
        match news {
            News::Status(news) => self.status(news, at),
            News::Deployment(news) => self.deployment(news, at),
            News::Alarm(news) => self.alarm(news, at),
        }
    }

    fn status(&mut self, news: &StatusNews, at: Timestamp) -> Heard {
        if self.status.as_ref().is_some_and(|known| (known.at, known.status) >= (at, news.status)) {
            return Heard::Known;
        }
        let measures = news.measures.iter().filter(|(_, value)| value.is_finite());
        self.status = Some(StatusFact {
            status: news.status,
            at,
            reason: short(&news.reason),
            measures: measures.map(|(field, value)| (field.clone(), *value)).collect(),
        });
        Heard::New
    }

    fn deployment(&mut self, news: &DeploymentNews, at: Timestamp) -> Heard {
        let order = |at, epoch: Epoch, state| (at, epoch.0, state);
        if self.deployment.as_ref().is_some_and(|known| {
            order(known.at, known.epoch, known.state) >= order(at, news.epoch, news.state)
        }) {
            return Heard::Known;
        }
        self.deployment = Some(DeploymentFact {
            state: news.state,
            at,
            rollout: news.rollout.clone(),
            epoch: news.epoch,
            version: news.version.clone(),
            detail: short(&news.detail),
            weight: news.weight,
            started: news.started,
        });
        Heard::New
    }

    fn alarm(&mut self, news: &AlarmNews, at: Timestamp) -> Heard {
        let order = |at, state| (at, state == AlarmState::Alarm);
        if self
            .alarms
            .get(&news.name)
            .is_some_and(|known| order(known.at, known.state) >= order(at, news.state))
        {
            return Heard::Known;
        }
        let mut fact = AlarmFact {
            state: news.state,
            at,
            reason: String::new(),
            namespace: None,
            metric: None,
            measures: BTreeMap::new(),
            rule: None,
            link: None,
        };
        if news.state == AlarmState::Alarm {
            fact.reason = short(&news.reason);
            fact.namespace.clone_from(&news.namespace);
            fact.metric.clone_from(&news.metric);
            fact.measures.clone_from(&news.measures);
            fact.measures.retain(|_, value| value.is_finite());
            fact.rule.clone_from(&news.rule);
            fact.link.clone_from(&news.link);
        }
        self.alarms.insert(news.name.clone(), fact);
        self.forget();
        Heard::New
    }

    /// Forgets the oldest alarms beyond [`MAX_ALARMS`], first those that have ended.
    fn forget(&mut self) {
        while self.alarms.len() > MAX_ALARMS {
            let oldest = self
                .alarms
                .iter()
                .min_by_key(|(name, fact)| (fact.state == AlarmState::Alarm, fact.at, (*name).clone()))
                .map(|(name, _)| name.clone());
            let Some(oldest) = oldest else { return };
            self.alarms.remove(&oldest);
        }
    }

    /// The newest rollout of the subject, where one was heard of.
    pub(crate) fn rollout(&self) -> Option<&RolloutId> {
        self.deployment.as_ref().map(|fact| &fact.rollout)
    }

    /// The newest rollout of a service, as far as it was heard of.
    pub(crate) fn sight(&self, service: &ServiceName) -> Option<RolloutSight> {
        let fact = self.deployment.as_ref()?;
        let standing = match fact.state {
            Deployment::Running | Deployment::Waiting | Deployment::Frozen => RolloutStanding::Running,
            Deployment::Succeeded => RolloutStanding::Promoted,
            Deployment::RollingBack => RolloutStanding::RollingBack { since: fact.at },
            Deployment::Failed => RolloutStanding::RolledBack { at: fact.at },
        };
        let view = RolloutView {
            id: fact.rollout.clone(),
            service: service.clone(),
            version: fact.version.clone(),
            phase: fact.detail.clone(),
            step: None,
            weight: fact.weight,
            verdict: None,
            link: None,
        };
        Some(RolloutSight { view, started: fact.started, standing })
    }

    /// How the subject is, where somebody has looked.
    pub(crate) fn health(&self) -> Option<Health> {
        self.status.as_ref().map(|fact| fact.status)
    }

    /// Whether an alarm that was made for this rule is in ALARM.
    pub(crate) fn ruled(&self, rule: &RuleName) -> bool {
        self.ringing().any(|(_, fact)| fact.rule.as_ref() == Some(rule))
    }

    /// What was said of it by whoever knows best: the reasons of the alarms that are in ALARM, of the status, of the
    /// deployment, as far as `fields` are about them.
    pub(crate) fn said(&self, fields: &BTreeSet<&str>, rule: &RuleName) -> Vec<String> {
        let about = |names: &[&str]| names.iter().any(|name| fields.contains(name));
        let mut said = Vec::new();
        if let Some(fact) = &self.status
            && about(&["status"])
            && fact.status > Health::Healthy
            && !fact.reason.is_empty()
        {
            said.push(fact.reason.clone());
        }
        if let Some(fact) = &self.deployment
            && about(&["deployment"])
        {
            said.push(format!("{}: {}", fact.version, fact.detail));
        }
        let alarms = about(&["alarm", "metric", "namespace"]);
        said.extend(
            self.ringing()
                .filter(|(_, fact)| {
                    let measured = fact.measures.keys().any(|field| fields.contains(field.as_str()));
                    alarms || measured || fact.rule.as_ref() == Some(rule)
                })
                .filter(|(_, fact)| !fact.reason.is_empty())
                .map(|(name, fact)| format!("{name}: {}", fact.reason)),
        );
        said
    }

    /// Where a person can look at what rings.
    pub(crate) fn link(&self) -> Option<&str> {
        self.ringing().find_map(|(_, fact)| fact.link.as_deref())
    }

    fn ringing(&self) -> impl Iterator<Item = (&String, &AlarmFact)> {
        self.alarms.iter().filter(|(_, fact)| fact.state == AlarmState::Alarm)
    }

    /// The alarms that ring and that nobody made for a rule: those stand for their rule alone.
    fn foreign(&self) -> impl Iterator<Item = (&String, &AlarmFact)> {
        self.ringing().filter(|(_, fact)| fact.rule.is_none())
    }

    /// The greatest of what is said of a measure now.
    fn measure(&self, field: &str) -> Option<f64> {
        let status = self.status.as_ref().and_then(|fact| fact.measures.get(field));
        let alarms = self.ringing().filter_map(|(_, fact)| fact.measures.get(field));
        status.into_iter().chain(alarms).copied().reduce(f64::max)
    }
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST_REASON).collect()
}

/// A subject as conditions see it.
pub(crate) struct SubjectPicture<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) facts: &'a Facts,
}

impl Picture for SubjectPicture<'_> {
    fn see(&self, field: &str) -> Seen<'_> {
        let text = |text: &'static str| Seen::Text(text.into());
        let facts = self.facts;
        match field {
            "environment" => Seen::Text(self.subject.environment.as_str().into()),
            // An environment as a whole has no service, which is known.
            "service" => self
                .subject
                .service
                .as_ref()
                .map_or_else(|| Seen::Texts(Vec::new()), |service| Seen::Text(service.as_str().into())),
            "status" => facts.health().map_or(Seen::Unknown, |status| text(status.as_str())),
            "deployment" => facts.deployment.as_ref().map_or(Seen::Unknown, |fact| text(fact.state.as_str())),
            "version" => facts
                .deployment
                .as_ref()
                .map_or(Seen::Unknown, |fact| Seen::Text(fact.version.as_str().into())),
            "rollout" => facts
                .deployment
                .as_ref()
                .map_or(Seen::Unknown, |fact| Seen::Text(fact.rollout.as_str().into())),
            "alarm" => Seen::Texts(facts.foreign().map(|(name, _)| name.as_str().into()).collect()),
            "metric" => Seen::Texts(
                facts.foreign().filter_map(|(_, fact)| fact.metric.as_deref().map(Cow::from)).collect(),
            ),
            "namespace" => Seen::Texts(
                facts.foreign().filter_map(|(_, fact)| fact.namespace.as_deref().map(Cow::from)).collect(),
            ),
            measure => facts.measure(measure).map_or(Seen::Unknown, Seen::Number),
        }
    }
}
