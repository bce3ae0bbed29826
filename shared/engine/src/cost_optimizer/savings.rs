//! What being off has saved so far.

use cost::{Money, Prices, Record, savings};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::ports::MonthSoFar;

/// What these have saved in the month in which it is now, in UTC. It grows over the month and does not depend on how often it
/// is looked at: a lost or doubled tick changes nothing.
pub(super) fn month_so_far<'a>(
    records: impl IntoIterator<Item = &'a Record>,
    prices: Option<&Prices>,
    now: Timestamp,
) -> MonthSoFar {
    let month = now.to_zoned(TimeZone::UTC).strftime("%Y-%m").to_string();
    let records: Vec<&Record> = records.into_iter().collect();
    // A year of a hundred resources has fewer seconds than a u32 holds, and each is counted for itself.
    let seconds = records.iter().map(|record| record.off_in(&month, now));
    let hours = seconds.map(|off| f64::from(u32::try_from(off).unwrap_or(u32::MAX)) / 3_600.0).sum();
    let saved = prices.map(|prices| {
        let saved = savings(records, prices, &month, now);
        let sum = saved.iter().filter_map(|one| one.saved).map(|Money(money)| money).sum();
        (Money(sum), prices.currency.clone())
    });
    MonthSoFar { hours, saved }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cost::{Arn, Family, Kind, Shape};

    use super::*;

    fn record(name: &str, class: &str) -> Record {
        let mut record = Record::new(Arn(format!("arn:{name}")), Kind::Database, name.to_owned());
        record.shape = Some(Shape::Database { classes: vec![class.to_owned()] });
        record.off.insert("2026-11".to_owned(), 2 * 3_600);
        record
    }

    #[test]
    fn the_month_is_counted_up_to_now_and_what_has_no_price_has_hours_alone() {
        let now: Timestamp = "2026-11-30T18:30:00Z".parse().unwrap();
        let mut first = record("orders", "db.t4g.micro");
        first.off_since = Some("2026-11-30T18:00:00Z".parse().unwrap());
        let records = [first, record("billing", "db.unheard.of")];
        let prices = Prices {
            source: "test".to_owned(),
            date: "2026-11-01".parse().unwrap(),
            region: "eu-west-1".to_owned(),
            currency: "USD".to_owned(),
            hourly: BTreeMap::from([(Family::Rds, BTreeMap::from([("db.t4g.micro".to_owned(), 0.5)]))]),
        };
        let found = month_so_far(&records, Some(&prices), now);
        assert_eq!(found, MonthSoFar { hours: 4.5, saved: Some((Money(1.25), "USD".to_owned())) });
        assert_eq!(month_so_far(&records, None, now).saved, None);
        let next = month_so_far(&records, None, "2026-12-01T00:00:00Z".parse().unwrap());
        assert!(next.hours.abs() < f64::EPSILON, "a new month begins: {next:?}");
    }
}
