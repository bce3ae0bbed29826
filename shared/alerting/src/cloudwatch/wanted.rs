//! Which alarms there have to be.

use std::collections::{BTreeMap, BTreeSet};

use rollout::{EnvironmentName, ServiceName};

use super::alarm::{AlarmSpec, Watches, tags_of};
use super::describe;
use super::formula::{Formula, Leaf};
use super::left_out::{Gap, LeftOut, Reason};
use super::literal::{Reader, Reading};
use crate::condition::{Expr, Picture, Seen, Truth};
use crate::managed;
use crate::names::RuleName;
use crate::policy::{Policy, Rule};
use crate::signal::Subject;

/// "The `AlarmRule` can specify as many as 100 "children" alarms. The `AlarmRule` expression can have as many as 500
/// elements", and 10,240 characters (`PutCompositeAlarm`, Amazon CloudWatch API Reference).
const CHILDREN: usize = 100;
const ELEMENTS: usize = 500;
const CHARACTERS: usize = 10_240;

/// The services that are known of environments.
pub type Services = BTreeMap<EnvironmentName, BTreeSet<ServiceName>>;

/// The alarms that there have to be, and where there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// In the order of the rules, and of the environments.
    pub sets: Vec<AlarmSet>,
    /// The rules without an alarm in an environment.
    pub without: Vec<Without>,
}

/// The alarms of one rule in one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmSet {
    /// The rule.
    pub rule: RuleName,
    /// The environment.
    pub environment: EnvironmentName,
    /// Its parts, if there are any, and then the rule's own alarm.
    pub alarms: Vec<AlarmSpec>,
    /// The alternatives that it does not watch: that the condition holds because of them is heard of otherwise.
    pub left_out: Vec<LeftOut>,
}

/// A rule that has no alarm in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Without {
    /// The rule.
    pub rule: RuleName,
    /// The environment.
    pub environment: EnvironmentName,
    /// Why.
    pub reason: Reason,
}

impl Plan {
    /// All alarms, the parts of each composite one before it.
    pub fn alarms(&self) -> impl Iterator<Item = &AlarmSpec> {
        self.sets.iter().flat_map(|set| &set.alarms)
    }
}

/// The alarms for the rules of a policy, which is that of `home`, in each of its environments. `topic` is the ARN of a
/// topic that is told as well when they begin and end to ring.
pub fn wanted(home: &EnvironmentName, policy: &Policy, services: &Services, topic: Option<&str>) -> Plan {
    let mut plan = Plan::default();
    for rule in &policy.rules {
        for environment in &policy.environments {
            let place = Place { home, environment, policy, services, topic };
            match place.set(rule) {
                Ok(set) => plan.sets.push(set),
                Err(reason) => plan.without.push(Without {
                    rule: rule.name.clone(),
                    environment: environment.clone(),
                    reason,
                }),
            }
        }
    }
    plan
}

/// An environment, and all that alarms there depend on.
struct Place<'a> {
    home: &'a EnvironmentName,
    environment: &'a EnvironmentName,
    policy: &'a Policy,
    services: &'a Services,
    topic: Option<&'a str>,
}

