//! What can be stopped and started: EC2, Auto Scaling, ECS, RDS and `ElastiCache`.
//!
//! Each adapter finds what has an environment's tags, with as few calls as AWS leaves, and does what cost-optimizer orders.
//! What is done already is done; what AWS refuses is told in its words. Its own retries are the SDK's, with those of
//! throttling among them; whatever fails after that is ordered again by a later tick.
//!
//! # What it may do
//!
//! The actions of IAM, and how far each can be limited. Where a tag is named, `aws:ResourceTag/<tag>` holds; all that lists
//! needs the resource `*`. From the Service Authorization Reference, and what is in brackets from the services' user guides.
//!
//! | of | action | limited to |
//! |---|---|---|
//! | EC2 | `ec2:DescribeInstances`, `ec2:DescribeSpotInstanceRequests`, `autoscaling:DescribeAutoScalingGroups` | `*` |
//! | | `ec2:StopInstances`, `ec2:StartInstances` | `instance/*`, tag |
//! | | `ec2:ModifyInstanceAttribute` | `instance/*`, tag |
//! | | (`kms:CreateGrant`, where volumes have a key of the customer) | the key, `kms:GrantIsForAWSResource` |
//! | Auto Scaling | `autoscaling:DescribeAutoScalingGroups` | `*` |
//! | | `autoscaling:UpdateAutoScalingGroup` | `autoScalingGroup:*`, tag |
//! | ECS | `tag:GetResources`, `application-autoscaling:DescribeScalableTargets` | `*` |
//! | | `ecs:DescribeServices`, `ecs:UpdateService` | `service/*`, tag |
//! | | `application-autoscaling:RegisterScalableTarget` | `scalable-target/*`, `application-autoscaling:service-namespace` is `ecs`; a target has not the tags of its service |
//! | RDS | `rds:DescribeDBInstances`, `rds:DescribeDBClusters` | `db:*`, `cluster:*` |
//! | | `rds:StopDBInstance`, `rds:StartDBInstance` | `db:*`, tag |
//! | | `rds:StopDBCluster`, `rds:StartDBCluster` | `cluster:*`, tag |
//! | `ElastiCache` | `tag:GetResources`, `application-autoscaling:DescribeScalableTargets` | `*` |
//! | | `elasticache:DescribeReplicationGroups`, `elasticache:DescribeCacheClusters`, `elasticache:DescribeSnapshots` | `replicationgroup:*`, `cluster:*`, `snapshot:*` |
//! | | `elasticache:CreateSnapshot` | `replicationgroup:*` and `cluster:*`, tag; `snapshot:ace-*` |
//! | | `elasticache:DeleteReplicationGroup`, `elasticache:DeleteCacheCluster` | `replicationgroup:*` and `cluster:*`, tag; `snapshot:ace-*` |
//! | | `elasticache:DeleteSnapshot` | `snapshot:ace-*` |
//! | | `elasticache:CreateReplicationGroup`, `elasticache:CreateCacheCluster`, `elasticache:AddTagsToResource` | `replicationgroup:*` and `cluster:*`, `aws:RequestTag/<tag>`; `snapshot:ace-*`, `parametergroup:*`, `subnetgroup:*`, `usergroup:*` |
//! | | `ec2:CreateNetworkInterface`, `ec2:DeleteNetworkInterface`, `ec2:DescribeNetworkInterfaces`, `ec2:DescribeSubnets`, `ec2:DescribeVpcs` | `*`, `aws:CalledVia` has `ec.amazonaws.com` or `elasticache.amazonaws.com` |
//! | | (`kms:DescribeKey`, `kms:CreateGrant`, where a cache has a key of the customer) | the key |
//! | | (`logs:CreateLogDelivery` and what else log delivery needs, where a cache delivers logs) | `*` |

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
