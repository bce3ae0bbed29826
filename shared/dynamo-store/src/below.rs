//! How rollouts ended, as the environment above asks for it.
//!
//! The commit that ends a rollout puts a small item of its own beside the service's target, so that one query of one
//! partition answers: the index of recent rollouts has those of all services, whole, and the environment above would
//! need to read all of it.

use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Builder, Region};
use engine::ports::{Below, Ended, PortError, PortResult};
use rollout::{EnvironmentName, ServiceName};

use crate::fault::{SERVICE, port};
use crate::item::{self, text};
use crate::key::{ENDED, Key};

/// How many of the newest ends are read: in one page, which takes about 500 bytes of each.
const NEWEST: i32 = 100;

/// The environment below, on its table. It only reads.
#[derive(Clone, Debug)]
pub struct DynamoBelow {
    table: Option<(Client, String)>,
}

impl DynamoBelow {
    /// On this table, by name or ARN; the ARN says the region as well, and whose it is. Without one every question is an
    /// error that says so. Makes no call.
    pub fn new(config: &SdkConfig, table: Option<String>) -> Self {
        let client = |table: &str| {
            let builder = Builder::from(config);
            Client::from_conf(match region(table) {
                Some(region) => builder.region(Region::new(region.to_owned())).build(),
                None => builder.build(),
            })
        };
        Self { table: table.map(|table| (client(&table), table)) }
    }
}

/// The region of an ARN.
fn region(table: &str) -> Option<&str> {
    table.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2)).filter(|region| !region.is_empty())
}

#[async_trait]
impl Below for DynamoBelow {
    async fn ended(&self, environment: &EnvironmentName, service: &ServiceName) -> PortResult<Vec<Ended>> {
        let Some((client, table)) = &self.table else {
            return Err(PortError::Permanent {
                service: SERVICE,
                detail: format!("there is no table of environment {environment} to read"),
                remedy: "deploy the stack with the parameters BelowTable and BelowKey, the outputs TableArn and KeyArn \
                         of the stack below, or override promotion with a reason"
                    .to_owned(),
            });
        };
        let found = client
            .query()
            .table_name(table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :ended)")
            .expression_attribute_values(":pk", text(Key::target(environment, service).pk))
            .expression_attribute_values(":ended", text(ENDED))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(NEWEST)
            .send()
            .await
            .map_err(|error| port(&Fault::new("dynamodb:Query", &error)))?;
        found.items.unwrap_or_default().into_iter().map(item::document).collect()
    }
}

#[cfg(test)]
mod tests {
    use aws_client::replay::Replay;
    use engine::history::Record;
    use engine::ports::{Ending, Store};
    use rollout::{CleanUp, Event, Phase, Rollout};
    use serde_json::json;

    use super::*;
    use crate::samples::{self, begun};
    use crate::tests::{done, sent, store};

    const ARN: &str = "arn:aws:dynamodb:eu-central-1:123456789012:table/ace-development";

    fn promoted(before: &Rollout) -> (Rollout, Record) {
        let at = "2026-01-02T04:00:00Z".parse().unwrap();
        let phase = Phase::Promoted { at, clean_up: CleanUp::Scheduled { at, attempt: 1 } };
        let after = Rollout { phase, version: before.version + 1, ..before.clone() };
        let record = Record::new(&after, Event::Advance { at }, "");
        (after, record)
    }

    #[tokio::test]
    async fn the_commit_that_ends_a_rollout_notes_its_end_once() {
        let (before, _) = begun("r-1");
        let (after, record) = promoted(&before);
        let replay = Replay::new([done(), done()]);
        store(&replay).commit(&before, &after, &record).await.unwrap();
        let put = sent(&replay)[0].1["TransactItems"][3]["Put"].clone();
        assert_eq!(put["Item"]["pk"]["S"], "SVC#staging#shop");
        assert_eq!(put["Item"]["sk"]["S"], "ENDED#2026-01-02T04:00:00.000000000Z#r-1");
        let document = put["Item"]["document"]["S"].as_str().unwrap();
        let ended: Ended = serde_json::from_str(document).unwrap();
        assert_eq!(Some(&ended), Ended::of(&after).as_ref());
        assert!(matches!(ended.ending, Ending::Promoted(serving) if serving.target_group == "arn:green"));
        // Its clean-up is another commit, and no other end.
        let done_at = "2026-01-02T05:00:00Z".parse().unwrap();
        let phase = Phase::Promoted { at: ended.at, clean_up: CleanUp::Done { at: done_at } };
        let cleaned = Rollout { phase, version: after.version + 1, ..after.clone() };
        let record = Record::new(&cleaned, Event::Advance { at: done_at }, "");
        store(&replay).commit(&after, &cleaned, &record).await.unwrap();
        assert_eq!(sent(&replay)[1].1["TransactItems"].as_array().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn the_newest_ends_come_from_one_consistent_query_of_the_service() {
        let (after, _) = promoted(&begun("r-1").0);
        let ended = Ended::of(&after).unwrap();
        let item = samples::item(&item::ended(&after, &ended).unwrap());
        let replay = Replay::new([(200, json!({ "Items": [item] }).to_string())]);
        let below = DynamoBelow::new(&replay.config().unwrap(), Some(ARN.to_owned()));
        let (environment, service) = ("staging".parse().unwrap(), "shop".parse().unwrap());
        assert_eq!(below.ended(&environment, &service).await, Ok(vec![ended]));
        let [(operation, body)] = <[_; 1]>::try_from(sent(&replay)).unwrap();
        assert_eq!((operation.as_str(), &body["TableName"]), ("Query", &json!(ARN)));
        assert_eq!(body["ExpressionAttributeValues"][":pk"]["S"], "SVC#staging#shop");
        assert_eq!((&body["ConsistentRead"], &body["ScanIndexForward"]), (&json!(true), &json!(false)));
    }

    #[tokio::test]
    async fn without_a_table_the_remedy_is_told_and_nothing_is_called() {
        let replay = Replay::new([done()]);
        let below = DynamoBelow::new(&replay.config().unwrap(), None);
        let error = below.ended(&"staging".parse().unwrap(), &"shop".parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, PortError::Permanent { .. }));
        assert_eq!(
            error.to_string(),
            "DynamoDB refuses: there is no table of environment staging to read; deploy the stack with the parameters \
             BelowTable and BelowKey, the outputs TableArn and KeyArn of the stack below, or override promotion with \
             a reason"
        );
        assert!(replay.sent().is_empty());
    }

    #[test]
    fn an_arn_says_its_region() {
        assert_eq!(region(ARN), Some("eu-central-1"));
        assert_eq!((region("ace-development"), region("arn:aws:dynamodb")), (None, None));
    }
}
