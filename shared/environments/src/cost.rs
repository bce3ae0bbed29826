//! What is stopped and started when: the block `cost`.

use std::collections::{BTreeMap, BTreeSet};

use cost::{ENVIRONMENT, Family, Prices, Rules};
use rollout::{EnvironmentName, Seconds};
use schedule::{Plan, Step, WrittenPlan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::invalid::{InvalidConfiguration, Mistakes};
use crate::place::Place;
use crate::span::Span;

/// The longest that somebody's start or stop by hand is left alone: what is longer is an override, with a reason.
const LONGEST_LEASE: Span = Span::of(24 * 3600);

/// What is stopped and started when, valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    written: WrittenCost,
    plan: Plan,
}

/// The same as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Cost")]
pub(crate) struct WrittenCost {
    /// When resources are on.
    pub(crate) schedule: WrittenPlan,
    /// Which services' resources are stopped and started. `elasticache` is not among them unless it is written: a cache is
    /// stopped by being deleted, with a snapshot, and has another endpoint afterwards.
    #[serde(default = "usual_resources")]
    pub(crate) resources: Vec<Family>,
    /// The tags that a resource has to have beside `ace-flow:environment` with the name of this environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    /// The types that an instance may have while AWS has not enough of its own, in the order in which they are tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) other_types: Vec<String>,
    /// How long somebody's start or stop by hand is left alone.
    #[serde(default = "usual_lease")]
    pub(crate) lease: Span,
    /// What things cost. Written in .ace-flow/prices.json, for all environments; what is published has it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prices: Option<Prices>,
}

fn usual_resources() -> Vec<Family> {
    vec![Family::Ec2, Family::Autoscaling, Family::Ecs, Family::Rds]
}

fn usual_lease() -> Span {
    Span::of(4 * 3600)
}

/// Why the block was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCost {
    /// When resources are on.
    #[error(transparent)]
    Plan(#[from] schedule::InvalidPlan),
    /// Production never goes off.
    #[error(
        "{0} is production, whose resources are never stopped: take the block out; where all environments share it, write `cost: null` in this one"
    )]
    Production(String),
    /// It would be another environment's resources.
    #[error(
        "every resource has the tag {0} with the name of its environment: leave it out, and write what else it has to have"
    )]
    OwnTag(String),
    /// They would be production's resources.
    #[error(
        "the tag {tag} says {value}, whose resources are never stopped: write another value, or leave it out"
    )]
    ProductionTag {
        /// Which.
        tag: String,
        /// Its value.
        value: String,
    },
    /// Nothing is stopped.
    #[error(
        "there are no resources: write some of ec2, autoscaling, ecs, rds and elasticache, or take the block out"
    )]
    NoResources,
    /// Something is there twice.
    #[error("{0} is there twice: leave one of the two out")]
    Twice(String),
    /// It is no lease.
    #[error("{0} is no lease: write 5m to 24h; what is longer is an override: ace schedule override")]
    Lease(Span),
    /// It is no price.
    #[error("{0} is no price: write what an hour costs, such as 0.0416")]
    Price(String),
    /// Nobody would know what the prices are worth.
    #[error("`{0}` is empty: write it, people are shown it beside what is saved")]
    Unsaid(&'static str),
}

impl Cost {
    /// As it is written.
    pub(crate) fn into_written(self) -> WrittenCost {
        self.written
    }

    /// When resources are on.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Which resources are stopped and started, in an environment of this name.
    pub fn rules(&self, own: &EnvironmentName) -> Rules {
        let mut tags = self.written.tags.clone();
        tags.insert(ENVIRONMENT.to_owned(), own.to_string());
        Rules { tags, families: self.written.resources.iter().copied().collect() }
    }

    /// How long somebody's start or stop by hand is left alone.
    pub const fn lease(&self) -> Seconds {
        self.written.lease.seconds()
    }

    /// What things cost, as far as it is known: of the services whose resources are stopped.
    pub const fn prices(&self) -> Option<&Prices> {
        self.written.prices.as_ref()
    }

    /// Of which services resources are stopped and started.
    pub fn resources(&self) -> &[Family] {
        &self.written.resources
    }

    /// The types that an instance may have while AWS has not enough of its own.
    pub fn other_types(&self) -> &[String] {
        &self.written.other_types
    }
}

/// Checks the block of an environment of this name.
pub(crate) fn read(written: Option<WrittenCost>, own: &str) -> Result<Option<Cost>, Mistakes> {
    let Some(mut written) = written else { return Ok(None) };
    let all = Place::of(["cost"]);
    let mut wrong = Vec::new();
    let mut refuse =
        |place: Place, source: InvalidCost| wrong.push(InvalidConfiguration::Cost { place, source });
    if cost::is_production(own) {
        refuse(all.clone(), InvalidCost::Production(own.to_owned()));
    }
    if written.resources.is_empty() {
        refuse(all.key("resources"), InvalidCost::NoResources);
    }
    let mut families = BTreeSet::new();
    for (index, family) in written.resources.iter().enumerate() {
        if !families.insert(*family) {
            refuse(all.key("resources").item(index), InvalidCost::Twice(family.to_string()));
        }
    }
    for (tag, value) in &written.tags {
        let place = all.key("tags").key(tag);
        if tag.eq_ignore_ascii_case(ENVIRONMENT) {
            refuse(place, InvalidCost::OwnTag(tag.clone()));
        } else if cost::says_production(tag, value) {
            refuse(place, InvalidCost::ProductionTag { tag: tag.clone(), value: value.clone() });
        }
    }
    let mut types = BTreeSet::new();
    for (index, other) in written.other_types.iter().enumerate() {
        if !types.insert(other) {
            refuse(all.key("other_types").item(index), InvalidCost::Twice(other.clone()));
        }
    }
    if !(Span::of(300)..=LONGEST_LEASE).contains(&written.lease) {
        refuse(all.key("lease"), InvalidCost::Lease(written.lease));
    }
    if let Some(prices) = &mut written.prices {
        let place = all.key("prices");
        check_prices(prices, &place, &mut refuse);
        // A group's machines are those of EC2.
        let grouped = families.contains(&Family::Autoscaling);
        let is_used = |family: &Family| families.contains(family) || (grouped && *family == Family::Ec2);
        prices.hourly.retain(|family, _| is_used(family));
    }
    let plan = match Plan::read(written.schedule.clone()) {
        Ok(plan) => Some(plan),
        Err((first, more)) => {
            for schedule::Mistake { steps, why } in std::iter::once(first).chain(more) {
                let place = steps.into_iter().fold(all.key("schedule"), |place, step| match step {
                    Step::Key(key) => place.key(key),
                    Step::Item(index) => place.item(index),
                });
                refuse(place, why.into());
            }
            None
        }
    };
    Mistakes::none_of(wrong)?;
    Ok(plan.map(|plan| Cost { written, plan }))
}

fn check_prices(prices: &Prices, all: &Place, refuse: &mut impl FnMut(Place, InvalidCost)) {
    for (key, text) in
        [("source", &prices.source), ("region", &prices.region), ("currency", &prices.currency)]
    {
        if text.trim().is_empty() {
            refuse(all.key(key), InvalidCost::Unsaid(key));
        }
    }
    for (family, listed) in &prices.hourly {
        for (name, price) in listed {
            if !(price.is_finite() && *price >= 0.0) {
                let place = all.key("hourly").key(&family.to_string()).key(name);
                refuse(place, InvalidCost::Price(price.to_string()));
            }
        }
    }
}
