//! `Retry` and `Catch`.

use serde_json::Value;

use crate::definition_error::{DefinitionError, Place};
use crate::fields::{Fields, MAX_SECONDS, expected};
use crate::path::RefPath;
use crate::recovery::{Catcher, ErrorName, Retrier};

/// The first delay that `MaxDelaySeconds` does not take (Step Functions developer guide).
const MAX_DELAY: u64 = 31_622_400;

pub(super) fn retry(fields: &mut Fields) -> Result<Vec<Retrier>, DefinitionError> {
    entries(fields, "Retry", |fields, errors| {
        let interval = fields.seconds("IntervalSeconds", 1)?.unwrap_or(std::time::Duration::from_secs(1));
        let max_attempts = fields.whole("MaxAttempts", 0, MAX_SECONDS)?.unwrap_or(3);
        let backoff_rate = backoff_rate(fields)?;
        let max_delay =
            fields.whole("MaxDelaySeconds", 1, MAX_DELAY - 1)?.map(std::time::Duration::from_secs);
        let full_jitter = match fields.text("JitterStrategy")?.as_deref() {
            None | Some("NONE") => false,
            Some("FULL") => true,
            Some(_) => return Err(expected(fields.at("JitterStrategy"), "FULL or NONE")),
        };
        Ok(Retrier { errors, interval, max_attempts, backoff_rate, max_delay, full_jitter })
    })
}

pub(super) fn catch(fields: &mut Fields) -> Result<Vec<Catcher>, DefinitionError> {
    entries(fields, "Catch", |fields, errors| {
        let next = fields.require_text("Next")?;
        let result_path = fields.reference("ResultPath")?.unwrap_or(RefPath::root());
        Ok(Catcher { errors, next, result_path })
    })
}

fn backoff_rate(fields: &mut Fields) -> Result<f64, DefinitionError> {
    let Some(value) = fields.take("BackoffRate")? else { return Ok(2.0) };
    let rate = value.as_f64().filter(|rate| *rate >= 1.0);
    rate.ok_or_else(|| expected(fields.at("BackoffRate"), "a number of at least 1"))
}

fn entries<T>(
    fields: &mut Fields,
    field: &str,
    read: impl Fn(&mut Fields, Vec<ErrorName>) -> Result<T, DefinitionError>,
) -> Result<Vec<T>, DefinitionError> {
    let elements = fields.list(field)?.unwrap_or_default();
    let last = elements.len().saturating_sub(1);
    let place = fields.at(field);
    let mut entries = Vec::with_capacity(elements.len());
    for (index, element) in elements.into_iter().enumerate() {
        let mut fields = Fields::open(place.element(index), element)?;
        fields.text("Comment")?;
        let names_place = fields.at("ErrorEquals");
        let errors = error_names(&fields.require_list("ErrorEquals")?, &names_place)?;
        if errors.contains(&ErrorName::All) && (errors.len() > 1 || index != last) {
            return Err(DefinitionError::AllNotLast { place: names_place });
        }
        entries.push(read(&mut fields, errors)?);
        fields.finish()?;
    }
    Ok(entries)
}

fn error_names(names: &[Value], place: &Place) -> Result<Vec<ErrorName>, DefinitionError> {
    let read = |(index, name): (usize, &Value)| {
        let place = place.element(index);
        let Some(name) = name.as_str() else { return Err(expected(place, "an error name")) };
        ErrorName::parse(name).ok_or_else(|| DefinitionError::NeverMatches { place, found: name.to_owned() })
    };
    names.iter().enumerate().map(read).collect()
}
