//! A small CloudWatch: what it refuses, and what states its alarms have. What it refuses is what AWS does, by the API
//! reference and by the messages that are known of it.

use std::collections::BTreeMap;

use crate::cloudwatch::{AlarmSpec, Existing, MetricAlarm, Operator, Step, Watches};
use crate::metric::Missing;

/// The alarms of an account and region.
#[derive(Clone, Debug, Default)]
pub struct CloudWatch {
    pub alarms: BTreeMap<String, Existing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Alarm,
    Ok,
    InsufficientData,
}

/// A rule of a composite alarm.
#[derive(Clone, Debug, PartialEq)]
pub enum AlarmRule {
    State(State, String),
    All(Vec<AlarmRule>),
    Any(Vec<AlarmRule>),
    Not(Box<AlarmRule>),
}

impl CloudWatch {
    pub fn perform(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Put(alarm) => self.put(alarm),
            Step::Tag { name, arn, tags } => {
                let alarm = self.alarms.get_mut(name).ok_or("ResourceNotFound")?;
                assert_eq!(alarm.arn, *arn);
                alarm.alarm.tags.extend(tags.clone());
                Ok(())
            }
            Step::Delete(names) => self.delete(names),
        }
    }

    fn put(&mut self, alarm: &AlarmSpec) -> Result<(), String> {
        let AlarmSpec { name, description, .. } = alarm;
        if name.chars().count() > 255 || description.chars().count() > 1_024 {
            return Err("the name or the description is too long".to_owned());
        }
        let known = self.alarms.get(name);
        if known.is_some_and(|known| known.alarm.is_composite() != alarm.is_composite()) {
            return Err(format!("{name} is of the other kind"));
        }
        if let Watches::Composite { rule } = &alarm.watches {
            let children = read(rule)?.children();
            if rule.chars().count() > 10_240 || children.len() > 100 {
                return Err("the rule is too long".to_owned());
            }
            if let Some(missing) = children.iter().find(|child| !self.alarms.contains_key(*child)) {
                return Err(format!("alarms [{missing}] in the alarm rule do not exist"));
            }
        }
        // Tags are set when an alarm is created, and not when it is changed.
        let tags = known.map_or_else(|| alarm.tags.clone(), |known| known.alarm.tags.clone());
        let existing = Existing {
            alarm: AlarmSpec { tags, ..alarm.clone() },
            arn: format!("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}"),
            further: BTreeMap::new(),
        };
        self.alarms.insert(name.clone(), existing);
        Ok(())
    }

    fn delete(&mut self, names: &[String]) -> Result<(), String> {
        let composite =
            |name: &&String| self.alarms.get(*name).is_some_and(|known| known.alarm.is_composite());
        if names.len() > 100 || names.iter().filter(composite).count() > 1 {
            return Err("too many at once".to_owned());
        }
        for name in names {
            for other in self.alarms.values() {
                if let Watches::Composite { rule } = &other.alarm.watches
                    && read(rule)?.children().contains(name)
                {
                    return Err(format!(
                        "Cannot delete {name} as there are composite alarm(s) depending on it"
                    ));
                }
            }
        }
        self.alarms.retain(|name, _| !names.contains(name));
        Ok(())
    }

    pub fn list(&self) -> Vec<Existing> {
        self.alarms.values().cloned().collect()
    }
}

/// The states of some alarms, given the datapoints and the states before.
pub fn states(
    alarms: &[AlarmSpec],
    datapoint: &dyn Fn(&MetricAlarm) -> Option<f64>,
    before: &BTreeMap<String, State>,
) -> BTreeMap<String, State> {
    let mut states = BTreeMap::new();
    for alarm in alarms {
        let state = match &alarm.watches {
            Watches::Metric(metric) => match (datapoint(metric), metric.missing) {
                (Some(value), _) => {
                    if breaches(metric, value) {
                        State::Alarm
                    } else {
                        State::Ok
                    }
                }
                (None, Missing::Breaching) => State::Alarm,
                (None, Missing::NotBreaching) => State::Ok,
                (None, Missing::Ignore) => {
                    before.get(&alarm.name).copied().unwrap_or(State::InsufficientData)
                }
                (None, Missing::Missing) => State::InsufficientData,
            },
            Watches::Composite { rule } => {
                if read(rule).unwrap().holds(&states) {
                    State::Alarm
                } else {
                    State::Ok
                }
            }
        };
        states.insert(alarm.name.clone(), state);
    }
    states
}

