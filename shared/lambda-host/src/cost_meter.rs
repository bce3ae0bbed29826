//! What being off has saved, as metrics of the environment.
//!
//! `HoursOff` and `Saved` are what the month has come to so far (UTC), written at every tick: a gauge, which a lost or doubled
//! tick does not falsify, as it would a sum of increments. Graph them with the statistic `Maximum`: a line that climbs over the
//! month and ends at what `ace schedule savings` shows; `DIFF` of it with a period of a day is what each day has saved.

use engine::ports::{CostMeter, MonthSoFar};
use jiff::Timestamp;
use rollout::EnvironmentName;

use crate::emf;
use crate::meter::EmfMeter;

impl CostMeter for EmfMeter {
    fn saved(&self, environment: &EnvironmentName, month: &MonthSoFar, now: Timestamp) {
        for line in lines(environment, month, now) {
            emf::emit(line);
        }
    }
}

/// Hours alone, so that they stay one metric when a price list comes; an amount with its currency, without which it is none.
fn lines(environment: &EnvironmentName, month: &MonthSoFar, now: Timestamp) -> Vec<String> {
    let environment = ("environment", environment.as_str());
    let hours = emf::line(now, &[environment], vec![("HoursOff", "None", month.hours.into())]);
    let saved = month.saved.as_ref().map(|(money, currency)| {
        emf::line(now, &[environment, ("currency", currency)], vec![("Saved", "None", money.0.into())])
    });
    std::iter::once(hours).chain(saved).collect()
}

#[cfg(test)]
mod tests {
    use cost::Money;
    use serde_json::json;

    use super::*;
    use crate::emf::tests::assert_specified;

    #[test]
    fn hours_and_what_they_would_have_cost_are_lines_after_the_specification() {
        let now = "2026-01-02T03:04:05.678Z".parse().unwrap();
        let written = |saved| lines(&"staging".parse().unwrap(), &MonthSoFar { hours: 12.5, saved }, now);
        let both = written(Some((Money(3.25), "EUR".to_owned())));
        let [hours, saved] = both.as_slice() else { panic!("{both:?}") };
        let hours = assert_specified(hours);
        assert_eq!((&hours["HoursOff"], &hours["environment"]), (&json!(12.5), &json!("staging")));
        assert_eq!(hours["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["environment"]]));
        assert_eq!(hours["_aws"]["Timestamp"], json!(1_767_323_045_678_i64));
        let saved = assert_specified(saved);
        assert_eq!((&saved["Saved"], &saved["currency"]), (&json!(3.25), &json!("EUR")));
        assert_eq!(saved["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["environment", "currency"]]));
        assert_eq!(written(None).len(), 1, "without a price list");
    }
}
