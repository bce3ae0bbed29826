//! What all adapters do alike.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_client::SdkConfig;
use engine::ports::{Order, Refused};
use futures_util::{StreamExt, stream};

use crate::fault::refused;

/// The longest that one attempt takes: a page of a thousand instances is more than a read of one item.
const ATTEMPT: Duration = Duration::from_secs(10);
/// Attempts of one call, and the longest first and any wait between them: what AWS throttles it takes some seconds later.
const ATTEMPTS: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// The longest time of a call with all its attempts and waits.
const OPERATION: Duration = Duration::from_mins(1);
/// How many calls are under way at once: more would only be throttled.
const AT_ONCE: usize = 4;

/// The same configuration with more time, and more attempts where there are several.
pub(crate) fn patient(config: &SdkConfig) -> SdkConfig {
    const { assert!(ATTEMPT.as_secs() * (ATTEMPTS as u64) < OPERATION.as_secs()) };
    let retries = config.retry_config().filter(|retries| retries.max_attempts() > 1).map(|retries| {
        let retries = retries.clone().with_max_attempts(ATTEMPTS);
        retries.with_initial_backoff(FIRST_WAIT).with_max_backoff(LONGEST_WAIT)
    });
    let times = config.timeout_config().map(aws_smithy_types::timeout::TimeoutConfig::to_builder);
    let times = times.unwrap_or_default().operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION);
    let mut patient = config.to_builder().timeout_config(times.build());
    if let Some(retries) = retries {
        patient = patient.retry_config(retries);
    }
    patient.build()
}

/// Whether something has all of these tags.
pub(crate) fn has_all(tags: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(tag, value)| tags.get(tag) == Some(value))
}

/// The tags of a list of AWS.
pub(crate) fn tags<'a>(
    list: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
) -> BTreeMap<String, String> {
    let list = list.into_iter().filter_map(|(tag, value)| Some((tag?, value.unwrap_or_default())));
    list.map(|(tag, value)| (tag.to_owned(), value.to_owned())).collect()
}

/// A number of AWS's as it is: none is negative.
pub(crate) fn number(number: Option<i32>) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
}

/// Such a number as AWS takes it.
pub(crate) fn size(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Does all of it, several at once; answers in their order.
pub(crate) async fn several<F: Future>(calls: Vec<F>) -> Vec<F::Output> {
    stream::iter(calls).buffered(AT_ONCE).collect().await
}

/// An order that is none for this kind of resource.
pub(crate) fn no_such_order(order: &Order) -> Refused {
    refused(format!("there is no way to {:?} an {}", order.act, order.seen.kind.shown()))
}