fn breaches(metric: &MetricAlarm, value: f64) -> bool {
    let threshold = metric.threshold;
    match metric.operator {
        Operator::Greater => value > threshold,
        Operator::AtLeast => value >= threshold,
        Operator::Less => value < threshold,
        Operator::AtMost => value <= threshold,
    }
}

impl AlarmRule {
    fn holds(&self, states: &BTreeMap<String, State>) -> bool {
        match self {
            Self::State(state, name) => states[name] == *state,
            Self::All(parts) => parts.iter().all(|part| part.holds(states)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(states)),
            Self::Not(part) => !part.holds(states),
        }
    }

    fn children(&self) -> Vec<String> {
        let mut children = match self {
            Self::State(_, name) => vec![name.clone()],
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::children).collect(),
            Self::Not(part) => part.children(),
        };
        children.sort();
        children.dedup();
        children
    }
}

/// Reads a rule. AND and OR at one level, which is not defined, are refused.
pub fn read(rule: &str) -> Result<AlarmRule, String> {
    let mut left = rule;
    let read = expression(&mut left)?;
    if left.is_empty() { Ok(read) } else { Err(format!("{left:?} is too much")) }
}

fn expression(left: &mut &str) -> Result<AlarmRule, String> {
    let mut parts = vec![operand(left)?];
    let mut joints = Vec::new();
    for joint in [" AND ", " OR "].into_iter().cycle() {
        if let Some(rest) = left.strip_prefix(joint) {
            *left = rest;
            parts.push(operand(left)?);
            joints.push(joint);
        } else if ![" AND ", " OR "].iter().any(|joint| left.starts_with(joint)) {
            break;
        }
    }
    joints.dedup();
    match joints.as_slice() {
        [] => parts.pop().ok_or_else(String::new),
        [" AND "] => Ok(AlarmRule::All(parts)),
        [" OR "] => Ok(AlarmRule::Any(parts)),
        _ => Err("AND and OR without parentheses".to_owned()),
    }
}

fn operand(left: &mut &str) -> Result<AlarmRule, String> {
    if let Some(rest) = left.strip_prefix("NOT ") {
        *left = rest;
        return Ok(AlarmRule::Not(Box::new(operand(left)?)));
    }
    if let Some(rest) = left.strip_prefix('(') {
        *left = rest;
        let inner = expression(left)?;
        *left = left.strip_prefix(')').ok_or("a parenthesis is open")?;
        return Ok(inner);
    }
    for (word, state) in
        [("ALARM", State::Alarm), ("OK", State::Ok), ("INSUFFICIENT_DATA", State::InsufficientData)]
    {
        if let Some(rest) = left.strip_prefix(word).and_then(|rest| rest.strip_prefix("(\"")) {
            let (name, rest) = rest.split_once("\")").ok_or("a quote is open")?;
            *left = rest;
            return Ok(AlarmRule::State(state, name.to_owned()));
        }
    }
    Err(format!("unsupported: {left:?}"))
}

#[test]
fn rules_are_read_as_cloudwatch_reads_them() {
    let state = |name: &str| AlarmRule::State(State::Alarm, name.to_owned());
    let read = read(r#"ALARM("a #1") AND (ALARM("b") OR NOT ALARM("c"))"#).unwrap();
    let either = AlarmRule::Any(vec![state("b"), AlarmRule::Not(Box::new(state("c")))]);
    assert_eq!(read, AlarmRule::All(vec![state("a #1"), either]));
    assert_eq!(read.children(), ["a #1", "b", "c"]);
    for bad in
        ["", "ALARM(\"a\") AND", "ALARM(\"a\") AND ALARM(\"b\") OR ALARM(\"c\")", "(ALARM(\"a\")", "ALARM(a)"]
    {
        assert!(super::model::read(bad).is_err(), "{bad}");
    }
}
