//! The rules of a Choice.

use serde_json::{Number, Value};

use crate::choice::{Numeric, Rule, Test};
use crate::definition_error::{DefinitionError, Place};
use crate::fields::{Fields, expected};
use crate::machine::Branch;

const OPERATORS: [&str; 8] = [
    "StringEquals",
    "BooleanEquals",
    "NumericEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "IsPresent",
];

/// A top-level rule, which alone has a `Next`.
pub(super) fn branch(place: Place, value: Value) -> Result<Branch, DefinitionError> {
    let mut fields = Fields::open(place, value)?;
    fields.text("Comment")?;
    let next = fields.require_text("Next")?;
    let rule = rule(&mut fields)?;
    fields.finish()?;
    Ok(Branch { rule, next })
}

fn nested(place: Place, value: Value) -> Result<Rule, DefinitionError> {
    let mut fields = Fields::open(place, value)?;
    let rule = rule(&mut fields)?;
    fields.finish()?;
    Ok(rule)
}

fn rule(fields: &mut Fields) -> Result<Rule, DefinitionError> {
    fields.at_most_one(&["And", "Or", "Not", "Variable"])?;
    if fields.has("And") {
        return operands(fields, "And").map(Rule::And);
    }
    if fields.has("Or") {
        return operands(fields, "Or").map(Rule::Or);
    }
    if fields.has("Not") {
        let place = fields.at("Not");
        let operand = fields.require("Not")?;
        return nested(place, operand).map(|rule| Rule::Not(Box::new(rule)));
    }
    let Some(variable) = fields.path("Variable")? else {
        return Err(DefinitionError::Missing { place: fields.at("Variable") });
    };
    fields.at_most_one(&OPERATORS)?;
    let test = test(fields)?;
    Ok(Rule::Test { variable, test })
}

fn operands(fields: &mut Fields, field: &str) -> Result<Vec<Rule>, DefinitionError> {
    let place = fields.at(field);
    let operands = fields.require_list(field)?;
    operands.into_iter().enumerate().map(|(index, operand)| nested(place.element(index), operand)).collect()
}

fn test(fields: &mut Fields) -> Result<Test, DefinitionError> {
    if let Some(text) = fields.text("StringEquals")? {
        return Ok(Test::StringEquals(text));
    }
    if let Some(flag) = fields.flag("BooleanEquals")? {
        return Ok(Test::BooleanEquals(flag));
    }
    if let Some(flag) = fields.flag("IsPresent")? {
        return Ok(Test::IsPresent(flag));
    }
    for (field, holds) in [
        ("NumericEquals", Numeric::Equals),
        ("NumericGreaterThan", Numeric::Greater),
        ("NumericGreaterThanEquals", Numeric::GreaterOrEquals),
        ("NumericLessThan", Numeric::Less),
        ("NumericLessThanEquals", Numeric::LessOrEquals),
    ] {
        if let Some(bound) = number(fields, field)? {
            return Ok(Test::Numeric { holds, bound });
        }
    }
    Err(expected(fields.at("Variable"), &format!("one of {} beside it", OPERATORS.join(", "))))
}

fn number(fields: &mut Fields, field: &str) -> Result<Option<Number>, DefinitionError> {
    match fields.take(field)? {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number)),
        Some(_) => Err(expected(fields.at(field), "a number")),
    }
}
