//! A condition as CloudWatch can watch it. NOT is carried down to the comparisons, which are turned around there: a metric
//! without data makes a comparison and its opposite hold or fail by the source's treatment of missing data, and no alarm
//! rings because another one has no data. `NOT ALARM(…)` would: it is true while an alarm is in `INSUFFICIENT_DATA`, as
//! every alarm is when it is new.

use std::collections::BTreeMap;

use rollout::EnvironmentName;

use super::alarm::{MetricAlarm, Operator};
use super::formula::{Formula, Leaf};
use super::left_out::{Gap, LeftOut};
use crate::condition::{Expr, Number, Seen, Term, Test, Truth, Words};
use crate::metric::{ENVIRONMENT, MetricSource, level};
use crate::severity::Health;
use crate::signal::Subject;

/// One datapoint decides: how long a condition has to hold is what alert-router keeps (`for`).
const PERIODS: u32 = 1;

/// What a condition is read for.
pub(super) struct Reader<'a> {
    pub(super) home: &'a EnvironmentName,
    pub(super) sources: &'a BTreeMap<String, MetricSource>,
    pub(super) subject: &'a Subject,
}

/// What comes of a condition.
#[derive(Debug)]
pub(super) enum Reading {
    /// It holds whatever is measured.
    Always,
    /// It never holds: of itself, or as far as CloudWatch knows, without these parts.
    Never(Vec<LeftOut>),
    /// It holds while these comparisons do; and in other cases too, because of what was left out.
    Watched(Formula, Vec<LeftOut>),
}

impl Reading {
    /// All of these hold.
    pub(super) fn all(readings: impl Iterator<Item = Self>) -> Self {
        let (mut formulas, mut left_out, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        let mut never = false;
        for reading in readings {
            match reading {
                Self::Always => {}
                Self::Never(parts) if parts.is_empty() => return Self::Never(parts),
                Self::Never(parts) => {
                    never = true;
                    missing.extend(parts);
                }
                Self::Watched(formula, parts) => {
                    formulas.push(formula);
                    left_out.extend(parts);
                }
            }
        }
        if never {
            return Self::Never(missing);
        }
        Formula::all(formulas).map_or(Self::Always, |formula| Self::Watched(formula, left_out))
    }

    /// Any of these holds.
    pub(super) fn any(readings: impl Iterator<Item = Self>) -> Self {
        let (mut formulas, mut left_out) = (Vec::new(), Vec::new());
        for reading in readings {
            match reading {
                Self::Always => return Self::Always,
                Self::Never(parts) => left_out.extend(parts),
                Self::Watched(formula, parts) => {
                    formulas.push(formula);
                    left_out.extend(parts);
                }
            }
        }
        match Formula::any(formulas) {
            Some(formula) => Self::Watched(formula, left_out),
            None => Self::Never(left_out),
        }
    }
}

impl Reader<'_> {
    /// Reads a condition, or its opposite.
    pub(super) fn read(&self, expr: &Expr, holds: bool) -> Reading {
        match (expr, holds) {
            (Expr::All(parts), true) | (Expr::Any(parts), false) => {
                Reading::all(parts.iter().map(|part| self.read(part, holds)))
            }
            (Expr::Any(parts), true) | (Expr::All(parts), false) => {
                Reading::any(parts.iter().map(|part| self.read(part, holds)))
            }
            (Expr::Not(part), _) => self.read(part, !holds),
            (Expr::Term(term), _) => self.term(term, holds),
        }
    }

