//! `ace savings`: how long each resource was off in a month, and what that would have cost.

use std::str::FromStr;

use clap::Args;
use cost::{Money, Prices, Saved, savings as saved_by};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::ScheduleError;
use super::known::{Known, Origin, known};
use super::print;

use crate::Ending;
use crate::arguments::{Output, OutputArgument};
use crate::backend::Where;
use crate::error::AceError;

/// What being off has saved.
#[derive(Debug, Args)]
pub(crate) struct Savings {
    /// The month, in UTC, such as 2026-11; fourteen are remembered [default: this one, up to now]
    #[arg(long, value_name = "MONTH")]
    month: Option<Month>,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    output: OutputArgument,
}

/// A month of UTC: `2026-11`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Month(String);

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_month = text.len() == 7 && format!("{text}-01").parse::<Date>().is_ok();
        if is_month { Ok(Self(text.to_owned())) } else { Err("write a month like 2026-11".to_owned()) }
    }
}

impl Month {
    fn of(now: Timestamp) -> Self {
        Self(now.to_zoned(TimeZone::UTC).strftime("%Y-%m").to_string())
    }
}

pub(crate) async fn savings(arguments: &Savings) -> Result<Ending, AceError> {
    let known = known(&arguments.place, false).await?;
    if known.sight.is_none() {
        let why = match known.from {
            Origin::Files { why } => why,
            Origin::Published { .. } => String::new(),
        };
        return Err(ScheduleError::NoStack { environment: known.environment, why }.into());
    }
    let Month(month) = arguments.month.clone().unwrap_or_else(|| Month::of(known.now));
    let none = none();
    let prices = known.cost.prices().unwrap_or(&none);
    let all = saved_by(known.records(), prices, &month, known.now);
    let (ever, never): (Vec<&Saved>, Vec<&Saved>) = all.iter().partition(|saved| saved.hours > 0.0);
    if arguments.output.output == Output::Json {
        println!("{}", known.source_entry());
        for saved in &all {
            println!("{}", entry(&month, saved));
        }
        println!("{}", total_entry(&month, &all, prices));
        return Ok(Ending::Good);
    }
    println!("savings of {} in {month} (UTC), up to {}", known.environment, known.at(known.now));
    if known.records().is_empty() {
        println!(
            "no resource was seen yet that could be stopped: `ace schedule show` tells which are looked for"
        );
    }
    if !ever.is_empty() {
        print!("{}", table(&ever, prices));
    }
    if !never.is_empty() {
        let names: Vec<String> = never.iter().map(|saved| name(saved)).collect();
        println!("never off: {}", names.join(", "));
    }
    let unpriced = ever.iter().filter(|saved| saved.saved.is_none()).count();
    if unpriced > 0 {
        println!(
            "! resources of which nobody knows what an hour costs, and that are not in the sum: {unpriced}"
        );
    }
    print(&listed(&known, prices));
    Ok(Ending::Good)
}

/// A price list that has nothing: published by an ace that knew of none.
fn none() -> Prices {
    Prices {
        source: String::new(),
        date: Date::ZERO,
        region: String::new(),
        currency: String::new(),
        hourly: std::collections::BTreeMap::new(),
    }
}

fn name(saved: &Saved) -> String {
    format!("{}:{}", saved.kind, saved.name)
}

/// Resources with a sum below them, for people.
fn table(saved: &[&Saved], prices: &Prices) -> String {
    let mut rows =
        vec![[String::from("resource"), "hours off".to_owned(), "an hour".to_owned(), "saved".to_owned()]];
    for one in saved {
        let (hourly, money) = match (&one.hourly, one.saved) {
            (Ok(Money(hourly)), Some(money)) => (format!("{hourly:.4}"), money.to_string()),
            (Ok(Money(hourly)), None) => (format!("{hourly:.4}"), "?".to_owned()),
            (Err(why), _) => (why.clone(), "?".to_owned()),
        };
        rows.push([name(one), format!("{:.1}", one.hours), hourly, money]);
    }
    let (hours, money) = sum(saved.iter().copied());
    rows.push([
        "sum".to_owned(),
        format!("{hours:.1}"),
        String::new(),
        format!("{money} {}", prices.currency),
    ]);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let (name, hours, hourly, money) = (width(0), width(1), width(2), width(3));
    let line = |[a, b, c, d]: &[String; 4]| {
        format!("{a:name$}  {b:>hours$}  {c:>hourly$}  {d:>money$}").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Hours, and the money of whatever has a price.
fn sum<'a>(saved: impl Iterator<Item = &'a Saved>) -> (f64, Money) {
    saved.fold((0.0, Money(0.0)), |(hours, Money(money)), one| {
        (hours + one.hours, Money(money + one.saved.map_or(0.0, |Money(saved)| saved)))
    })
}

/// Where the prices are from.
fn listed(known: &Known, prices: &Prices) -> Vec<String> {
    if prices.source.is_empty() {
        return vec![format!(
            "prices: none are published with this configuration: `ace publish{}` does it",
            known.flags
        )];
    }
    let Prices { source, date, region, currency, .. } = prices;
    let mut lines = vec![format!("prices: {source} ({region}, of {date}, {currency} an hour, on demand)")];
    lines.extend(
        (*region != known.region)
            .then(|| format!("! they are of {region}, and {} is in {}", known.environment, known.region)),
    );
    lines.push(
        "what is stored and addresses are paid for while things are off, too: that is not in here".to_owned(),
    );
    lines
}

fn entry(month: &str, saved: &Saved) -> Value {
    let why = saved.hourly.as_ref().err();
    json!({
        "kind": "saving", "month": month, "resource": name(saved), "hours": saved.hours, "saved": saved.saved,
        "hourly": saved.hourly.as_ref().ok(), "why_not": why,
    })
}

fn total_entry(month: &str, all: &[Saved], prices: &Prices) -> Value {
    let (hours, money) = sum(all.iter());
    let unpriced = all.iter().filter(|saved| saved.saved.is_none() && saved.hours > 0.0).count();
    let Prices { source, date, region, currency, .. } = prices;
    json!({
        "kind": "savings", "month": month, "hours": hours, "saved": money, "without_price": unpriced,
        "prices": { "source": source, "date": date, "region": region, "currency": currency },
    })
}

#[cfg(test)]
mod tests {
    use cost::Kind;

    use super::*;

    fn saved(name: &str, hours: f64, hourly: Result<f64, &str>) -> Saved {
        let hourly = hourly.map(Money).map_err(str::to_owned);
        let saved = hourly.as_ref().ok().map(|Money(hourly)| Money(hourly * hours));
        Saved { kind: Kind::Database, name: name.to_owned(), hours, hourly, saved }
    }

    #[test]
    fn what_has_no_price_says_so_and_is_not_in_the_sum() {
        let all = [saved("orders", 120.0, Ok(0.016)), saved("billing", 7.25, Err("no price for rds db.x9"))];
        let prices = Prices { currency: "USD".to_owned(), ..none() };
        let told = table(&all.iter().collect::<Vec<_>>(), &prices);
        assert_eq!(
            told,
            "resource     hours off                 an hour     saved\n\
             rds:orders       120.0                  0.0160      1.92\n\
             rds:billing        7.2  no price for rds db.x9         ?\n\
             sum              127.2                          1.92 USD\n"
        );
    }

    #[test]
    fn a_month_is_a_month() {
        assert_eq!("2026-11".parse(), Ok(Month("2026-11".to_owned())));
        for text in ["2026-13", "2026", "2026-11-01", "november", "2026-1"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
