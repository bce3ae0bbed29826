//! What alert-router has to say itself: the rule and the channel that no configuration has to have.

use std::collections::BTreeMap;

use alerting::{
    Alert, AlertKey, AlertState, ChannelName, ChannelTraits, Condition, Policy, Rule, RuleName, Severity,
    Subject, Vocabulary,
};
use environments::{Channel, Email, TopicArn, Way};
use jiff::Timestamp;
use rollout::{EnvironmentName, Seconds};

/// The rule under which people are told of what could not be understood.
const NOT_UNDERSTOOD: &str = "ACE-Flow: not understood";
/// It is told again so often as it comes, but not as one that goes on for ever.
const LASTS: Seconds = Seconds(15 * 60);
/// The channel of the stack itself.
const OPERATIONS: &str = "operations";

/// A policy with what is alert-router's own: its rule, and the topic of the stack as the channel of last resort.
pub(super) fn with_own(
    mut policy: Policy,
    operations: Option<(&TopicArn, &mut BTreeMap<ChannelName, Channel>)>,
) -> Policy {
    if let Some((topic, channels)) = operations
        && let Ok(name) = OPERATIONS.parse::<ChannelName>()
    {
        // A channel of the configuration that is called so comes first.
        if !channels.contains_key(&name) {
            let way = Way::Email(Email::Topic(topic.clone()));
            channels.insert(name.clone(), Channel { way, pages: false, fallback: None });
            policy.channels.insert(name.clone(), ChannelTraits::default());
        }
        policy.last_resort = Some(name);
    }
    let told = policy.fallback.clone().or_else(|| policy.last_resort.clone());
    let condition = Condition::parse("alarm:\"ACE-Flow: not understood\"", &Vocabulary::signals(&[]));
    if let (Ok(name), Ok(condition)) = (NOT_UNDERSTOOD.parse::<RuleName>(), condition) {
        policy.rules.push(Rule {
            name,
            condition,
            severity: Severity::High,
            channels: told.into_iter().collect(),
            wait: Some(Seconds(0)),
            repeat: None,
            escalations: Vec::new(),
            tells_end: false,
            runbook: None,
            title: None,
            ends_after: Some(LASTS),
        });
    }
    policy
}

/// Something could not be understood.
pub(super) fn not_understood(
    environment: &EnvironmentName,
    why: &str,
    excerpt: &str,
    now: Timestamp,
) -> Option<Alert> {
    Some(Alert {
        key: AlertKey {
            rule: NOT_UNDERSTOOD.parse().ok()?,
            subject: Some(Subject::environment(environment.clone())),
        },
        severity: Severity::High,
        state: AlertState::Firing { since: now },
        decided: now,
        because: format!(
            "something was sent to alert-router that it cannot read: {why}. It begins: {excerpt}"
        ),
        flapping: false,
        link: None,
    })
}
