//! Evidence, guardrails, the tags of alarms and the alarms of rules, from and in CloudWatch.
//!
//! Both arms' counts come from one `GetMetricData` call: the metrics of `AWS/ApplicationELB` for each target group under
//! its load balancer, at 60 seconds ("CloudWatch metrics for your Application Load Balancer", User Guide). Errors are
//! `RequestCount` without the 2XX, 3XX and 4XX answers of the targets, so that an answer that the load balancer itself
//! gives for a crashed target counts. The load balancer publishes nothing for a minute without requests. The judge's further metrics, of
//! whatever namespace, come with them. Before a rollout the live
//! colour is asked for by availability zone as well, in the same call.

mod alarm_book;
mod alarms;
#[cfg(test)]
mod cbor;
mod evidence;
mod fetch;
mod further;
mod query;
mod served;
mod zones;

pub use alarm_book::AlarmBook;
pub use alarms::CloudWatchAlarms;
pub use evidence::CloudWatchMetrics;
pub use served::CloudWatchServed;
