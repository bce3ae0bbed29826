//! Slack: blocks, and a text for notifications and screen readers ("Block Kit" reference, "Formatting message text",
//! chat.postMessage, "Sending messages using incoming webhooks").
//!
//! Every text of others is escaped, and marked as one in which Slack looks for no mentions, channels or addresses.
//! Addresses are links and not buttons: a button asks the app for an answer when it is pressed, and this one has none.

use alerting::{AlertView, Notice, Reason};
use serde_json::{Value, json};

use crate::message::{Line, Link, Message};
use crate::plain::{cut, instant, short};
use crate::template::Wording;

/// The type of the metadata of a message, by which a reader of the channel finds the notice's id.
pub const EVENT_TYPE: &str = "ace_flow_notice";
/// The longest header, in characters.
const MAX_HEADER: usize = 150;
/// The longest text of a section, in UTF-16 units: no fewer than characters.
const MAX_SECTION: usize = 3_000;
/// The most blocks of a message.
const MAX_BLOCKS: usize = 50;
/// The longest text of all sections together, in UTF-16 units. Slack refuses messages whose blocks have more than about
/// 13,000 (`msg_blocks_too_long`), which it does not document.
const MAX_SECTIONS: usize = 9_000;
/// The longest text beside the blocks, in UTF-16 units: Slack advises 4,000.
const MAX_TEXT: usize = 3_000;

/// The body for an incoming webhook.
pub fn to_webhook(notice: &Notice, wording: Wording<'_>) -> Value {
    let message = Message::new(notice, wording);
    json!({
        "text": text(&message),
        "blocks": blocks(notice, &message),
        "unfurl_links": false,
        "unfurl_media": false,
        "metadata": metadata(notice),
    })
}

/// The arguments of chat.postMessage: to a channel, and in a thread of it, if there is one about the group already. What
/// is worse than what the thread has is shown in the channel as well.
pub fn to_channel(notice: &Notice, wording: Wording<'_>, channel: &str, thread: Option<&str>) -> Value {
    let mut body = to_webhook(notice, wording);
    if let Some(body) = body.as_object_mut() {
        body.insert("channel".to_owned(), channel.into());
        if let Some(thread) = thread {
            body.insert("thread_ts".to_owned(), thread.into());
            body.insert("reply_broadcast".to_owned(), is_worse(notice).into());
        }
    }
    body
}

/// The metadata that names a notice.
fn metadata(notice: &Notice) -> Value {
    json!({ "event_type": EVENT_TYPE, "event_payload": { "id": notice.id } })
}

/// Whether a notice says something worse than those before it: somebody has to act who did not have to, or alerts have
/// joined that are more severe than all before them.
fn is_worse(notice: &Notice) -> bool {
    match notice.reason {
        Reason::NotAcknowledged { .. } | Reason::RolloutDidNotHelp { .. } => true,
        Reason::Joined { alerts } => {
            let mut firing: Vec<&AlertView> = notice.alerts.iter().filter(|alert| alert.firing).collect();
            // Those that joined are those that began last.
            firing.sort_by_key(|alert| std::cmp::Reverse(alert.since));
            let before = firing.iter().skip(alerts).map(|alert| alert.severity).max();
            before.is_none_or(|before| before < notice.severity)
        }
        Reason::First
        | Reason::SomeEnded { .. }
        | Reason::Reminder
        | Reason::RolloutAnswers { .. }
        | Reason::Acknowledged
        | Reason::AllEnded => false,
    }
}

fn text(message: &Message) -> String {
    let mut text = escaped(&message.title, MAX_TEXT);
    for line in &message.lines {
        let line = escaped(&line.to_string(), MAX_TEXT);
        if units(&text) + 1 + units(&line) > MAX_TEXT {
            break;
        }
        text.push('\n');
        text.push_str(&line);
    }
    text
}

