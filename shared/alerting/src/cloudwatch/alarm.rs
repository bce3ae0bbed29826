use std::collections::BTreeMap;

use rollout::{EnvironmentName, Seconds};

use crate::condition::Comparison;
use crate::managed;
use crate::metric::Missing;

/// An alarm as it has to be.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmSpec {
    /// Its name, unique in its account and region.
    pub name: String,
    /// What people read where it rings: at most 1,024 characters.
    pub description: String,
    /// What it watches.
    pub watches: Watches,
    /// The ARNs of whom it tells that it rings.
    pub alarm_actions: Vec<String>,
    /// The ARNs of whom it tells that it does not any more.
    pub ok_actions: Vec<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What an alarm watches.
#[derive(Clone, Debug, PartialEq)]
pub enum Watches {
    /// A metric.
    Metric(MetricAlarm),
    /// Other alarms.
    Composite {
        /// Its `AlarmRule`.
        rule: String,
    },
}

/// A comparison of a metric with a threshold, in the units of CloudWatch.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricAlarm {
    /// The namespace.
    pub namespace: String,
    /// The metric.
    pub metric: String,
    /// `Average`, `Sum`, `Minimum`, `Maximum`, `SampleCount`, or one that CloudWatch calls extended, like `p90`.
    pub statistic: String,
    /// The dimensions.
    pub dimensions: BTreeMap<String, String>,
    /// How long a datapoint is.
    pub period: Seconds,
    /// How a datapoint is compared
    pub operator: Operator,
    /// with what.
    pub threshold: f64,
    /// What it means when there is none.
    pub missing: Missing,
    /// Of so many periods
    pub periods: u32,
    /// so many datapoints have to breach.
    pub datapoints: u32,
}

/// The comparisons that CloudWatch has for one metric and one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
    /// `<=`
    AtMost,
}

impl Operator {
    const ALL: [Self; 4] = [Self::Greater, Self::AtLeast, Self::Less, Self::AtMost];

    /// As `PutMetricAlarm` calls it (`ComparisonOperator`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Greater => "GreaterThanThreshold",
            Self::AtLeast => "GreaterThanOrEqualToThreshold",
            Self::Less => "LessThanThreshold",
            Self::AtMost => "LessThanOrEqualToThreshold",
        }
    }

    /// The one that is called so.
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.as_str() == text)
    }

    /// The same as conditions have it.
    pub const fn comparison(self) -> Comparison {
        match self {
            Self::Greater => Comparison::Greater,
            Self::AtLeast => Comparison::AtLeast,
            Self::Less => Comparison::Less,
            Self::AtMost => Comparison::AtMost,
        }
    }

    /// What conditions compare so, where CloudWatch can.
    pub(super) const fn of(comparison: Comparison) -> Option<Self> {
        match comparison {
            Comparison::Greater => Some(Self::Greater),
            Comparison::AtLeast => Some(Self::AtLeast),
            Comparison::Less => Some(Self::Less),
            Comparison::AtMost => Some(Self::AtMost),
            Comparison::Equal | Comparison::NotEqual => None,
        }
    }

    /// Holds of every value of which this one does not.
    pub(super) const fn opposite(self) -> Self {
        match self {
            Self::Greater => Self::AtMost,
            Self::AtLeast => Self::Less,
            Self::Less => Self::AtLeast,
            Self::AtMost => Self::Greater,
        }
    }
}

/// The names of the tags that say whose an alarm is.
pub mod tags {
    /// Who manages it: [`ALERTS`](self::ALERTS).
    pub const MANAGED_BY: &str = "ace-flow:managed-by";
    /// The value of [`MANAGED_BY`](self::MANAGED_BY) of the alarms that are made for rules.
    pub const ALERTS: &str = "alerts";
    /// The environment whose configuration has the rule.
    pub const HOME: &str = "ace-flow:home";
    /// The environment that it watches.
    pub const ENVIRONMENT: &str = "ace-flow:environment";
}

/// The tags of an alarm. `environment` is what an alarm is about, as in every tag of alarms that this project reads.
pub(super) fn tags_of(home: &EnvironmentName, environment: &EnvironmentName) -> BTreeMap<String, String> {
    let tag = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    BTreeMap::from([
        tag(tags::MANAGED_BY, tags::ALERTS),
        tag(tags::HOME, home.as_str()),
        tag(tags::ENVIRONMENT, environment.as_str()),
        tag("project", "ace-flow"),
        tag("environment", environment.as_str()),
        tag("managed-by", "ace"),
    ])
}

impl AlarmSpec {
    /// Whether it watches other alarms.
    pub const fn is_composite(&self) -> bool {
        matches!(self.watches, Watches::Composite { .. })
    }

    /// What it is, setting by setting, for people. Two alarms are the same if this and their tags are.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = match &self.watches {
            Watches::Metric(metric) => metric.settings(),
            Watches::Composite { rule } => {
                vec![("kind", "composite alarm".to_owned()), ("rule", rule.clone())]
            }
        };
        settings.push(("description", self.description.clone()));
        for (name, actions) in [("on ALARM", &self.alarm_actions), ("on OK", &self.ok_actions)] {
            if !actions.is_empty() {
                settings.push((name, actions.join(", ")));
            }
        }
        settings
    }
}

impl MetricAlarm {
    fn settings(&self) -> Vec<(&'static str, String)> {
        let dimensions: Vec<String> =
            self.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
        vec![
            ("kind", "metric alarm".to_owned()),
            ("metric", format!("{} {}", self.namespace, self.metric)),
            ("dimensions", dimensions.join(", ")),
            ("statistic", self.statistic.clone()),
            ("period", self.period.to_string()),
            ("threshold", format!("{} {}", self.operator.comparison(), self.threshold)),
            ("missing data", self.missing.as_str().to_owned()),
            ("datapoints", format!("{} of {}", self.datapoints, self.periods)),
        ]
    }
}

/// An alarm that there is.
#[derive(Clone, Debug, PartialEq)]
pub struct Existing {
    /// The alarm.
    pub alarm: AlarmSpec,
    /// Its ARN.
    pub arn: String,
    /// What else is set of it, that none of ours has: by the names of settings.
    pub further: BTreeMap<&'static str, String>,
}

impl Existing {
    /// Whether it was made for the rules of this environment: by its name, and by its tags. What only has such a name is
    /// somebody else's.
    pub fn is_of(&self, home: &EnvironmentName) -> bool {
        let tag = |name: &str| self.alarm.tags.get(name).map(String::as_str);
        tag(tags::MANAGED_BY) == Some(tags::ALERTS)
            && tag(tags::HOME) == Some(home.as_str())
            && managed::read(&self.alarm.name).is_some_and(|managed| managed.home == *home)
    }
}
