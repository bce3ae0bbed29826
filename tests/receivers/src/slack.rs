use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::exchange::{Reply, Request, Site};

/// Slack: incoming webhooks below `/services/`, and of its API `chat.postMessage`, `conversations.history` and
/// `conversations.replies` below `/api/`.
#[derive(Debug)]
pub struct Slack {
    /// The token of the bot.
    pub token: String,
    /// The channels that it is in.
    pub channels: BTreeSet<String>,
    /// What it may do.
    pub scopes: BTreeSet<String>,
    /// The path of the one webhook that there is, which posts to the first channel.
    pub webhook: String,
    /// How many messages a page has at most.
    pub page: usize,
    messages: Vec<Posted>,
    /// How many there have ever been.
    count: u32,
}

/// A message.
#[derive(Clone, Debug, Serialize)]
pub struct Posted {
    /// The channel.
    pub channel: String,
    /// Its id in the channel: when it was posted.
    pub ts: String,
    /// The message that it answers.
    pub thread_ts: Option<String>,
    /// What was posted.
    pub body: Value,
}

impl Slack {
    /// One channel and one webhook.
    pub fn new(token: &str, channel: &str, webhook: &str) -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Self {
            token: token.to_owned(),
            channels: texts(&[channel]),
            scopes: texts(&["chat:write", "channels:history"]),
            webhook: webhook.to_owned(),
            page: 999,
            messages: Vec::new(),
            count: 0,
        }
    }

    /// The messages, oldest first.
    pub fn messages(&self) -> &[Posted] {
        &self.messages
    }

    /// Takes a message away, as people do.
    pub fn delete(&mut self, ts: &str) {
        self.messages.retain(|message| message.ts != ts);
    }

    fn post(&mut self, channel: &str, thread_ts: Option<String>, body: Value) -> String {
        // Microseconds count the messages, so that no two are the same.
        self.count += 1;
        let ts = format!("{}.{:06}", Timestamp::now().as_second(), self.count);
        self.messages.push(Posted { channel: channel.to_owned(), ts: ts.clone(), thread_ts, body });
        ts
    }

    fn incoming(&mut self, request: &Request) -> Reply {
        if request.path != self.webhook {
            return Reply::text(404, "no_service");
        }
        let body = request.json();
        if !body.is_object() || !is_message(&body) {
            return Reply::text(400, "invalid_payload");
        }
        let channel = self.channels.first().cloned().unwrap_or_default();
        self.post(&channel, None, body);
        Reply::text(200, "ok")
    }

    fn api(&mut self, request: &Request, method: &str) -> Result<Value, Value> {
        let refuse = |error: &str| Err(json!({ "ok": false, "error": error }));
        let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let scope = match method {
            "chat.postMessage" => "chat:write",
            "conversations.history" | "conversations.replies" => "channels:history",
            _ => return refuse("unknown_method"),
        };
        match bearer {
            None => return refuse("not_authed"),
            Some(token) if token != self.token => return refuse("invalid_auth"),
            Some(_) => {}
        }
        if !self.scopes.contains(scope) {
            let provided: Vec<_> = self.scopes.iter().cloned().collect();
            let told = json!({ "ok": false, "error": "missing_scope", "needed": scope, "provided": provided.join(",") });
            return Err(told);
        }
        let body = request.json();
        let argument = |name: &str| match body.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
            None => request.argument(name),
        };
        let channel = argument("channel").unwrap_or_default();
        if !self.channels.contains(&channel) {
            return refuse("channel_not_found");
        }
        match method {
            "chat.postMessage" => {
                let thread_ts = argument("thread_ts");
                if thread_ts.as_ref().is_some_and(|ts| !self.is_there(&channel, ts)) {
                    return refuse("thread_not_found");
                }
                if !is_message(&body) {
                    return refuse("invalid_blocks");
                }
                let ts = self.post(&channel, thread_ts, body);
                Ok(
                    json!({ "ok": true, "channel": channel, "ts": ts, "message": { "ts": ts, "type": "message" } }),
                )
            }
            "conversations.replies" => {
                let thread = argument("ts").unwrap_or_default();
                if !self.is_there(&channel, &thread) {
                    return refuse("thread_not_found");
                }
                let of = |message: &&Posted| {
                    message.ts == thread || message.thread_ts.as_deref() == Some(thread.as_str())
                };
                Ok(self.page(self.messages.iter().filter(of), &channel, &argument))
            }
            _ => {
                let broadcast = Value::Bool(true);
                let of = |message: &&Posted| {
                    message.thread_ts.is_none() || message.body.get("reply_broadcast") == Some(&broadcast)
                };
                // Newest first.
                Ok(self.page(self.messages.iter().rev().filter(of), &channel, &argument))
            }
        }
    }

    fn is_there(&self, channel: &str, ts: &str) -> bool {
        self.messages.iter().any(|message| message.channel == channel && message.ts == ts)
    }

    /// The messages of a channel after `oldest`, a page of them.
    fn page<'a>(
        &self,
        messages: impl Iterator<Item = &'a Posted>,
        channel: &str,
        argument: &dyn Fn(&str) -> Option<String>,
    ) -> Value {
        let number = |name: &str| argument(name).and_then(|text| text.parse::<f64>().ok());
        let oldest = number("oldest").unwrap_or(0.0);
        let limit = argument("limit").and_then(|text| text.parse().ok()).unwrap_or(100).min(self.page);
        let from: usize = argument("cursor").and_then(|text| text.parse().ok()).unwrap_or(0);
        let with_metadata = argument("include_all_metadata").as_deref() == Some("true");
        let messages: Vec<&Posted> = messages
            .filter(|message| message.channel == channel)
            .filter(|message| message.ts.parse::<f64>().is_ok_and(|ts| ts > oldest))
            .collect();
        let shown = messages.iter().skip(from).take(limit);
        let shown: Vec<Value> = shown.map(|message| shown_as(message, with_metadata)).collect();
        let next = from + shown.len();
        let has_more = next < messages.len();
        let next_cursor = if has_more { next.to_string() } else { String::new() };
        json!({
            "ok": true,
            "messages": shown,
            "has_more": has_more,
            "response_metadata": { "next_cursor": next_cursor },
        })
    }
}

