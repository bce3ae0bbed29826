use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::Colour;

/// Where one of the policy's further metrics comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Each minute's value.
    Values(Series),
    /// Events among things that could have been one.
    Counts {
        /// The events. A minute without a value had none, where there was something that could have been one.
        events: Series,
        /// Of how many; without it, of the load balancer's requests.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<Series>,
    },
}

/// A metric of CloudWatch that each colour has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// Its namespace, like `Shop/Checkout`.
    pub namespace: String,
    /// Its name.
    pub metric: String,
    /// What is taken of the values of a minute: `Sum`, `Average`, `p99`, or any other statistic of CloudWatch.
    pub statistic: String,
    /// Its dimensions, but for the one that tells the colours apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
    /// The dimension that tells the colours apart.
    pub arm: ArmDimension,
}

/// The dimension that tells the colours apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArmDimension {
    /// Its name.
    pub dimension: String,
    /// What it says.
    #[serde(default)]
    pub value: ArmValue,
}

/// What the dimension of a colour says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArmValue {
    /// `blue` or `green`.
    #[default]
    Colour,
    /// The end of the target group's ARN, from `targetgroup/` on, as the load balancer's own metrics have it.
    TargetGroup,
    /// A text for each colour.
    Named {
        /// That of blue.
        blue: String,
        /// That of green.
        green: String,
    },
}

impl ArmValue {
    /// What it says of a colour whose target group is `target_group`, as the load balancer's metrics have it.
    pub fn of(&self, colour: Colour, target_group: &str) -> String {
        match (self, colour) {
            (Self::Colour, _) => colour.to_string(),
            (Self::TargetGroup, _) => target_group.to_owned(),
            (Self::Named { blue, .. }, Colour::Blue) => blue.clone(),
            (Self::Named { green, .. }, Colour::Green) => green.clone(),
        }
    }
}
