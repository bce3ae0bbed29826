//! What the function approve is given and answers: a person's tool asks for a link, and a browser opens it.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU16;

use approval_link::{Approver, Link};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rollout::{EnvironmentName, RolloutId, ServiceName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest body of a request that is looked at, in bytes. A form with the longest link is half as long.
pub const MAX_BODY: usize = 1024;

/// What approve is given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub enum Approve {
    /// Make a link. Only who may invoke the function can ask for that.
    Link(LinkWanted),
    /// A request to the function's URL, by anybody.
    Http(HttpRequest),
}

/// A link that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkWanted {
    /// The rollout.
    pub rollout_id: RolloutId,
    /// Its epoch as the person saw it: a link for another one is refused.
    pub epoch: u64,
    /// The step that waits for approval, counted from 1 as `ace status` does.
    pub step: NonZeroU16,
    /// Who shall approve with the link.
    pub approver: Approver,
    /// For how long the link is of use, in seconds; four hours unless it says so. It never outlives the wait for the
    /// approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 604_800))]
    pub expires_in_seconds: Option<u32>,
}

/// What comes of asking for a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LinkReply {
    /// It was made.
    Link(LinkMade),
    /// It was not, and nothing was changed.
    Refused {
        /// Why not, and what helps.
        reason: String,
    },
}

/// A link that was made. The path is a credential: whoever has it can approve in the approver's name, so that `Debug`
/// does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkMade {
    /// Where the link leads, below the function's URL. A secret.
    pub path: String,
    /// What names the link in logs and in the history; no secret.
    pub link_id: String,
    /// The environment.
    pub environment: EnvironmentName,
    /// The service.
    pub service: ServiceName,
    /// The rollout.
    pub rollout_id: RolloutId,
    /// The step, from 1.
    pub step: NonZeroU16,
    /// Who shall approve.
    pub approver: Approver,
    /// Until when the link is of use.
    pub expires: Timestamp,
}

impl LinkMade {
    /// What stands before the link in a path.
    pub const PREFIX: &str = "/approve/";

    /// The path of a link.
    pub fn path_of(link: &Link) -> String {
        format!("{}{}", Self::PREFIX, link.expose())
    }

    /// The whole address, below the function's URL (the stack's output `ApproveUrl`, or that of the page on this
    /// machine). A secret.
    pub fn at(&self, url: &str) -> String {
        format!("{}{}", url.trim_end_matches('/'), self.path)
    }
}

impl fmt::Debug for LinkMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkMade")
            .field("link_id", &self.link_id)
            .field("rollout_id", &self.rollout_id)
            .field("step", &self.step)
            .field("approver", &self.approver)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// A request to a function URL. Path and body may hold a link: `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// GET, POST, ...
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// What the body is said to be, in lower case and without parameters.
    pub content_type: String,
    /// What was sent with it.
    pub body: Body,
}

/// The body of a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// A text; empty where there is none.
    Text(String),
    /// Longer than [`MAX_BODY`].
    TooLong,
    /// No text.
    NotText,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What a function URL sends back, in the payload format 2.0.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpResponse {
    /// The status.
    pub status_code: u16,
    /// The headers, by their names in lower case.
    pub headers: BTreeMap<&'static str, String>,
    /// The page. Its form may hold a link.
    pub body: String,
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse").field("status_code", &self.status_code).finish_non_exhaustive()
    }
}

/// What approve answers, in the shape that its caller expects. It is never written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ApproveReply {
    /// To who asked for a link.
    Link(LinkReply),
    /// To a browser.
    Http(HttpResponse),
}

impl TryFrom<Value> for Approve {
    type Error = String;

    /// No message repeats what was sent: it may hold a link.
    fn try_from(value: Value) -> Result<Self, String> {
        // First, so that no request from outside is ever taken for one from inside.
        if value.get("requestContext").is_some() {
            return request(&value).map(Self::Http);
        }
        match value.get("link") {
            Some(wanted) => {
                LinkWanted::deserialize(wanted).map(Self::Link).map_err(|error| format!("link: {error}"))
            }
            None => Err(
                "neither a link is asked for ({\"link\": {...}}) nor is it a request to the function's URL"
                    .to_owned(),
            ),
        }
    }
}

/// A request as a function URL hands it over: "Invoking Lambda function URLs", request payload format, in the AWS Lambda
/// Developer Guide. Anything but texts and JSON comes in base64, a form as well.
fn request(value: &Value) -> Result<HttpRequest, String> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let method =
        text("/requestContext/http/method").ok_or("requestContext.http.method is missing")?.to_owned();
    let path = text("/rawPath").ok_or("rawPath is missing")?.to_owned();
    let content_type = text("/headers/content-type").unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let encoded = value.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
    let body = body(text("/body").unwrap_or_default(), encoded);
    Ok(HttpRequest { method, path, content_type, body })
}

fn body(sent: &str, encoded: bool) -> Body {
    if sent.len() > if encoded { MAX_BODY.div_ceil(3) * 4 } else { MAX_BODY } {
        return Body::TooLong;
    }
    if !encoded {
        return Body::Text(sent.to_owned());
    }
    match STANDARD.decode(sent).map(String::from_utf8) {
        Ok(Ok(text)) if text.len() <= MAX_BODY => Body::Text(text),
        Ok(Ok(_)) => Body::TooLong,
        Ok(Err(_)) | Err(_) => Body::NotText,
    }
}
