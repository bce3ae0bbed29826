//! Why a condition holds, and why it does not.

use std::collections::BTreeSet;
use std::fmt;

use rollout::EnvironmentName;

use crate::severity::Health;

use super::expr::{Aggregate, Expr, Term, Test, Worst};
use super::pattern::Pattern;
use super::picture::{Picture, Seen, Truth};

/// What became of a condition and of each of its parts. Its Display is an indented list, `✓` before what holds, `✗` before
/// what fails, `?` before what nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What it is made of.
    pub branch: Branch,
    /// The condition, or the part of it, in normal form.
    pub expression: String,
    /// Whether it holds.
    pub truth: Truth,
    /// What was seen, of a term of which something is known.
    pub seen: Option<String>,
    /// Its parts.
    pub parts: Vec<Explanation>,
}

/// What a part of a condition is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// Parts that all have to hold.
    All,
    /// Parts of which one has to hold.
    Any,
    /// A part that must not hold.
    Not,
    /// A field, and what is asked of it.
    Term,
    /// Nothing: it holds of everything.
    Everything,
}

impl Explanation {
    fn joint(branch: Branch, expression: String, parts: Vec<Self>) -> Self {
        let truths = parts.iter().map(|part| part.truth);
        let truth = match branch {
            Branch::Any => Truth::any(truths),
            Branch::Not => !Truth::all(truths),
            Branch::All | Branch::Term | Branch::Everything => Truth::all(truths),
        };
        Self { branch, expression, truth, seen: None, parts }
    }

    /// What holds of everything.
    pub(super) fn everything() -> Self {
        Self::joint(Branch::Everything, String::new(), Vec::new())
    }

    pub(super) fn of(expr: &Expr, picture: &dyn Picture) -> Self {
        let each = |parts: &[Expr]| parts.iter().map(|part| Self::of(part, picture)).collect();
        let (branch, parts) = match expr {
            Expr::All(parts) => (Branch::All, each(parts)),
            Expr::Any(parts) => (Branch::Any, each(parts)),
            Expr::Not(part) => (Branch::Not, vec![Self::of(part, picture)]),
            Expr::Term(term) => {
                let seen = picture.see(term.field());
                return Self {
                    branch: Branch::Term,
                    expression: term.to_string(),
                    truth: term.holds(&seen),
                    seen: shown(term.test(), &seen),
                    parts: Vec::new(),
                };
            }
        };
        Self::joint(branch, expr.to_string(), parts)
    }

    pub(super) fn across(aggregates: &[Aggregate], counted: &Counted<'_>) -> Self {
        let of = |aggregate: &Aggregate| Self {
            branch: Branch::Term,
            expression: aggregate.to_string(),
            truth: counted.holds(aggregate),
            seen: counted.shown(aggregate),
            parts: Vec::new(),
        };
        match aggregates {
            [only] => of(only),
            several => {
                let expression: Vec<_> = several.iter().map(Aggregate::to_string).collect();
                Self::joint(Branch::All, expression.join(" AND "), several.iter().map(of).collect())
            }
        }
    }

    fn indented(&self, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.truth {
            Truth::Holds => '✓',
            Truth::Fails => '✗',
            Truth::Unknown => '?',
        };
        if depth > 0 {
            f.write_str("\n")?;
        }
        write!(f, "{:indent$}{mark} ", "", indent = 2 * depth)?;
        match (self.branch, &self.seen) {
            (Branch::All, _) => f.write_str("all of")?,
            (Branch::Any, _) => f.write_str("any of")?,
            (Branch::Not, _) => f.write_str("not")?,
            (Branch::Everything, _) => f.write_str("everything")?,
            (Branch::Term, Some(seen)) => write!(f, "{} ({seen})", self.expression)?,
            (Branch::Term, None) => write!(f, "{} (not known)", self.expression)?,
        }
        self.parts.iter().try_for_each(|part| part.indented(depth + 1, f))
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.indented(0, f)
    }
}

/// What was seen, if anything was that is of use.
fn shown(test: &Test, seen: &Seen<'_>) -> Option<String> {
    match (seen, test) {
        (Seen::Unknown, _) => None,
        (Seen::Text(word), _) => Some(word.to_string()),
        (Seen::Texts(texts), _) if texts.is_empty() => Some("none".to_owned()),
        (Seen::Texts(texts), _) => Some(texts.join(", ")),
        (Seen::Number(value), Test::Number(number)) => Some(number.unit.show(*value)),
        (Seen::Number(value), _) => Some(value.to_string()),
    }
}

