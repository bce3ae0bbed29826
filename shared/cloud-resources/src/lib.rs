//! What can be stopped and started: EC2, Auto Scaling, ECS, RDS and `ElastiCache`.

mod caches;
mod common;
mod databases;
#[cfg(test)]
mod fake;
mod fault;
mod groups;
mod instances;
mod query;
mod services;
mod tagging;

pub use caches::Caches;
pub use databases::Databases;
pub use groups::ScalingGroups;
pub use instances::Ec2Instances;
pub use services::EcsServices;
