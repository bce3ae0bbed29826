//! The alarms that are made for rules: how they are listed, put, tagged and deleted.

mod pace;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::time::Duration;

use alerting::cloudwatch::{Existing, Step, Watches};
use alerting::managed;
use aws_client::{Fault, FaultKind, OPERATION_TIMEOUT, SdkConfig};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::Builder;
use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::types::AlarmType;
use rollout::EnvironmentName;

use pace::{Action, Pace};
use write::{put_composite, put_metric, tag};

/// The same as the most that a page has (`DescribeAlarms`, Amazon CloudWatch API Reference).
const PAGE: i32 = 100;
/// More pages than the alarms of any account fill.
const PAGES: usize = 1_000;

/// Nobody waits for it with traffic at stake: what is throttled is tried again for a minute.
const ATTEMPTS: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
const OPERATION: Duration = Duration::from_mins(1);
const _: () = assert!(OPERATION.as_secs() > OPERATION_TIMEOUT.as_secs());

/// The alarms of an account and region, read and written one call after the other, at half the rate that CloudWatch
/// allows the account.
#[derive(Debug)]
pub struct AlarmBook {
    client: Client,
    pace: Pace,
}

impl AlarmBook {
    /// With a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        let retry = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(FIRST_WAIT)
            .with_max_backoff(LONGEST_WAIT);
        let timeouts = config.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        let config = Builder::from(config)
            .retry_config(retry)
            .timeout_config(timeouts.operation_timeout(OPERATION).build());
        Self { client: Client::from_conf(config.build()), pace: Pace::default() }
    }

    /// Every alarm whose name is that of one made for the rules of `home`, with its tags: whoever made it.
    ///
    /// # Errors
    /// [`Fault`], of `DescribeAlarms` or `ListTagsForResource`.
    pub async fn list(&mut self, home: &EnvironmentName) -> Result<Vec<Existing>, Fault> {
        let mut found = Vec::new();
        for existing in self.described(&format!("{}{home}/", managed::PREFIX)).await? {
            // Without tags it was deleted in the meantime.
            if let Some(tags) = self.tags(&existing.arn).await? {
                let mut existing = existing;
                existing.alarm.tags = tags;
                found.push(existing);
            }
        }
        Ok(found)
    }

    async fn described(&mut self, prefix: &str) -> Result<Vec<Existing>, Fault> {
        let (mut found, mut token) = (Vec::new(), None);
        for _ in 0..PAGES {
            self.pace.wait(Action::DescribeAlarms).await;
            let described = self
                .client
                .describe_alarms()
                .alarm_name_prefix(prefix)
                // Without types, composite alarms are left out of the answer.
                .alarm_types(AlarmType::MetricAlarm)
                .alarm_types(AlarmType::CompositeAlarm)
                .max_records(PAGE)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| Fault::new(Action::DescribeAlarms.as_str(), &error))?;
            found.extend(described.metric_alarms().iter().filter_map(read::metric));
            found.extend(described.composite_alarms().iter().filter_map(read::composite));
            token = described.next_token;
            if token.is_none() {
                return Ok(found);
            }
        }
        Err(Fault {
            kind: FaultKind::Unavailable,
            action: Action::DescribeAlarms.as_str(),
            code: None,
            message: "the list of alarms does not end".to_owned(),
            request_id: None,
        })
    }

    async fn tags(&mut self, arn: &str) -> Result<Option<BTreeMap<String, String>>, Fault> {
        self.pace.wait(Action::ListTagsForResource).await;
        match self.client.list_tags_for_resource().resource_arn(arn).send().await {
            Ok(listed) => {
                let pairs = listed.tags().iter().map(|tag| Some((tag.key()?, tag.value()?)));
                let pairs = pairs.flatten().map(|(key, value)| (key.to_owned(), value.to_owned()));
                Ok(Some(pairs.collect()))
            }
            Err(error) => match Fault::new(Action::ListTagsForResource.as_str(), &error) {
                Fault { kind: FaultKind::NotFound, .. } => Ok(None),
                fault => Err(fault),
            },
        }
    }

    /// Makes a call. What was not answered may have been done all the same: doing it again does no harm.
    ///
    /// # Errors
    /// [`Fault`] of the call.
    pub async fn perform(&mut self, step: &Step) -> Result<(), Fault> {
        let action = match step {
            Step::Put(alarm) if alarm.is_composite() => Action::PutCompositeAlarm,
            Step::Put(_) => Action::PutMetricAlarm,
            Step::Tag { .. } => Action::TagResource,
            Step::Delete(_) => Action::DeleteAlarms,
        };
        self.pace.wait(action).await;
        let client = &self.client;
        let name = action.as_str();
        match step {
            Step::Put(alarm) => match &alarm.watches {
                Watches::Metric(metric) => put_metric(client, alarm, metric)
                    .send()
                    .await
                    .map(drop)
                    .map_err(|error| Fault::new(name, &error)),
                Watches::Composite { rule } => put_composite(client, alarm, rule)
                    .send()
                    .await
                    .map(drop)
                    .map_err(|error| Fault::new(name, &error)),
            },
            Step::Tag { arn, tags, .. } => {
                let request = client.tag_resource().resource_arn(arn);
                let request = request.set_tags(Some(tags.iter().map(tag).collect()));
                request.send().await.map(drop).map_err(|error| Fault::new(name, &error))
            }
            Step::Delete(names) => {
                let request = client.delete_alarms().set_alarm_names(Some(names.clone()));
                request.send().await.map(drop).map_err(|error| Fault::new(name, &error))
            }
        }
    }
}