/// The terms that make it hold, each with what was seen; nothing, if it does not hold.
pub(super) fn because(expr: &Expr, picture: &dyn Picture) -> String {
    let mut told = BTreeSet::new();
    let reasons = witnesses(expr, picture)
        .into_iter()
        .filter_map(|(term, truth)| reason(term, truth, &picture.see(term.field())))
        .filter(|reason| told.insert(reason.clone()));
    reasons.collect::<Vec<_>>().join(", ")
}

/// The terms by which it holds, with what they are themselves; none, if it does not hold.
pub(super) fn witnesses<'e>(expr: &'e Expr, picture: &dyn Picture) -> Vec<(&'e Term, Truth)> {
    let mut witnesses = Vec::new();
    if expr.holds(picture) == Truth::Holds {
        gather(expr, Truth::Holds, picture, &mut witnesses);
    }
    witnesses
}

/// The terms by which an expression is what it is said to be: of an AND that fails and of an OR that holds, those that do.
fn gather<'e>(expr: &'e Expr, truth: Truth, picture: &dyn Picture, witnesses: &mut Vec<(&'e Term, Truth)>) {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => {
            let of_that = parts.iter().filter(|part| part.holds(picture) == truth);
            of_that.for_each(|part| gather(part, truth, picture, witnesses));
        }
        Expr::Not(part) => gather(part, !truth, picture, witnesses),
        Expr::Term(term) => witnesses.push((term, truth)),
    }
}

/// What was seen of a term that holds, or fails.
fn reason(term: &Term, truth: Truth, seen: &Seen<'_>) -> Option<String> {
    let (field, test) = (term.field(), term.test());
    match (seen, test, truth) {
        (Seen::Texts(_), Test::Text(patterns), Truth::Fails) => {
            let asked: Vec<_> = patterns.iter().map(Pattern::to_string).collect();
            Some(format!("no {field} is {}", asked.join(" or ")))
        }
        (Seen::Texts(texts), _, Truth::Holds) => {
            let matching = texts.iter().filter(|text| test.holds_of(text) == Truth::Holds);
            Some(format!("{field} is {}", several(&matching.map(|text| &**text).collect::<Vec<_>>())))
        }
        _ => shown(test, seen).map(|seen| format!("{field} is {seen}")),
    }
}

/// Several names, but not too many.
fn several(names: &[&str]) -> String {
    const SHOWN: usize = 3;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names.get(..SHOWN).unwrap_or(names).join(" and ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// The subjects that are counted: the environment of each, and its status, where that is known.
pub(super) struct Counted<'a> {
    subjects: &'a [(EnvironmentName, Option<Health>)],
    environments: BTreeSet<&'a str>,
}

impl<'a> Counted<'a> {
    pub(super) fn new(subjects: &'a [(EnvironmentName, Option<Health>)]) -> Self {
        Self {
            subjects,
            environments: subjects.iter().map(|(environment, _)| environment.as_str()).collect(),
        }
    }

    fn statuses(&self) -> impl Iterator<Item = Option<Health>> {
        self.subjects.iter().map(|(_, status)| *status)
    }

    pub(super) fn holds(&self, aggregate: &Aggregate) -> Truth {
        aggregate.holds(self.environments.len(), self.statuses())
    }

    fn names(&self) -> String {
        self.environments.iter().copied().collect::<Vec<_>>().join(", ")
    }

    fn shown(&self, aggregate: &Aggregate) -> Option<String> {
        match aggregate {
            Aggregate::AffectedEnvironments { .. } if self.environments.is_empty() => Some("0".to_owned()),
            Aggregate::AffectedEnvironments { .. } => {
                Some(format!("{}: {}", self.environments.len(), self.names()))
            }
            Aggregate::WorstStatus(_) => match Worst::of(self.statuses()) {
                Worst::None => Some("none".to_owned()),
                Worst::Is(worst) => Some(worst.to_string()),
                Worst::AtLeast(Health::Healthy) => None,
                Worst::AtLeast(worst) => Some(format!("{worst} or worse")),
            },
        }
    }

    /// What makes these hold; nothing, if they do not.
    pub(super) fn because(&self, aggregates: &[Aggregate]) -> String {
        if Truth::all(aggregates.iter().map(|aggregate| self.holds(aggregate))) != Truth::Holds {
            return String::new();
        }
        let reasons = aggregates.iter().filter_map(|aggregate| {
            let seen = match aggregate {
                Aggregate::AffectedEnvironments { .. } if !self.environments.is_empty() => {
                    Some(format!("{} ({})", self.environments.len(), self.names()))
                }
                _ => self.shown(aggregate),
            };
            seen.map(|seen| format!("{} is {seen}", aggregate.field()))
        });
        let mut told = BTreeSet::new();
        reasons.filter(|reason| told.insert(reason.clone())).collect::<Vec<_>>().join(", ")
    }
}
