//! What can be stopped, and what is seen of it.

use std::collections::BTreeMap;
use std::fmt;

use rollout::Seconds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A resource, by its ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Arn(pub String);

impl Arn {
    /// The ARN as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! kinds {
    ($($(#[$about:meta])* $variant:ident = $text:literal, $family:ident, $tier:ident, $usual:literal, $shown:literal,)+) => {
        /// What kind of resource it is.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        pub enum Kind {
            $($(#[$about])* #[serde(rename = $text)] $variant,)+
        }

        impl Kind {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As it is written.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// What depends on it, and on what it depends.
            pub const fn tier(self) -> Tier {
                match self { $(Self::$variant => Tier::$tier,)+ }
            }

            /// Which service it is of.
            pub const fn family(self) -> Family {
                match self { $(Self::$variant => Family::$family,)+ }
            }

            /// How long it takes to start as long as that was not seen often enough.
            pub const fn usual_start(self) -> Seconds {
                match self { $(Self::$variant => Seconds($usual),)+ }
            }

            /// As people call it.
            pub const fn shown(self) -> &'static str {
                match self { $(Self::$variant => $shown,)+ }
            }

            /// All of them, for a person who wrote another one.
            pub fn known() -> String {
                Self::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")
            }

            /// Where AWS tells what keeps it from starting or stopping.
            pub const fn tells(self) -> &'static str {
                match self {
                    Self::Instance => "its state transition reason and its status checks",
                    Self::Group => "the activity of the group",
                    Self::Service => "the events of the service",
                    Self::Database | Self::Cluster => "the events of RDS",
                    Self::Cache => "the events of ElastiCache",
                }
            }

            /// Whether it takes orders on its way up or down: what is a number can be another number at any time.
            pub const fn turns_round(self) -> bool {
                matches!(self, Self::Group | Self::Service)
            }
        }
    };
}

kinds! {
    /// An EC2 instance outside of any Auto Scaling group.
    Instance = "ec2", Ec2, Compute, 120, "EC2 instance",
    /// An EC2 Auto Scaling group.
    Group = "autoscaling", Autoscaling, Compute, 240, "Auto Scaling group",
    /// An ECS service.
    Service = "ecs", Ecs, Compute, 180, "ECS service",
    /// An RDS instance outside of any cluster.
    Database = "rds", Rds, Database, 600, "RDS instance",
    /// An Aurora cluster, or another cluster of RDS.
    Cluster = "rds-cluster", Rds, Database, 600, "RDS cluster",
    /// An ElastiCache replication group or cluster.
    Cache = "elasticache", Elasticache, Cache, 900, "ElastiCache cluster",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A service of AWS, as `cost.resources` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// EC2 instances outside of Auto Scaling groups.
    Ec2,
    /// EC2 Auto Scaling groups.
    Autoscaling,
    /// ECS services.
    Ecs,
    /// RDS instances and clusters.
    Rds,
    /// ElastiCache.
    Elasticache,
}

impl Family {
    /// The tiers in which its resources are.
    pub fn tiers(self) -> impl Iterator<Item = Tier> {
        Kind::ALL.iter().filter(move |kind| kind.family() == self).map(|kind| kind.tier())
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ec2 => "ec2",
            Self::Autoscaling => "autoscaling",
            Self::Ecs => "ecs",
            Self::Rds => "rds",
            Self::Elasticache => "elasticache",
        })
    }
}

/// What depends on what: each tier on those before it. They start in this order and stop in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Databases.
    Database,
    /// Caches.
    Cache,
    /// Whatever computes.
    Compute,
}

impl Tier {
    /// Every one, in the order in which they start.
    pub const ALL: [Self; 3] = [Self::Database, Self::Cache, Self::Compute];

    /// As people call it.
    pub const fn shown(self) -> &'static str {
        match self {
            Self::Database => "databases",
            Self::Cache => "caches",
            Self::Compute => "compute",
        }
    }
}

/// What a resource was like before it was stopped, as far as it has to be known to bring it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "shape", deny_unknown_fields)]
pub enum Shape {
    /// An instance: its type.
    Instance {
        /// Like `m7g.large`.
        instance_type: String,
    },
    /// An Auto Scaling group: its sizes.
    Group {
        /// `MinSize`.
        min: u32,
        /// `MaxSize`.
        max: u32,
        /// `DesiredCapacity`.
        desired: u32,
        /// The type of its instances, where they are all of one, for prices.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance_type: Option<String>,
    },
    /// An ECS service: its desired count, and the bounds that Application Auto Scaling keeps it in, if it does.
    Service {
        /// `desiredCount`.
        desired: u32,
        /// `MinCapacity` and `MaxCapacity`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scaling: Option<(u32, u32)>,
    },
    /// A database or a cluster of them: its class, for prices.
    Database {
        /// Like `db.t3.micro`; of a cluster, those of its members; twice, where a standby is paid for.
        classes: Vec<String>,
    },
    /// A cache: everything that it is created with again.
    Cache(Box<CacheShape>),
}

impl Shape {
    /// Whether it is the size of something that is stopped.
    pub(crate) const fn is_empty(&self) -> bool {
        matches!(self, Self::Group { max: 0, .. } | Self::Service { desired: 0, .. })
    }

    /// Whether it is that, or on its way there: bounds that only let it stop are half an order.
    pub(crate) const fn is_emptied(&self) -> bool {
        self.is_empty() || matches!(self, Self::Service { scaling: Some((_, 0)), .. })
    }
}

/// What a cache is created with again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CacheShape {
    /// Its id.
    pub id: String,
    /// `redis` or `valkey`.
    pub engine: String,
    /// The engine's version.
    pub version: String,
    /// Like `cache.t4g.micro`.
    pub node_type: String,
    /// How many nodes each shard has, the primary among them.
    pub nodes: u32,
    /// How many shards it has.
    pub shards: u32,
    /// The settings that are passed on as they are: parameter group, subnet group, security groups, encryption and so on.
    pub settings: BTreeMap<String, String>,
    /// The address that clients use.
    pub endpoint: String,
}

/// How a resource is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is of use.
    Running,
    /// It costs nothing but its storage.
    Stopped,
    /// On its way up.
    Starting,
    /// On its way down.
    Stopping,
    /// It is busy with something else, and takes no orders: `backing-up`, `modifying`.
    Busy(String),
    /// It is there no more.
    Gone,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Stopped => f.write_str("stopped"),
            Self::Starting => f.write_str("starting"),
            Self::Stopping => f.write_str("stopping"),
            Self::Busy(what) => write!(f, "busy ({what})"),
            Self::Gone => f.write_str("gone"),
        }
    }
}

/// What is seen of a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Which.
    pub arn: Arn,
    /// What kind.
    pub kind: Kind,
    /// What people call it.
    pub name: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// How it is.
    pub state: State,
    /// What it is like; what is stopped may not show it.
    pub shape: Option<Shape>,
    /// Why it cannot be stopped, and what to change, if it cannot.
    pub cannot: Option<String>,
    /// Where it can be reached, of a cache or a database.
    pub endpoint: Option<String>,
    /// The snapshots of a cache that were made for it to be stopped, oldest first.
    pub snapshots: Vec<Snapshot>,
}

/// A snapshot of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// What it is called.
    pub name: String,
    /// Whether it can be restored.
    pub ready: bool,
}
