//! Who was told of alerts, or could not be, in words.

use std::collections::BTreeMap;

use alert_message::{Message, Wording};
use alerting::group::Delivery;
use alerting::{ChannelName, Notice, NoticeKind, Policy, RuleName};
use serde_json::{Value, json};

use crate::words::Tone;

/// The titles that rules have of their own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Titles(BTreeMap<RuleName, String>);

impl From<&Policy> for Titles {
    fn from(policy: &Policy) -> Self {
        let titled = policy.rules.iter().filter_map(|rule| Some((rule.name.clone(), rule.title.clone()?)));
        Self(titled.collect())
    }
}

impl Titles {
    /// The template for a message: that of its first alert's rule.
    pub(crate) fn wording(&self, notice: &Notice) -> Wording<'_> {
        let first = notice.alerts.first();
        let title = first.and_then(|alert| self.0.get(&alert.rule)).map(String::as_str);
        Wording { title, text: None }
    }

    /// A message's title, as its channel has it.
    pub(crate) fn title(&self, notice: &Notice) -> String {
        Message::new(notice, self.wording(notice)).title
    }

    /// What came of a message, for people and for programs.
    pub(crate) fn delivery(&self, channel: &ChannelName, notice: &Notice, delivery: &Delivery) -> Told {
        let title = self.title(notice);
        let why = match delivery {
            Delivery::Done { .. } => {
                let tone = match notice.kind {
                    NoticeKind::Firing => Tone::Warning,
                    NoticeKind::Folded | NoticeKind::Acknowledged { .. } => Tone::Plain,
                    NoticeKind::Resolved => Tone::Good,
                };
                let text = format!("{channel} is told: {title}");
                return Told { tone, text, data: data(channel, notice, &title, None) };
            }
            Delivery::Later { why, .. } | Delivery::Refused { why } => why,
        };
        let text = format!("{channel} could not be told: {title}: {why}");
        Told { tone: Tone::Bad, text, data: data(channel, notice, &title, Some(why)) }
    }

    /// A message that is given up.
    pub(crate) fn given_up(&self, channel: &ChannelName, notice: &Notice, why: &str) -> Told {
        let title = self.title(notice);
        let mut data = data(channel, notice, &title, Some(why));
        if let Some(data) = data.as_object_mut() {
            data.insert("given_up".to_owned(), json!(true));
        }
        Told { tone: Tone::Bad, text: format!("{channel} is given up: {title}: {why}"), data }
    }
}

/// What came of a message.
pub(crate) struct Told {
    pub(crate) tone: Tone,
    pub(crate) text: String,
    pub(crate) data: Value,
}

fn data(channel: &ChannelName, notice: &Notice, title: &str, why: Option<&str>) -> Value {
    json!({
        "channel": channel, "group": notice.group, "notice": notice.id, "delivered": why.is_none(), "why": why,
        "title": title, "message": notice.kind, "reason": notice.reason, "severity": notice.severity,
    })
}
