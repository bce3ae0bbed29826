//! Whether a notice is in a channel already: by the metadata that it is posted with.

use alert_message::slack::EVENT_TYPE;
use http_client::Method;
use serde_json::Value;
use url::Url;

use crate::Channels;
use crate::slack::{Said, WHO, unwilling};
use crate::target::{Parcel, Undelivered};

/// How long before it was decided a notice is looked for, in seconds: clocks differ.
const CLOCKS_DIFFER: i64 = 120;
/// Messages of a page: each is at most some 15 KB.
const PAGE: usize = 50;
/// The most pages that are read.
const MOST_PAGES: usize = 4;

/// What came of looking.
#[derive(Debug)]
pub(crate) enum Found {
    /// It is there.
    Posted {
        /// The thread that it belongs to or began.
        thread: String,
    },
    /// It is not there, or nobody can tell: the app may not read the channel, or too much was written since.
    Nothing,
}

impl Channels {
    /// Looks for a notice in its thread, or else in the channel.
    pub(crate) async fn find(
        &self,
        parcel: &Parcel<'_>,
        channel: &str,
        token: &str,
    ) -> Result<Found, Undelivered> {
        // Its pages together, so that there is time left to post.
        let limit = crate::LIMITS.whole;
        match tokio::time::timeout(limit, self.pages(parcel, channel, token)).await {
            Ok(found) => found,
            Err(_) => Err(Undelivered::later(
                format!("{WHO} does not say within {} s what is in the channel", limit.as_secs()),
                None,
            )),
        }
    }

    async fn pages(&self, parcel: &Parcel<'_>, channel: &str, token: &str) -> Result<Found, Undelivered> {
        let mut parcel = *parcel;
        let mut cursor = String::new();
        for _ in 0..MOST_PAGES {
            let page = self.page(&parcel, channel, token, &cursor).await?;
            // It was posted in the channel then.
            if page.error == "thread_not_found" && parcel.thread.take().is_some() {
                continue;
            }
            if !page.ok {
                return if is_unreadable(&page.error) {
                    Ok(Found::Nothing)
                } else {
                    Err(unwilling(&page, token))
                };
            }
            if let Some(ts) = page.messages.iter().find_map(|message| ts_of(message, &parcel.notice.id)) {
                let thread = parcel.thread.map_or(ts, str::to_owned);
                return Ok(Found::Posted { thread });
            }
            cursor = page.response_metadata.map(|page| page.next_cursor).unwrap_or_default();
            if cursor.is_empty() {
                break;
            }
        }
        Ok(Found::Nothing)
    }

    async fn page(
        &self,
        parcel: &Parcel<'_>,
        channel: &str,
        token: &str,
        cursor: &str,
    ) -> Result<Said, Undelivered> {
        let method = if parcel.thread.is_some() { "conversations.replies" } else { "conversations.history" };
        let address = format!("{}/{method}", self.slack_api);
        let mut address = Url::parse(&address).map_err(|error| {
            Undelivered::never(format!("the address of Slack's API is none: {error}"), "correct it")
        })?;
        let oldest = (parcel.notice.at.as_second() - CLOCKS_DIFFER).max(0);
        address
            .query_pairs_mut()
            .append_pair("channel", channel)
            .append_pair("include_all_metadata", "true")
            .append_pair("oldest", &format!("{oldest}.000000"))
            .append_pair("limit", &PAGE.to_string())
            .extend_pairs(parcel.thread.map(|thread| ("ts", thread)))
            .extend_pairs(Some(("cursor", cursor)).filter(|(_, cursor)| !cursor.is_empty()));
        self.api(self.http.request(Method::GET, address.as_str()), token).await
    }
}

/// Whether the channel cannot be read, whatever may be written there.
fn is_unreadable(error: &str) -> bool {
    matches!(
        error,
        "missing_scope"
            | "not_allowed_token_type"
            | "no_permission"
            | "access_denied"
            | "method_not_supported_for_channel_type"
    )
}

/// The id of a message in its channel, if it is this notice.
fn ts_of(message: &Value, notice: &str) -> Option<String> {
    let metadata = message.get("metadata")?;
    let is_it = metadata.get("event_type")? == EVENT_TYPE && metadata.pointer("/event_payload/id")? == notice;
    message.get("ts").and_then(Value::as_str).filter(|_| is_it).map(str::to_owned)
}
