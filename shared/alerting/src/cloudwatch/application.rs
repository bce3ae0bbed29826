//! The changes as single calls, in an order in which CloudWatch takes them: a composite alarm needs its parts to exist, and
//! a part cannot be deleted while a composite alarm needs it. What depends on a call that failed is not tried.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rollout::EnvironmentName;

use super::alarm::AlarmSpec;
use super::difference::Changes;
use crate::managed;
use crate::names::RuleName;

/// The most alarms that one call deletes (`DeleteAlarms`, Amazon CloudWatch API Reference). A composite one is deleted by
/// itself: one call takes no two of them, and none whose parts it deletes with it is documented.
const AT_ONCE: usize = 100;

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Creates an alarm, or overwrites it.
    Put(AlarmSpec),
    /// Tags an alarm that is there.
    Tag {
        /// Its name.
        name: String,
        /// Its ARN.
        arn: String,
        /// The tags.
        tags: BTreeMap<String, String>,
    },
    /// Deletes alarms: at most 100 metric alarms, or one composite alarm.
    Delete(Vec<String>),
}

impl Step {
    /// The alarms that it is about.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Put(alarm) => vec![&alarm.name],
            Self::Tag { name, .. } => vec![name],
            Self::Delete(names) => names.iter().map(String::as_str).collect(),
        }
    }
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    /// The call.
    pub step: Step,
    /// Why.
    pub why: String,
}

/// The rule and the environment that an alarm is for: alarms of one of these depend on each other, on no others.
type Key = (EnvironmentName, RuleName);

fn key(name: &str) -> Option<Key> {
    managed::read(name).map(|managed| (managed.environment, managed.rule))
}

/// Changes under way: [`next`](Self::next) says which call is next, and [`record`](Self::record) takes what came of it.
#[derive(Debug)]
pub struct Application {
    /// The calls of each rule and environment, in their order.
    calls: VecDeque<(Option<Key>, Step)>,
    /// Metric alarms that are deleted when nothing else is left to do.
    last: VecDeque<String>,
    broken: BTreeSet<Option<Key>>,
    /// The calls that were made.
    pub done: Vec<Step>,
    /// Those that failed.
    pub failed: Vec<Failed>,
    /// The names of alarms with which nothing was done because of those.
    pub skipped: BTreeSet<String>,
}

impl Application {
    /// Nothing is done yet.
    pub fn new(changes: &Changes) -> Self {
        // By rule and environment, and there the parts first.
        let mut puts: BTreeMap<(Option<Key>, bool, usize), Vec<Step>> = BTreeMap::new();
        let place = |name: &str, index| {
            let is_whole = managed::read(name).is_none_or(|managed| !managed.is_part);
            (key(name), is_whole, index)
        };
        for (index, alarm) in changes.create.iter().enumerate() {
            puts.entry(place(&alarm.name, index)).or_default().push(Step::Put(alarm.clone()));
        }
        for (index, update) in changes.update.iter().enumerate() {
            let alarm = &update.alarm;
            let steps = puts.entry(place(&alarm.name, index)).or_default();
            if update.replaces {
                steps.push(Step::Delete(vec![alarm.name.clone()]));
            }
            if update.is_put {
                steps.push(Step::Put(alarm.clone()));
            }
            // What is created anew has its tags from the beginning.
            if !update.replaces && !update.retag.is_empty() {
                let (name, arn, tags) = (alarm.name.clone(), update.arn.clone(), update.retag.clone());
                steps.push(Step::Tag { name, arn, tags });
            }
        }
        let mut calls: VecDeque<_> = puts
            .into_iter()
            .flat_map(|((key, ..), steps)| steps.into_iter().map(move |step| (key.clone(), step)))
            .collect();
        let (composite, metric): (Vec<_>, Vec<_>) =
            changes.delete.iter().partition(|deletion| deletion.is_composite);
        calls.extend(
            composite
                .into_iter()
                .map(|deletion| (key(&deletion.name), Step::Delete(vec![deletion.name.clone()]))),
        );
        Self {
            calls,
            last: metric.into_iter().map(|deletion| deletion.name.clone()).collect(),
            broken: BTreeSet::new(),
            done: Vec::new(),
            failed: Vec::new(),
            skipped: BTreeSet::new(),
        }
    }

    /// The next call; `None`, if there is none.
    #[expect(
        clippy::should_implement_trait,
        reason = "what comes next depends on what came of the call before"
    )]
    pub fn next(&mut self) -> Option<Step> {
        while let Some((key, step)) = self.calls.pop_front() {
            if !self.broken.contains(&key) {
                return Some(step);
            }
            self.skip(&step.names());
        }
        let mut names = Vec::new();
        while names.len() < AT_ONCE
            && let Some(name) = self.last.pop_front()
        {
            if self.broken.contains(&key(&name)) {
                self.skip(&[&name]);
            } else {
                names.push(name);
            }
        }
        (!names.is_empty()).then_some(Step::Delete(names))
    }

    /// Takes what came of a call. Where one alarm of many cannot be deleted, none is: both halves are tried.
    pub fn record(&mut self, step: Step, result: Result<(), String>) {
        match (result, &step) {
            (Ok(()), _) => self.done.push(step),
            (Err(_), Step::Delete(names)) if names.len() > 1 => {
                let halves = names.chunks(names.len().div_ceil(2));
                self.calls.extend(halves.map(|half| (None, Step::Delete(half.to_owned()))));
            }
            (Err(why), _) => {
                self.broken.extend(step.names().into_iter().map(key));
                self.failed.push(Failed { step, why });
            }
        }
    }

    /// Gives up what is not done yet.
    pub fn stop(&mut self) {
        let left: Vec<String> = std::mem::take(&mut self.calls)
            .iter()
            .flat_map(|(_, step)| step.names())
            .map(str::to_owned)
            .collect();
        self.skipped.extend(left);
        self.skipped.extend(std::mem::take(&mut self.last));
    }

    fn skip(&mut self, names: &[&str]) {
        self.skipped.extend(names.iter().map(|name| (*name).to_owned()));
    }
}
