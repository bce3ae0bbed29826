//! What being off has saved.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::record::Record;
use crate::resource::{Family, Kind, Shape};

/// A price list with a few common types, for whoever has none: an example, as its source says.
pub const EXAMPLE_PRICES: &str = include_str!("../prices.json");

/// What an hour of things costs, on demand, in one region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Where they are from, for people.
    pub source: String,
    /// Of which day they are.
    #[serde(deserialize_with = "day")]
    #[schemars(with = "String")]
    pub date: Date,
    /// Of which region.
    pub region: String,
    /// Like `USD`.
    pub currency: String,
    /// By service, then by type (`t3.micro`, `db.t3.micro`, `cache.t4g.micro`); of `ecs`, a task of a service, by the
    /// service's name. What `autoscaling` has no price for, `ec2` may.
    pub hourly: BTreeMap<Family, BTreeMap<String, f64>>,
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let text = String::deserialize(deserializer)?;
    let day = text.parse().ok().filter(|_| text.len() == 10);
    day.ok_or_else(|| D::Error::custom(format!("{text:?} is no day: write one like 2026-11-30")))
}

/// An amount of money, in the currency of the price list.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Money(pub f64);

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

/// What one resource has saved in a month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Saved {
    /// What kind.
    pub kind: Kind,
    /// What people call it.
    pub name: String,
    /// How many hours it was off.
    pub hours: f64,
    /// What an hour costs; or what of it has no price.
    pub hourly: Result<Money, String>,
    /// What that comes to, where it has a price.
    pub saved: Option<Money>,
}

impl Prices {
    /// What an hour of a resource costs while it runs: of its machines only, as storage and addresses are paid for while it is
    /// off too.
    ///
    /// # Errors
    /// Which entry the price list lacks.
    pub fn hourly(&self, record: &Record) -> Result<Money, String> {
        let Some(shape) = &record.shape else { return Err("what it is like is not known yet".to_owned()) };
        let family = record.kind.family();
        let listed = |family: Family, of: &str| self.hourly.get(&family).and_then(|prices| prices.get(of));
        let price = |of: &str| {
            // A group's machines cost what any other ones do.
            let machines = || listed(Family::Ec2, of).filter(|_| family == Family::Autoscaling);
            let found = listed(family, of).or_else(machines);
            found.copied().ok_or_else(|| format!("no price for {family} {of}"))
        };
        let money = match shape {
            Shape::Instance { instance_type } => price(instance_type)?,
            Shape::Group { desired, instance_type, .. } => {
                let instance_type = instance_type.as_deref().ok_or("its instances are of several types")?;
                price(instance_type)? * f64::from(*desired)
            }
            Shape::Service { desired, .. } => price(&record.name)? * f64::from(*desired),
            Shape::Database { classes } => {
                classes.iter().map(|class| price(class)).sum::<Result<f64, String>>()?
            }
            Shape::Cache(shape) => {
                price(&shape.node_type)? * f64::from(shape.nodes) * f64::from(shape.shards)
            }
        };
        Ok(Money(money))
    }
}

/// What each resource has saved in a month (`2026-11`, UTC), up to now.
pub fn savings<'a>(
    records: impl IntoIterator<Item = &'a Record>,
    prices: &Prices,
    month: &str,
    now: Timestamp,
) -> Vec<Saved> {
    let saved = records.into_iter().map(|record| {
        // A month has far fewer seconds than a u32 holds.
        let hours = f64::from(u32::try_from(record.off_in(month, now)).unwrap_or(u32::MAX)) / 3_600.0;
        let hourly = prices.hourly(record);
        let saved = hourly.as_ref().ok().map(|hourly| Money(hourly.0 * hours));
        Saved { kind: record.kind, name: record.name.clone(), hours, hourly, saved }
    });
    saved.collect()
}
