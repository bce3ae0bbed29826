//! Transactions: what is written under which condition, and what a cancelled one says.

use aws_client::Fault;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use engine::ports::{PortError, PortResult};

use crate::fault::{SERVICE, port, transient};
use crate::item::Item;
use crate::key::Key;

/// What must hold of the stored item for a write to be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Condition {
    pub(crate) expression: Option<&'static str>,
    pub(crate) values: Vec<(&'static str, AttributeValue)>,
}

impl Condition {
    /// Nothing.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// There is no such item.
    pub(crate) fn absent() -> Self {
        Self { expression: Some("attribute_not_exists(pk)"), values: Vec::new() }
    }

    /// There is such an item.
    pub(crate) fn present() -> Self {
        Self { expression: Some("attribute_exists(pk)"), values: Vec::new() }
    }

    /// This expression, with these values.
    pub(crate) fn when(expression: &'static str, values: Vec<(&'static str, AttributeValue)>) -> Self {
        Self { expression: Some(expression), values }
    }
}

/// How one write of a cancelled transaction fared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fate {
    /// It would have been made.
    Fine,
    /// Its condition did not hold for the item there, if one is there.
    Failed(Option<Item>),
    /// Another transaction was writing the item.
    Contended,
}

/// What came of a transaction.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// All is written.
    Written,
    /// Nothing is written; the fate of each write, in order.
    Cancelled(Vec<Fate>),
}

/// One transaction of a table.
pub(crate) struct Transaction<'a> {
    client: &'a Client,
    table: &'a str,
    writes: Vec<TransactWriteItem>,
}

impl<'a> Transaction<'a> {
    pub(crate) const fn new(client: &'a Client, table: &'a str) -> Self {
        Self { client, table, writes: Vec::new() }
    }

    /// Writes an item whole.
    pub(crate) fn put(mut self, item: Item, condition: Condition) -> PortResult<Self> {
        let mut put = Put::builder()
            .table_name(self.table)
            .set_item(Some(item))
            .set_condition_expression(condition.expression.map(str::to_owned))
            // The item that stands in the way comes with the answer, at no cost.
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, value) in condition.values {
            put = put.expression_attribute_values(name, value);
        }
        let put = put.build().map_err(|error| unbuildable(&error))?;
        self.writes.push(TransactWriteItem::builder().put(put).build());
        Ok(self)
    }

    /// Requires a condition of an item that is not written.
    pub(crate) fn check(mut self, key: Key, condition: Condition) -> PortResult<Self> {
        let mut check = ConditionCheck::builder()
            .table_name(self.table)
            .key("pk", AttributeValue::S(key.pk))
            .key("sk", AttributeValue::S(key.sk))
            .condition_expression(condition.expression.unwrap_or("attribute_exists(pk)"));
        for (name, value) in condition.values {
            check = check.expression_attribute_values(name, value);
        }
        let check = check.build().map_err(|error| unbuildable(&error))?;
        self.writes.push(TransactWriteItem::builder().condition_check(check).build());
        Ok(self)
    }

    /// Makes all of it, or nothing. The SDK sends the same client token with each of its own retries.
    pub(crate) async fn write(self) -> PortResult<Outcome> {
        let sent = self.client.transact_write_items().set_transact_items(Some(self.writes)).send().await;
        let Err(error) = sent else { return Ok(Outcome::Written) };
        if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        {
            let fates = cancelled
                .cancellation_reasons()
                .iter()
                .map(|reason| fate(reason.code(), reason.message(), reason.item()))
                .collect::<PortResult<Vec<_>>>()?;
            if fates.iter().any(|fate| *fate != Fate::Fine) {
                return Ok(Outcome::Cancelled(fates));
            }
        }
        Err(port(&Fault::new("dynamodb:TransactWriteItems", &error)))
    }
}

/// The codes of `CancellationReason` (Amazon DynamoDB API Reference, `TransactWriteItems`).
fn fate(code: Option<&str>, message: Option<&str>, item: Option<&Item>) -> PortResult<Fate> {
    let told = || {
        format!("a transaction was cancelled: {}: {}", code.unwrap_or("?"), message.unwrap_or("no message"))
    };
    match code {
        None | Some("None") => Ok(Fate::Fine),
        Some("ConditionalCheckFailed") => Ok(Fate::Failed(item.filter(|item| !item.is_empty()).cloned())),
        Some("TransactionConflict") => Ok(Fate::Contended),
        Some("ThrottlingError" | "ProvisionedThroughputExceeded") => Err(transient(told())),
        Some(_) => Err(PortError::Permanent {
            service: SERVICE,
            detail: told(),
            remedy: "make the rollout's configuration smaller, or compare the table with infra/template.yaml"
                .to_owned(),
        }),
    }
}

fn unbuildable(error: &aws_sdk_dynamodb::error::BuildError) -> PortError {
    PortError::Permanent {
        service: SERVICE,
        detail: format!("a write could not be built: {error}"),
        remedy: "report this as a defect of ACE-Flow".to_owned(),
    }
}
