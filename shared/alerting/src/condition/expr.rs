//! A condition as a tree, and whether it holds.

use crate::severity::{Deployment, Health, Severity};

use super::comparison::Comparison;
use super::field::{AFFECTED, WORST};
use super::number::Number;
use super::pattern::Pattern;
use super::picture::{Picture, Seen, Truth};
use super::word::{Words, accepts};

/// A condition of one subject. What is parsed has two parts or more in [`All`](Self::All) and [`Any`](Self::Any), and no
/// part of the same sort.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// AND.
    All(Vec<Expr>),
    /// OR.
    Any(Vec<Expr>),
    /// NOT.
    Not(Box<Expr>),
    /// A field, and what is asked of it.
    Term(Term),
}

/// A field, and what is asked of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    field: String,
    test: Test,
}

/// What is asked of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// To match one of these.
    Text(Vec<Pattern>),
    /// To be such a status.
    Status(Words<Health>),
    /// To be in such a state.
    Deployment(Words<Deployment>),
    /// To matter so much.
    Severity(Words<Severity>),
    /// To stand so to a number.
    Number(Number),
}

/// What is asked of all subjects together of which the rest of a condition holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Aggregate {
    /// In how many environments they are.
    AffectedEnvironments {
        /// How it is compared
        comparison: Comparison,
        /// with so many.
        environments: u32,
    },
    /// The worst status among them.
    WorstStatus(Words<Health>),
}

impl Expr {
    /// All of these; the only one, if there is one.
    pub(super) fn all(parts: Vec<Self>) -> Self {
        let flat = parts.into_iter().flat_map(|part| match part {
            Self::All(parts) => parts,
            part => vec![part],
        });
        Self::only(flat.collect()).unwrap_or_else(Self::All)
    }

    /// Any of these; the only one, if there is one.
    pub(super) fn any(parts: Vec<Self>) -> Self {
        let flat = parts.into_iter().flat_map(|part| match part {
            Self::Any(parts) => parts,
            part => vec![part],
        });
        Self::only(flat.collect()).unwrap_or_else(Self::Any)
    }

    fn only(mut parts: Vec<Self>) -> Result<Self, Vec<Self>> {
        match (parts.len(), parts.pop()) {
            (1, Some(only)) => Ok(only),
            (_, last) => {
                parts.extend(last);
                Err(parts)
            }
        }
    }

    /// Whether it holds.
    pub fn holds(&self, picture: &dyn Picture) -> Truth {
        match self {
            Self::All(parts) => Truth::all(parts.iter().map(|part| part.holds(picture))),
            Self::Any(parts) => Truth::any(parts.iter().map(|part| part.holds(picture))),
            Self::Not(part) => !part.holds(picture),
            Self::Term(term) => term.holds(&picture.see(&term.field)),
        }
    }

    /// Its terms, in the order in which they are written.
    pub fn terms(&self) -> Vec<&Term> {
        let mut terms = Vec::new();
        self.collect(&mut terms);
        terms
    }

    fn collect<'e>(&'e self, terms: &mut Vec<&'e Term>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.collect(terms)),
            Self::Not(part) => part.collect(terms),
            Self::Term(term) => terms.push(term),
        }
    }
}

impl Term {
    pub(super) const fn new(field: String, test: Test) -> Self {
        Self { field, test }
    }

    /// The field.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is asked of it.
    pub const fn test(&self) -> &Test {
        &self.test
    }

    /// Whether it holds of what is seen of its field. What is of another kind than the field says nothing.
    pub fn holds(&self, seen: &Seen<'_>) -> Truth {
        match seen {
            Seen::Unknown => Truth::Unknown,
            Seen::Text(text) => self.test.holds_of(text),
            Seen::Texts(texts) => Truth::any(texts.iter().map(|text| self.test.holds_of(text))),
            Seen::Number(seen) => match &self.test {
                Test::Number(number) => seen
                    .partial_cmp(&number.value)
                    .map_or(Truth::Unknown, |seen| number.comparison.holds(seen).into()),
                _ => Truth::Unknown,
            },
        }
    }
}

impl Test {
    /// Whether it holds of a text.
    pub(super) fn holds_of(&self, text: &str) -> Truth {
        let accepted = match self {
            Self::Text(patterns) => Some(patterns.iter().any(|pattern| pattern.matches(text))),
            Self::Status(words) => accepts(words, text),
            Self::Deployment(words) => accepts(words, text),
            Self::Severity(words) => accepts(words, text),
            Self::Number(_) => None,
        };
        accepted.map_or(Truth::Unknown, Truth::from)
    }
}

impl Aggregate {
    /// Its field.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::AffectedEnvironments { .. } => AFFECTED,
            Self::WorstStatus(_) => WORST,
        }
    }

    /// Whether it holds of subjects that are in so many environments and have these statuses, where they are known.
    pub(super) fn holds(&self, environments: usize, statuses: impl Iterator<Item = Option<Health>>) -> Truth {
        match self {
            Self::AffectedEnvironments { comparison, environments: asked } => {
                let asked = usize::try_from(*asked).unwrap_or(usize::MAX);
                comparison.holds(environments.cmp(&asked)).into()
            }
            Self::WorstStatus(words) => match Worst::of(statuses) {
                Worst::None => Truth::Fails,
                Worst::Is(worst) => words.accepts(&worst).into(),
                Worst::AtLeast(least) => {
                    let mut possible = Health::ALL.iter().filter(|status| **status >= least).peekable();
                    let first = possible.peek().is_some_and(|status| words.accepts(status));
                    let are_alike = possible.all(|status| words.accepts(status) == first);
                    if are_alike { first.into() } else { Truth::Unknown }
                }
            },
        }
    }
}

/// The worst status of some subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worst {
    /// There is no subject.
    None,
    Is(Health),
    /// The status of some subjects is not known: it may be worse.
    AtLeast(Health),
}

impl Worst {
    pub(super) fn of(statuses: impl Iterator<Item = Option<Health>>) -> Self {
        statuses.fold(Self::None, |worst, status| match (worst, status) {
            (Self::None, Some(status)) => Self::Is(status),
            (Self::None, None) => Self::AtLeast(Health::Healthy),
            (Self::Is(worst), Some(status)) => Self::Is(worst.max(status)),
            (Self::Is(worst), None) => Self::AtLeast(worst),
            (Self::AtLeast(worst), status) => Self::AtLeast(status.map_or(worst, |status| worst.max(status))),
        })
    }
}