impl Place<'_> {
    fn set(&self, rule: &Rule) -> Result<AlarmSet, Reason> {
        let expr = rule.condition.expr().ok_or(Reason::CountsEverything)?;
        let (formula, mut left_out) = match self.read(expr) {
            Reading::Watched(formula, parts) => (formula, self.told(parts)),
            Reading::Always => return Err(Reason::Always),
            Reading::Never(parts) if parts.is_empty() => return Err(self.never(rule)),
            Reading::Never(parts) => return Err(Reason::LeftOut(self.told(parts))),
        };
        let name = managed::name(self.home, self.environment, &rule.name);
        if managed::read(&name).is_none_or(|managed| managed.is_part || managed.rule != rule.name) {
            return Err(Reason::NamedLikeAPart);
        }
        let leaves = formula.leaves();
        let watched: BTreeSet<&str> = leaves.iter().map(|leaf| leaf.part.as_str()).collect();
        // What one subject cannot have and another one does, is not left out.
        left_out.retain(|left| !watched.contains(left.part.as_str()));
        let alarms = match leaves.as_slice() {
            [only] => vec![self.whole(rule, name, Watches::Metric(only.metric.clone()))],
            _ => self.composite(rule, name, &formula, &leaves)?,
        };
        let (rule, environment) = (rule.name.clone(), self.environment.clone());
        Ok(AlarmSet { rule, environment, alarms, left_out })
    }

    /// Of the environment as a whole, or of any of its services: whoever the condition holds of, the alarm is about the
    /// environment.
    fn read(&self, expr: &Expr) -> Reading {
        let services = self.services.get(self.environment).into_iter().flatten();
        let services = services.map(|service| Subject::service(self.environment.clone(), service.clone()));
        let subjects = [Subject::environment(self.environment.clone())].into_iter().chain(services);
        let read = |subject| {
            Reader { home: self.home, sources: &self.policy.sources, subject: &subject }.read(expr, true)
        };
        let mut readings: Vec<Reading> = subjects.map(read).collect();
        // Where one subject has all that CloudWatch has, what others lack of that explains nothing.
        let explains = |reading: &Reading| match reading {
            Reading::Never(parts) => !parts.is_empty() && !parts.iter().any(|part| part.why.is_of_subject()),
            Reading::Always | Reading::Watched(..) => true,
        };
        if readings.iter().any(explains) {
            readings.retain(explains);
        }
        Reading::any(readings.into_iter())
    }

    /// Each part once.
    fn told(&self, parts: Vec<LeftOut>) -> Vec<LeftOut> {
        let has_services = self.services.get(self.environment).is_some_and(|services| !services.is_empty());
        let mut told: Vec<LeftOut> = Vec::new();
        for mut part in parts {
            if part.why == Gap::OfServices && !has_services {
                part.why = Gap::NoServices;
            }
            if !told.contains(&part) {
                told.push(part);
            }
        }
        told
    }

    /// Why a condition never holds, whatever CloudWatch has.
    fn never(&self, rule: &Rule) -> Reason {
        if rule.condition.holds(&Somewhere(self.environment)) == Truth::Fails {
            Reason::Elsewhere
        } else if rule.condition.fields().contains("service") {
            Reason::NoService
        } else {
            Reason::Never
        }
    }

    fn composite(
        &self,
        rule: &Rule,
        name: String,
        formula: &Formula,
        leaves: &[&Leaf],
    ) -> Result<Vec<AlarmSpec>, Reason> {
        // How a quote is written within quotes is documented nowhere.
        if let Some(c) = rule.name.as_str().chars().find(|c| matches!(c, '"' | '\\')) {
            return Err(Reason::NotQuotable(c));
        }
        let numbers: BTreeMap<&str, usize> = leaves.iter().map(|leaf| leaf.says.as_str()).zip(1..).collect();
        let part_of = |leaf: &Leaf| {
            let number = numbers.get(leaf.says.as_str()).copied().unwrap_or_default();
            managed::part(self.home, self.environment, &rule.name, number)
        };
        let alarm_rule = formula.rule(&part_of);
        let (children, elements) = (leaves.len(), alarm_rule.elements);
        let characters = alarm_rule.text.chars().count();
        if children > CHILDREN || elements > ELEMENTS || characters > CHARACTERS {
            return Err(Reason::TooLarge { children, elements, characters });
        }
        let part = |leaf: &&Leaf| {
            self.alarm(
                part_of(leaf),
                describe::part(self.home, self.environment, rule, &leaf.says),
                Watches::Metric(leaf.metric.clone()),
                &[],
            )
        };
        let mut alarms: Vec<AlarmSpec> = leaves.iter().map(part).collect();
        alarms.push(self.whole(rule, name, Watches::Composite { rule: alarm_rule.text }));
        Ok(alarms)
    }

    /// A rule that counts over environments is told to nobody by its alarms: what one environment has is not the rule.
    fn whole(&self, rule: &Rule, name: String, watches: Watches) -> AlarmSpec {
        let told = self.topic.filter(|_| !rule.condition.is_across());
        let actions: Vec<String> = told.into_iter().map(str::to_owned).collect();
        self.alarm(name, describe::whole(self.home, self.environment, rule), watches, &actions)
    }

    fn alarm(&self, name: String, description: String, watches: Watches, actions: &[String]) -> AlarmSpec {
        AlarmSpec {
            name,
            description,
            watches,
            alarm_actions: actions.to_owned(),
            ok_actions: actions.to_owned(),
            tags: tags_of(self.home, self.environment),
        }
    }
}

/// An environment of which nothing else is known.
struct Somewhere<'a>(&'a EnvironmentName);

impl Picture for Somewhere<'_> {
    fn see(&self, field: &str) -> Seen<'_> {
        match field {
            "environment" => Seen::Text(self.0.as_str().into()),
            _ => Seen::Unknown,
        }
    }
}