fn shown_as(message: &Posted, with_metadata: bool) -> Value {
    let mut shown = json!({
        "type": "message",
        "ts": message.ts,
        "text": message.body.get("text"),
    });
    if let Some(shown) = shown.as_object_mut() {
        if let Some(thread) = &message.thread_ts {
            shown.insert("thread_ts".to_owned(), thread.clone().into());
        }
        if let (true, Some(metadata)) = (with_metadata, message.body.get("metadata")) {
            shown.insert("metadata".to_owned(), metadata.clone());
        }
    }
    shown
}

/// Whether Slack takes it: as far as its limits are documented.
fn is_message(body: &Value) -> bool {
    let has_text = body.get("text").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let Some(blocks) = body.get("blocks") else { return has_text };
    let Some(blocks) = blocks.as_array() else { return false };
    let fits = |block: &Value| {
        let text =
            block.pointer("/text/text").and_then(Value::as_str).map(|text| text.encode_utf16().count());
        match block.get("type").and_then(Value::as_str) {
            Some("header") => text.is_some_and(|length| (1..=150).contains(&length)),
            Some("section") => text.is_some_and(|length| (1..=3_000).contains(&length)),
            Some("context") => {
                block.get("elements").and_then(Value::as_array).is_some_and(|all| all.len() <= 10)
            }
            Some("divider") => true,
            _ => false,
        }
    };
    has_text && blocks.len() <= 50 && blocks.iter().all(fits)
}

impl Site for Slack {
    fn handle(&mut self, request: &Request) -> Reply {
        match request.path.strip_prefix("/api/") {
            Some(method) => {
                let method = method.to_owned();
                let (Ok(body) | Err(body)) = self.api(request, &method);
                Reply::json(200, &body)
            }
            None => self.incoming(request),
        }
    }

    fn state(&self) -> Value {
        json!({ "messages": self.messages })
    }

    fn forget(&mut self) {
        self.messages.clear();
    }
}
