//! What can be stopped and started: EC2, Auto Scaling, ECS, RDS and ElastiCache.

mod caches;
mod common;
mod databases;
mod fault;
mod groups;
mod instances;
mod query;
mod services;

pub use caches::Caches;
pub use databases::Databases;
pub use groups::ScalingGroups;
pub use instances::Ec2Instances;
pub use services::EcsServices;