    fn term(&self, term: &Term, holds: bool) -> Reading {
        let known = match term.field() {
            "environment" => Some(Seen::Text(self.subject.environment.as_str().into())),
            "service" => Some(
                self.subject
                    .service
                    .as_ref()
                    .map_or_else(|| Seen::Texts(Vec::new()), |service| Seen::Text(service.as_str().into())),
            ),
            _ => None,
        };
        if let Some(seen) = known {
            let truth = if holds { term.holds(&seen) } else { !term.holds(&seen) };
            return if truth == Truth::Holds { Reading::Always } else { Reading::Never(Vec::new()) };
        }
        let part = if holds { term.to_string() } else { format!("NOT {term}") };
        let watched = match term.test() {
            Test::Number(number) => self.number(term.field(), number, holds, &part),
            Test::Status(words) => self.status(term.field(), words, holds, &part),
            Test::Text(_) | Test::Deployment(_) | Test::Severity(_) => Err(Gap::Event),
        };
        watched
            .unwrap_or_else(|why| Reading::Never(vec![LeftOut { part, field: term.field().to_owned(), why }]))
    }

    fn number(&self, field: &str, number: &Number, holds: bool, part: &str) -> Result<Reading, Gap> {
        let operator = Operator::of(number.comparison).ok_or(Gap::Equality)?;
        let operator = if holds { operator } else { operator.opposite() };
        let Number { value, unit, .. } = *number;
        let says = Test::Number(Number { comparison: operator.comparison(), value, unit });
        let leaf = self.leaf(field, part, &format!("{field}{says}"), operator, value)?;
        Ok(Reading::Watched(Formula::Leaf(leaf), Vec::new()))
    }

    /// A status as the metric has it: each run of accepted ones from where it begins to where the next one does.
    fn status(&self, field: &str, words: &Words<Health>, holds: bool, part: &str) -> Result<Reading, Gap> {
        let mut runs = Vec::new();
        let mut run: Option<Health> = None;
        for status in Health::ALL {
            match (words.accepts(status) == holds, run) {
                (true, None) => run = Some(*status),
                (false, Some(first)) => {
                    runs.push((first, Some(*status)));
                    run = None;
                }
                _ => {}
            }
        }
        runs.extend(run.map(|first| (first, None)));
        let bound = |operator: Operator, status: Health| {
            let says = format!("{field} {} {status}", operator.comparison());
            self.leaf(field, part, &says, operator, level(status)).map(Formula::Leaf)
        };
        let mut formulas = Vec::new();
        for (first, end) in runs {
            // What is not above the least one is at least that: the metric has no lower value.
            let first = (first > Health::Healthy || end.is_none()).then(|| bound(Operator::AtLeast, first));
            let end = end.map(|end| bound(Operator::Less, end));
            let bounds = first.into_iter().chain(end).collect::<Result<Vec<_>, _>>()?;
            formulas.extend(Formula::all(bounds));
        }
        // Where none is accepted, the source does not matter.
        Ok(Formula::any(formulas)
            .map_or(Reading::Never(Vec::new()), |formula| Reading::Watched(formula, Vec::new())))
    }

    /// An alarm on the metric of a field, compared with a value in the field's unit.
    fn leaf(&self, field: &str, part: &str, says: &str, operator: Operator, value: f64) -> Result<Leaf, Gap> {
        let source = self.sources.get(field).ok_or(Gap::NoSource)?;
        if self.subject.service.is_some() && !source.is_of_services() {
            return Err(Gap::OfEnvironment);
        }
        let dimensions = source.dimensions(self.subject).ok_or(Gap::OfServices)?;
        let tells_apart = source.dimensions.values().any(|value| value.contains(ENVIRONMENT));
        if !tells_apart && self.subject.environment != *self.home {
            return Err(Gap::OfHome);
        }
        let metric = MetricAlarm {
            namespace: source.namespace.clone(),
            metric: source.metric.clone(),
            statistic: source.statistic.clone(),
            dimensions,
            period: source.period,
            operator,
            threshold: value / source.scale,
            missing: source.missing,
            periods: PERIODS,
            datapoints: PERIODS,
        };
        let of = self.subject.service.as_ref().map(|service| format!(" of {service}")).unwrap_or_default();
        Ok(Leaf { metric, part: part.to_owned(), says: format!("{says}{of}") })
    }
}
