//! The language of conditions: what it is like for those who write it is in `conditions.md`.
//!
//! A text and a [`Vocabulary`] make a [`Condition`], held against a [`Picture`] it is a [`Truth`].

mod comparison;
mod error;
mod explain;
mod expr;
mod field;
mod lexer;
mod normal;
mod number;
mod parser;
mod pattern;
mod picture;
#[cfg(test)]
mod tests;
mod word;

use std::collections::BTreeSet;

use rollout::{EnvironmentName, Seconds};

pub use comparison::Comparison;
pub use error::ConditionError;
pub use explain::{Branch, Explanation};
pub use expr::{Aggregate, Expr, Term, Test};
pub use field::{Field, Kind, Vocabulary};
pub use number::{Number, Unit};
pub use pattern::Pattern;
pub use picture::{Picture, Seen, Truth};
pub use word::Words;

use crate::severity::Health;
use error::Mistake;
use explain::Counted;
use parser::Parsed;

/// The longest condition, in characters.
pub const LONGEST: usize = 2_000;

/// A condition, parsed. Two are equal if they mean the same in the same order, however they were written; their Display is
/// the normal form, keywords in upper case and as few parentheses as can be.
#[derive(Clone, Debug)]
pub struct Condition {
    text: String,
    parsed: Parsed,
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.parsed == other.parsed
    }
}

impl Condition {
    /// Reads a condition. A text of at most [`LONGEST`] characters, nested at most 32 deep; so has to be its normal form.
    ///
    /// # Errors
    /// [`ConditionError`], which points at the character.
    pub fn parse(text: &str, vocabulary: &Vocabulary) -> Result<Self, ConditionError> {
        let end = text.char_indices().nth(LONGEST).map(|(end, _)| end);
        if let Some(kept) = end.and_then(|end| text.get(..end)) {
            return Err(too_long(kept, "the condition"));
        }
        let parsed = parser::parse(text, vocabulary).map_err(|mistake| ConditionError::new(text, mistake))?;
        let condition = Self { text: text.to_owned(), parsed };
        // Spaces that were left out count, so that what is printed can be read again.
        if condition.to_string().chars().nth(LONGEST).is_some() {
            return Err(too_long(text, "the condition, with a space on both sides of each comparison,"));
        }
        Ok(condition)
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How long it has to hold before it counts: its `for`.
    pub fn lasting(&self) -> Seconds {
        self.parsed.lasting
    }

    /// How long it has to have ended before that counts: its `clear after`.
    pub fn clear_after(&self) -> Seconds {
        self.parsed.clear_after
    }

    /// What is asked of one subject; `None`, if every subject is counted.
    pub fn expr(&self) -> Option<&Expr> {
        self.parsed.rest.as_ref()
    }

    /// What is asked of all subjects together of which [`expr`](Self::expr) holds. All of it has to hold.
    pub fn aggregates(&self) -> &[Aggregate] {
        &self.parsed.across
    }

    /// Whether it counts over environments.
    pub fn is_across(&self) -> bool {
        !self.parsed.across.is_empty()
    }

    /// The fields that it looks at, those that count over environments among them.
    pub fn fields(&self) -> BTreeSet<&str> {
        let mut fields: BTreeSet<&str> = self.parsed.across.iter().map(Aggregate::field).collect();
        fields.extend(self.expr().map(Expr::terms).unwrap_or_default().into_iter().map(Term::field));
        fields
    }

    /// Whether it may hold of something in an environment, whatever happens there; of a condition over environments, whether
    /// something there may be counted.
    pub fn may_hold_in(&self, environment: &EnvironmentName) -> bool {
        self.holds(&Somewhere(environment)) != Truth::Fails
    }

    /// Whether it holds of one subject; of a condition over environments, whether the subject is one that is counted.
    pub fn holds(&self, picture: &dyn Picture) -> Truth {
        self.expr().map_or(Truth::Holds, |expr| expr.holds(picture))
    }

    /// Whether a condition over environments holds, given the subjects of which [`holds`](Self::holds) says so: the
    /// environment of each and its status, where that is known. Without any there is no worst status, and no comparison
    /// with it holds. A condition that does not count over environments holds if there is any subject.
    pub fn holds_across(&self, counted: &[(EnvironmentName, Option<Health>)]) -> Truth {
        if !self.is_across() {
            return Truth::from(!counted.is_empty());
        }
        let counted = Counted::new(counted);
        Truth::all(self.parsed.across.iter().map(|aggregate| counted.holds(aggregate)))
    }

    /// What of it holds, for a message, with the values that were seen: `status is critical`. Nothing, if it does not hold.
    pub fn because(&self, picture: &dyn Picture) -> String {
        self.expr().map_or_else(String::new, |expr| explain::because(expr, picture))
    }

    /// The same of a condition over environments: `affected_environments is 2 (production, staging)`.
    pub fn because_across(&self, counted: &[(EnvironmentName, Option<Health>)]) -> String {
        Counted::new(counted).because(&self.parsed.across)
    }

    /// What [`holds`](Self::holds) says of each of its parts.
    pub fn explain(&self, picture: &dyn Picture) -> Explanation {
        self.expr().map_or_else(Explanation::everything, |expr| Explanation::of(expr, picture))
    }

    /// What [`holds_across`](Self::holds_across) says of each of its parts; `None`, if it does not count over environments.
    pub fn explain_across(&self, counted: &[(EnvironmentName, Option<Health>)]) -> Option<Explanation> {
        self.is_across().then(|| Explanation::across(&self.parsed.across, &Counted::new(counted)))
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

fn too_long(text: &str, what: &str) -> ConditionError {
    let end = text.len();
    let found = format!("{what} has more than {LONGEST} characters");
    ConditionError::new(text, Mistake::new(&(end..end), found, "write it shorter, or as several rules"))
}
