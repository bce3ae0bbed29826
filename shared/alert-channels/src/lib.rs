//! One notice on one channel: one attempt, and what came of it.
//!
//! [`Channels::send`] words the notice for the kind of its [`Target`] (crate `alert-message`), sends it, and answers
//! a [`Receipt`], or [`Undelivered`]: [`Later`](Undelivered::Later) where the same may work in a while without anybody
//! changing anything, [`Never`](Undelivered::Never) with what to change. When to try again, and who is told instead, is
//! the caller's to decide. It is the engine's [`Courier`](engine::ports::Courier).
//!
//! | target | credential | a repeated attempt |
//! |---|---|---|
//! | `Pagerduty` | the integration's routing key | changes nothing: the incident is that of the group |
//! | `SlackBot` | the bot's token | is looked for in the channel first, if [`Parcel::uncertain`]; needs `channels:history` (`groups:history` in a private channel) |
//! | `SlackWebhook` | the webhook's address | is a second message |
//! | `EmailTopic`, `EmailSes` | none: the function's role | is a second mail |
//! | `Webhook` | the secret that signs | has the same `Idempotency-Key` |
//!
//! E-mail needs AWS: feature `aws`, on by default, and [`Channels::new`]. [`Channels::without_aws`] refuses it and sends
//! everything else.
//!
//! Requests over HTTP have [`LIMITS`]; those to AWS are the bounds of `aws-client`, without its further attempts. An
//! address is `https://`, or leads to this machine. No credential and no address of a webhook is in any error.

mod answer;
mod courier;
#[cfg(feature = "aws")]
mod email;
mod pagerduty;
mod slack;
mod slack_history;
mod target;
#[cfg(test)]
mod tests;
mod webhook;

use std::time::Duration;

use alerting::Credential;
#[cfg(feature = "aws")]
use aws_client::SdkConfig;
use http_client::{Answer, HttpClient, Limits, Method, RequestBuilder, SetUpError};

use crate::answer::Silence;

pub use target::{HttpsUrl, NotSecure, Parcel, Receipt, Target, Undelivered};

/// What a request over HTTP may take.
pub const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    whole: Duration::from_secs(8),
    body: 1024 * 1024,
    keep_alive: true,
};

/// Where Slack's API is.
const SLACK_API: &str = "https://slack.com/api";

/// Sends notices.
#[derive(Clone, Debug)]
pub struct Channels {
    http: HttpClient,
    slack_api: String,
    #[cfg(feature = "aws")]
    mail: Option<email::Mail>,
}

impl Channels {
    /// With clients of this configuration. Makes no call.
    ///
    /// # Errors
    /// [`SetUpError`].
    #[cfg(feature = "aws")]
    pub fn new(config: &SdkConfig) -> Result<Self, SetUpError> {
        Ok(Self { mail: Some(email::Mail::new(config)), ..Self::without_aws()? })
    }

    /// Without AWS, which sends e-mail: that is refused. Makes no call.
    ///
    /// # Errors
    /// [`SetUpError`].
    pub fn without_aws() -> Result<Self, SetUpError> {
        Self::with_limits(LIMITS)
    }

    fn with_limits(limits: Limits) -> Result<Self, SetUpError> {
        Ok(Self {
            http: HttpClient::new(limits)?,
            slack_api: SLACK_API.to_owned(),
            #[cfg(feature = "aws")]
            mail: None,
        })
    }

    /// With Slack's API somewhere else, where there is a stand-in of it.
    #[must_use]
    pub fn with_slack_api(mut self, api: Option<HttpsUrl>) -> Self {
        if let Some(api) = api {
            api.expose().trim_end_matches('/').clone_into(&mut self.slack_api);
        }
        self
    }

    /// Sends a notice, once.
    ///
    /// # Errors
    /// [`Undelivered`].
    pub async fn send(&self, parcel: Parcel<'_>) -> Result<Receipt, Undelivered> {
        match parcel.target {
            Target::Pagerduty { endpoint } => self.to_pagerduty(&parcel, endpoint).await,
            Target::SlackWebhook => self.to_slack_webhook(&parcel).await,
            Target::SlackBot { channel } => self.to_slack_bot(&parcel, channel).await,
            Target::EmailTopic { .. } | Target::EmailSes { .. } => self.to_mail(&parcel).await,
            Target::Webhook { url, key_id } => self.to_webhook(&parcel, url, key_id).await,
        }
    }

    #[cfg(feature = "aws")]
    async fn to_mail(&self, parcel: &Parcel<'_>) -> Result<Receipt, Undelivered> {
        let mail = self.mail.as_ref().ok_or_else(no_mail)?;
        match parcel.target {
            Target::EmailSes { from, to } => mail.to_mailbox(parcel, from, to).await,
            Target::EmailTopic { topic } => mail.to_topic(parcel, topic).await,
            _ => Err(no_mail()),
        }
    }

    #[cfg(not(feature = "aws"))]
    #[expect(clippy::unused_async, reason = "with AWS it sends")]
    async fn to_mail(&self, _: &Parcel<'_>) -> Result<Receipt, Undelivered> {
        Err(no_mail())
    }

    fn post(&self, address: &str) -> RequestBuilder {
        self.http.request(Method::POST, address)
    }

    /// Sends a request to what is called so; these texts are in no error.
    async fn ask(&self, who: &str, request: RequestBuilder, secrets: &[&str]) -> Result<Answer, Undelivered> {
        self.http.ask(request).await.map_err(|error| Silence { who, error, secrets }.into())
    }
}

fn no_mail() -> Undelivered {
    Undelivered::never(
        "e-mail is sent by AWS, and this is a stack without it",
        "the stack on AWS sends it; here, use a channel of another kind",
    )
}

/// The credential of a parcel, without the white space around it that a file or a form adds.
fn credential<'a>(parcel: &Parcel<'a>, what: &str) -> Result<&'a str, Undelivered> {
    let credential = parcel.credential.map(Credential::expose).map(str::trim).filter(|text| !text.is_empty());
    credential.ok_or_else(|| {
        Undelivered::never(format!("the channel has no {what}"), "store it as the channel's secret")
    })
}
