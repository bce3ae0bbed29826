//! Conditions in their normal form: keywords in upper case, as few parentheses as can be.

use std::fmt;

use rollout::Seconds;

use super::Condition;
use super::comparison::Comparison;
use super::expr::{Aggregate, Expr, Term, Test};
use super::number::Unit;
use super::word::{Word, Words};

impl fmt::Display for Condition {
    /// In normal form, which reads as an equal condition.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut and = "";
        match &self.parsed.rest {
            Some(rest @ Expr::Any(_)) if !self.parsed.across.is_empty() => write!(f, "({rest})")?,
            Some(rest) => rest.fmt(f)?,
            None => {}
        }
        if self.parsed.rest.is_some() {
            and = " AND ";
        }
        for aggregate in &self.parsed.across {
            write!(f, "{and}{aggregate}")?;
            and = " AND ";
        }
        for (keyword, span) in [("FOR", self.parsed.lasting), ("CLEAR AFTER", self.parsed.clear_after)] {
            if span > Seconds(0) {
                write!(f, " {keyword} {}", Unit::Milliseconds.write(f64::from(span.0) * 1_000.0))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, joint) = match self {
            Self::All(parts) => (parts, " AND "),
            Self::Any(parts) => (parts, " OR "),
            Self::Not(part) if matches!(**part, Self::All(_) | Self::Any(_)) => {
                return write!(f, "NOT ({part})");
            }
            Self::Not(part) => return write!(f, "NOT {part}"),
            Self::Term(term) => return term.fmt(f),
        };
        for (place, part) in parts.iter().enumerate() {
            if place > 0 {
                f.write_str(joint)?;
            }
            match (self, part) {
                (Self::All(_), Self::Any(_)) => write!(f, "({part})")?,
                _ => part.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.field(), self.test())
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AffectedEnvironments { comparison, environments } => {
                write!(f, "{} {comparison} {}", self.field(), Unit::One.write(f64::from(*environments)))
            }
            Self::WorstStatus(words) => {
                f.write_str(self.field())?;
                compared(words, f)
            }
        }
    }
}

impl fmt::Display for Test {
    /// With the operator.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(patterns) => {
                f.write_str(":")?;
                listed(patterns.iter(), f)
            }
            Self::Status(words) => compared(words, f),
            Self::Deployment(words) => compared(words, f),
            Self::Severity(words) => compared(words, f),
            Self::Number(number) => write!(f, " {} {}", number.comparison, number.unit.write(number.value)),
        }
    }
}

fn compared<T: Word>(words: &Words<T>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match words.comparison() {
        Comparison::Equal => f.write_str(":")?,
        comparison => write!(f, " {comparison} ")?,
    }
    listed(words.written().iter().map(|word| word.as_str()), f)
}

/// One value, or several in parentheses.
fn listed<T: fmt::Display>(
    values: impl ExactSizeIterator<Item = T>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let (begin, end) = if values.len() == 1 { ("", "") } else { ("(", ")") };
    f.write_str(begin)?;
    for (place, value) in values.enumerate() {
        write!(f, "{}{value}", if place > 0 { ", " } else { "" })?;
    }
    f.write_str(end)
}
