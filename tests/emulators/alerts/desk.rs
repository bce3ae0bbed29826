//! Whom alert-router tells: stand-ins of PagerDuty, of Slack and of a webhook's receiver on this machine, and what the
//! environment's configuration and secret say of them.

use std::collections::BTreeMap;

use ::secrets::{SecretName, SecretsManager, Values, Vault};
use alerting::{Credential, GroupId};
use receivers::{Incident, Pagerduty, Posted, Receiver, Slack, Webhook};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::markers::Markers;
use crate::stack::Stack;
use crate::world::alarm_on;

/// The cases. Each is a service with an alarm, and a pager and a channel of Slack that nobody else is told by.
pub const CASES: [&str; 12] = [
    "paged", "document", "waits", "slow", "down", "busy", "keyless", "cut", "gone", "folded", "allowed",
    "quiet",
];

/// What stands in for channels that cannot be told.
pub const FALLBACK: &str = "last";

/// The receivers.
pub struct Desk {
    pagers: BTreeMap<&'static str, Receiver<Pagerduty>>,
    slack: Receiver<Slack>,
    webhook: Receiver<Webhook>,
    secrets: Value,
    /// What is in the secrets, to be looked for.
    pub markers: Markers,
}

fn chat(case: &str) -> String {
    format!("C{:0>10}", case.to_uppercase())
}

impl Desk {
    /// Opens all of them; they end with the runtime.
    pub async fn open() -> Self {
        let mut markers = Markers::default();
        // A routing key has 32 characters.
        let routing_key = format!("{}{}", markers.plant("the routing key"), "0".repeat(8));
        let token = format!("xoxb-{}", markers.plant("the bot's token"));
        let signing = format!("{}{}", markers.plant("the secret that signs"), "1".repeat(16));
        let mut pagers = BTreeMap::new();
        for case in CASES {
            pagers.insert(case, Receiver::start(Pagerduty::default()).await.unwrap());
        }
        let mut slack = Slack::new(&token, &chat("paged"), "/services/none");
        slack.channels = CASES.map(chat).into();
        let webhook = Webhook::new([("1".to_owned(), Credential::new(signing.as_str()))]);
        Self {
            pagers,
            slack: Receiver::start(slack).await.unwrap(),
            webhook: Receiver::start(webhook).await.unwrap(),
            secrets: json!({ "external_apis": {
                "pagerduty_key": routing_key, "slack_token": token, "webhook_secret": signing,
            } }),
            markers,
        }
    }

    /// Where Slack's API is.
    pub fn slack_api(&self) -> String {
        self.slack.url("/api")
    }

    /// Stores the environment's secret, and makes the alarms of the cases, which tell the topic of alerts.
    pub async fn furnish(&self, aws: &Aws, run: &str, stack: &Stack) {
        let values = Values::from_json(&self.secrets.to_string()).unwrap();
        let name = SecretName::of(&stack.environment.parse().unwrap());
        SecretsManager::new(&aws.sdk()).create(&name, &values).await.unwrap();
        for case in CASES.into_iter().filter(|case| *case != "folded") {
            for alarm in ["errors", "latency"] {
                let name = alarm_of(run, case, alarm);
                alarm_on(aws, &name, &stack.environment, case, &[&stack.alert_topic]).await;
            }
        }
    }

    /// Writes into a configuration who is told of what.
    pub fn configure(&self, configuration: &mut Value, environment: &str) {
        let (mut channels, mut rules) = (serde_json::Map::new(), Vec::new());
        for (case, pager) in &self.pagers {
            let key =
                if *case == "keyless" { "external_apis.not_there" } else { "external_apis.pagerduty_key" };
            channels.insert(
                format!("pager-{case}"),
                json!({ "kind": "pagerduty", "secret": key, "endpoint": pager.url("") }),
            );
            channels.insert(
                format!("chat-{case}"),
                json!({ "kind": "slack", "token": "external_apis.slack_token", "channel": chat(case) }),
            );
            let ours = format!("environment:{environment} AND service:{case}");
            let both = json!([format!("pager-{case}"), format!("chat-{case}")]);
            let mut rule = |name: &str, condition: String, severity: &str, channels: &Value| {
                rules.push(json!({
                    "name": format!("{case}: {name}"), "condition": condition, "severity": severity, "channels": channels,
                }));
            };
            match *case {
                // As the document has its first rule.
                "document" => rule(
                    "Production Down",
                    "environment:production AND status:unhealthy".to_owned(),
                    "critical",
                    &both,
                ),
                "waits" => {
                    rule("errors", format!("{ours} AND alarm:*errors"), "high", &both);
                    rule("latency", format!("{ours} AND alarm:*latency"), "medium", &both);
                }
                "slow" => rule(
                    "response time",
                    format!("{ours} AND response_time > 2s for 2s clear after 1s"),
                    "critical",
                    &both,
                ),
                "folded" => rule("errors", format!("{ours} AND alarm:*"), "high", &both),
                "busy" | "keyless" | "gone" | "down" => {
                    rule(
                        "errors",
                        format!("{ours} AND alarm:*"),
                        "critical",
                        &json!([format!("pager-{case}")]),
                    );
                }
                _ => rule("errors", format!("{ours} AND alarm:*"), "critical", &both),
            }
        }
        let url = self.webhook.url("/alerts");
        channels.insert(
            FALLBACK.to_owned(),
            json!({ "kind": "webhook", "secret": "external_apis.webhook_secret", "url": url }),
        );
        configuration["notifications"] = channels.into();
        configuration["alerts"] = json!({
            "environments": [environment, "production"],
            "fallback": FALLBACK,
            "group_wait": "2s",
            "rules": rules,
        });
    }

    /// The pager of a case.
    pub fn pager(&self, case: &str) -> &Receiver<Pagerduty> {
        &self.pagers[case]
    }

    /// Its incidents, oldest first.
    pub fn incidents(&self, case: &str) -> Vec<Incident> {
        self.pager(case).site(|site| site.incidents().to_vec())
    }

    /// What was posted to the channel of a case, oldest first.
    pub fn posted(&self, case: &str) -> Vec<Posted> {
        let channel = chat(case);
        let ours = |posted: &&Posted| posted.channel == channel;
        self.slack.site(|site| site.messages().iter().filter(ours).cloned().collect())
    }

    /// What the fallback was sent in which this text is, each message once, with how often it came.
    pub fn fallen_back(&self, about: &str) -> Vec<(Value, usize)> {
        let ours = |body: &Value| body.to_string().contains(about);
        self.webhook.site(|site| {
            let deliveries = site.deliveries().iter().filter(|delivery| ours(&delivery.body));
            deliveries.map(|delivery| (delivery.body.clone(), delivery.times)).collect()
        })
    }

    /// The bodies of everything that was sent, but to pagers: theirs bring the routing key.
    pub fn bodies(&self) -> Vec<String> {
        let seen = [self.slack.seen(), self.webhook.seen()].into_iter().flatten();
        seen.map(|request| request.body).collect()
    }

    /// The routing key, which a pager may show.
    pub fn routing_key(&self) -> &str {
        self.secrets["external_apis"]["pagerduty_key"].as_str().unwrap()
    }
}

/// The name of an alarm of a case.
pub fn alarm_of(run: &str, case: &str, alarm: &str) -> String {
    format!("ace-{run}-{case}-{alarm}")
}

/// The group of the alerts of a service.
pub fn group_of(environment: &str, service: &str) -> GroupId {
    GroupId::of([("environment", environment), ("service", service)])
}