fn blocks(notice: &Notice, message: &Message) -> Vec<Value> {
    let title = cut(&message.title, MAX_HEADER);
    let mut blocks =
        vec![json!({ "type": "header", "text": { "type": "plain_text", "text": title, "emoji": false } })];
    blocks.extend(sections(&message.lines).iter().map(|text| section(text)));
    let links = links(&message.links);
    if !links.is_empty() {
        blocks.push(section(&links));
    }
    let about = format!("ACE-Flow, {}, message {}", instant(notice.at), short(&notice.id, 200));
    blocks.push(json!({
        "type": "context",
        "elements": [{ "type": "mrkdwn", "text": escaped(&about, MAX_SECTION), "verbatim": true }],
    }));
    blocks.truncate(MAX_BLOCKS);
    blocks
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
}

/// The lines, as few sections as hold them. What is too much for a message is counted.
fn sections(lines: &[Line]) -> Vec<String> {
    let mut sections: Vec<String> = Vec::new();
    let mut used = 0;
    for (at, line) in lines.iter().enumerate() {
        let line = mrkdwn(line);
        let left_out = lines.len() - at;
        if used + units(&line) > MAX_SECTIONS {
            sections.push(format!("… and {left_out} more lines"));
            break;
        }
        used += units(&line) + 1;
        match sections.last_mut() {
            Some(last) if units(last) + 1 + units(&line) <= MAX_SECTION => {
                last.push('\n');
                last.push_str(&line);
            }
            _ => sections.push(line),
        }
    }
    sections
}

/// A line, its label in bold.
fn mrkdwn(line: &Line) -> String {
    match &line.label {
        Some(label) => {
            let label = escaped(label, MAX_SECTION / 4);
            let rest = MAX_SECTION - units(&label) - 4;
            format!("*{label}:* {}", escaped(&line.text, rest))
        }
        None => escaped(&line.text, MAX_SECTION),
    }
}

fn links(links: &[Link]) -> String {
    let mut text = String::new();
    for link in links {
        let link = format!("<{}|{}>", escaped(&link.url, usize::MAX), escaped(&link.name, MAX_SECTION / 4));
        let gap = if text.is_empty() { "" } else { " · " };
        if units(&text) + units(gap) + units(&link) <= MAX_SECTION {
            text.push_str(gap);
            text.push_str(&link);
        }
    }
    text
}

/// A text in which Slack finds no markup of its own, at most so long, and no character of it in part.
fn escaped(text: &str, most: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut used = 0;
    for c in text.chars() {
        let (piece, length) = match c {
            '&' => (Some("&amp;"), 5),
            '<' => (Some("&lt;"), 4),
            '>' => (Some("&gt;"), 4),
            c => (None, c.len_utf16()),
        };
        // With room for the mark that something is left out.
        if used + length >= most {
            escaped.push('…');
            break;
        }
        used += length;
        match piece {
            Some(piece) => escaped.push_str(piece),
            None => escaped.push(c),
        }
    }
    escaped
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_of_others_is_escaped_and_cut_between_characters() {
        assert_eq!(escaped("a & <!channel> b", 100), "a &amp; &lt;!channel&gt; b");
        assert_eq!(escaped("ab&cd", 7), "ab…");
        assert_eq!(escaped("ab&cd", 8), "ab&amp;…");
        assert_eq!(escaped("🔥🔥🔥", 5), "🔥🔥…");
    }

    #[test]
    fn lines_fill_few_sections_and_what_is_too_much_is_counted() {
        let lines = |count: usize, length: usize| vec![Line::plain("x".repeat(length)); count];
        assert_eq!(sections(&lines(3, 900)).len(), 1);
        assert_eq!(sections(&lines(4, 900)).len(), 2);
        let many = sections(&lines(20, 2_000));
        assert_eq!(many.len(), 5);
        assert_eq!(many[4], "… and 16 more lines");
        assert!(sections(&[]).is_empty());
    }
}
