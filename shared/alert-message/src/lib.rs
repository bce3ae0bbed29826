//! A notice, as each kind of channel takes it. Pure: a [`Notice`](alerting::Notice) goes in, and for a signature the
//! time; texts and bodies come out.
//!
//! [`Message`] is what is said, in words: a title of one line, facts, links. A team may word title and text of its own
//! with [templates](template); one that fails never keeps a message from being sent. From it and the notice come
//!
//! | channel | what | bounds |
//! |---|---|---|
//! | PagerDuty | [`pagerduty::event`]: trigger, acknowledge or resolve, by the group's id | summary 1,024 characters |
//! | Slack | [`slack::to_webhook`], [`slack::to_channel`]: blocks, and a text for notifications | 50 blocks, 3,000 characters a section |
//! | e-mail | [`Email`]: subject and plain text | a subject for SNS is ASCII and has under 100 characters |
//! | webhook | [`webhook::Body`], signed by [`signature::sign`] | a schema of our own, with a version |
//!
//! Whatever others wrote (reasons, names, people's notes) is put on one line, cut, and escaped where it goes.

mod email;
mod message;
pub mod pagerduty;
mod plain;
pub mod signature;
pub mod slack;
pub mod template;
#[cfg(test)]
mod tests;
pub mod webhook;

pub use email::Email;
pub use message::{Line, Link, Message};
pub use template::Wording;
