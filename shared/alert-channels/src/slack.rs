use alert_message::slack::{to_channel, to_webhook};
use http_client::header::CONTENT_TYPE;
use http_client::{Answer, RequestBuilder};
use rollout::Seconds;
use serde::Deserialize;
use serde_json::Value;

use crate::answer::{code, hushed, refused, retry_after};
use crate::slack_history::Found;
use crate::target::{HttpsUrl, Parcel, Receipt, Undelivered};
use crate::{Channels, credential};

pub(crate) const WHO: &str = "Slack";
const JSON: &str = "application/json; charset=utf-8";

/// An answer of Slack's API, as far as it is needed.
#[derive(Debug, Deserialize)]
pub(crate) struct Said {
    pub(crate) ok: bool,
    #[serde(default)]
    pub(crate) error: String,
    /// The scope that is missing.
    #[serde(default)]
    needed: String,
    #[serde(default)]
    ts: Option<String>,
    #[serde(default)]
    pub(crate) messages: Vec<Value>,
    #[serde(default)]
    pub(crate) response_metadata: Option<Page>,
    /// How long the answer asks to be left alone.
    #[serde(skip)]
    pub(crate) retry_after: Option<Seconds>,
}

/// Where the next page is.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    #[serde(default)]
    pub(crate) next_cursor: String,
}

impl Channels {
    pub(crate) async fn to_slack_webhook(&self, parcel: &Parcel<'_>) -> Result<Receipt, Undelivered> {
        let who = "Slack's webhook";
        let address = credential(parcel, "webhook address")?;
        let address: HttpsUrl = address
            .parse()
            .map_err(|error| Undelivered::never("the channel's secret is no address of a webhook", error))?;
        let body = to_webhook(parcel.notice, parcel.wording).to_string();
        let request = self.post(address.expose()).header(CONTENT_TYPE, JSON).body(body);
        let answer = self.ask(who, request, &address.parts()).await?;
        let told = &hushed(code(&answer.body), &address.parts());
        if answer.status == 200 && told == "ok" {
            return Ok(Receipt::default());
        }
        let remedy = match told.as_str() {
            "invalid_payload" | "no_text" | "invalid_blocks" => "report this as a defect of ACE-Flow",
            "action_prohibited" | "posting_to_general_channel_denied" => {
                "have the workspace's owners allow the app to post in this channel"
            }
            "channel_is_archived" => "unarchive the channel, or make a webhook for another one",
            _ => "make a new incoming webhook in Slack, and store its address as the channel's secret",
        };
        Err(refused(who, &answer, told, remedy))
    }

    pub(crate) async fn to_slack_bot(
        &self,
        parcel: &Parcel<'_>,
        channel: &str,
    ) -> Result<Receipt, Undelivered> {
        let token = credential(parcel, "bot token")?;
        if parcel.uncertain
            && let Found::Posted { thread } = self.find(parcel, channel, token).await?
        {
            return Ok(Receipt { thread: Some(thread) });
        }
        let said = self.post_message(parcel, channel, token, parcel.thread).await?;
        match (said.ok, parcel.thread) {
            (true, thread) => Ok(receipt(thread, said.ts)),
            // Somebody deleted or locked it: better in the channel than not at all.
            (false, Some(_)) if is_about_the_thread(&said.error) => {
                let said = self.post_message(parcel, channel, token, None).await?;
                if said.ok { Ok(receipt(None, said.ts)) } else { Err(unwilling(&said, token)) }
            }
            (false, _) => Err(unwilling(&said, token)),
        }
    }

    async fn post_message(
        &self,
        parcel: &Parcel<'_>,
        channel: &str,
        token: &str,
        thread: Option<&str>,
    ) -> Result<Said, Undelivered> {
        let body = to_channel(parcel.notice, parcel.wording, channel, thread).to_string();
        let request = self.post(&format!("{}/chat.postMessage", self.slack_api));
        self.api(request.header(CONTENT_TYPE, JSON).body(body), token).await
    }

    /// Asks Slack's API. What it refuses with 200 is an answer.
    pub(crate) async fn api(&self, request: RequestBuilder, token: &str) -> Result<Said, Undelivered> {
        let answer = self.ask(WHO, request.bearer_auth(token), &[token]).await?;
        if answer.status != 200 {
            let told = said(&answer).map(|said| hushed(&said.error, &[token])).unwrap_or_default();
            let remedy = "look at status.slack.com, and whether something stands between here and Slack";
            return Err(refused(WHO, &answer, &told, remedy));
        }
        let Some(mut said) = said(&answer) else {
            return Err(Undelivered::later(
                "Slack answers 200 with what is no answer of its API".to_owned(),
                None,
            ));
        };
        said.retry_after = retry_after(&answer.headers, jiff::Timestamp::now());
        Ok(said)
    }
}

fn said(answer: &Answer) -> Option<Said> {
    serde_json::from_slice(&answer.body).ok()
}

/// Replies belong to the message that began the thread.
fn receipt(thread: Option<&str>, ts: Option<String>) -> Receipt {
    Receipt { thread: thread.map(str::to_owned).or(ts) }
}

fn is_about_the_thread(error: &str) -> bool {
    matches!(
        error,
        "thread_not_found"
            | "message_not_found"
            | "cannot_reply_to_message"
            | "restricted_action_thread_locked"
    )
}

/// What an answer with `ok: false` comes to (chat.postMessage, "Errors").
pub(crate) fn unwilling(said: &Said, token: &str) -> Undelivered {
    let error = hushed(&said.error, &[token]);
    let what = format!("{WHO} refuses: {error}");
    let remedy = match said.error.as_str() {
        "ratelimited"
        | "rate_limited"
        | "message_limit_exceeded"
        | "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org"
        | "external_channel_migrating" => {
            return Undelivered::later(what, said.retry_after);
        }
        "not_in_channel" => "invite the app into the channel: /invite in it".to_owned(),
        "channel_not_found" => {
            "correct the channel's id (C…, below its details in Slack), and invite the app if it is private"
                .to_owned()
        }
        "is_archived" => "unarchive the channel, or name another one".to_owned(),
        "invalid_auth"
        | "not_authed"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "not_allowed_token_type" => {
            "store the bot token (xoxb-…) of an installed app as the channel's secret".to_owned()
        }
        "missing_scope" | "no_permission" => {
            let needed = hushed(&said.needed, &[token]);
            let needed = if needed.is_empty() { "chat:write".to_owned() } else { needed };
            format!("give the app the scope {needed}, and install it again")
        }
        "access_denied"
        | "accesslimited"
        | "ekm_access_denied"
        | "enterprise_is_restricted"
        | "org_login_required"
        | "team_access_not_granted"
        | "two_factor_setup_required" => "have the workspace's owners let the app in".to_owned(),
        error if error.starts_with("restricted_action") => {
            "have the workspace's owners allow the app to post in this channel".to_owned()
        }
        "no_text"
        | "msg_too_long"
        | "msg_blocks_too_long"
        | "invalid_blocks"
        | "invalid_blocks_format"
        | "invalid_arguments"
        | "invalid_metadata_format"
        | "invalid_metadata_schema"
        | "metadata_too_large"
        | "invalid_json"
        | "json_not_object" => "report this as a defect of ACE-Flow".to_owned(),
        _ => "look it up among the errors of chat.postMessage in Slack's documentation".to_owned(),
    };
    Undelivered::never(what, remedy)
}
