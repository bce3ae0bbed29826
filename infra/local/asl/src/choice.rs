//! The rules of a Choice.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::path::ValuePath;
use crate::ports::TaskError;
use crate::template::Context;

/// A boolean expression over the input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rule {
    And(Vec<Rule>),
    Or(Vec<Rule>),
    Not(Box<Rule>),
    Test { variable: ValuePath, test: Test },
}

/// What is asked of one value. A value of another type than the test's makes it false.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    StringEquals(String),
    BooleanEquals(bool),
    Numeric { holds: Numeric, bound: Number },
    IsPresent(bool),
}

/// How the value has to stand to the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numeric {
    Equals,
    Greater,
    GreaterOrEquals,
    Less,
    LessOrEquals,
}

impl Numeric {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equals => ordering.is_eq(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEquals => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEquals => ordering.is_le(),
        }
    }
}

impl Rule {
    /// Whether the rule holds. `And` and `Or` stop at the first operand that decides, so
    /// `IsPresent` can guard.
    ///
    /// # Errors
    /// `States.Runtime` when a variable selects nothing in a test other than `IsPresent`.
    pub(crate) fn holds(&self, input: &Value, context: &Context<'_>) -> Result<bool, TaskError> {
        match self {
            Self::And(rules) => {
                for rule in rules {
                    if !rule.holds(input, context)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(rules) => {
                for rule in rules {
                    if rule.holds(input, context)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(rule) => rule.holds(input, context).map(|holds| !holds),
            Self::Test { variable, test: Test::IsPresent(wanted) } => {
                Ok(variable.find(input, context).is_some() == *wanted)
            }
            Self::Test { variable, test } => {
                let value = variable.read("Variable", input, context)?;
                Ok(test.holds(&value))
            }
        }
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::StringEquals(wanted), Value::String(found)) => wanted == found,
            (Self::BooleanEquals(wanted), Value::Bool(found)) => wanted == found,
            (Self::Numeric { holds, bound }, Value::Number(found)) => {
                compare(found, bound).is_some_and(|ordering| holds.holds(ordering))
            }
            _ => false,
        }
    }
}

fn compare(left: &Number, right: &Number) -> Option<Ordering> {
    // Whole numbers beyond 2^53 would be rounded as f64.
    if let (Some(left), Some(right)) = (left.as_i128(), right.as_i128()) {
        return Some(left.cmp(&right));
    }
    left.as_f64()?.partial_cmp(&right.as_f64()?)
}
