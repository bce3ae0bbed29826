//! `receivers`: stand-ins for PagerDuty, Slack and a webhook's receiver, until Ctrl-C.

#![expect(clippy::print_stdout, reason = "it says where it listens")]

use std::io;

use alerting::Credential;
use clap::Parser;
use receivers::{Pagerduty, Receiver, Slack, Webhook};
use serde_json::json;

/// Serves stand-ins for PagerDuty, Slack and a webhook's receiver on 127.0.0.1, and prints where as one line of JSON.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The port of PagerDuty's Events API; 0 is any that is free.
    #[arg(long, default_value_t = 0)]
    pagerduty: u16,
    /// The port of Slack.
    #[arg(long, default_value_t = 0)]
    slack: u16,
    /// The port of the webhook's receiver.
    #[arg(long, default_value_t = 0)]
    webhook: u16,
    /// The token that Slack knows.
    #[arg(long, default_value = "xoxb-local-receiver")]
    slack_token: String,
    /// The channel that Slack's bot is in.
    #[arg(long, default_value = "C0123456789")]
    slack_channel: String,
    /// The path of Slack's incoming webhook.
    #[arg(long, default_value = "/services/T0/B0/local")]
    slack_webhook: String,
    /// A secret that the webhook's receiver knows, by its id: `primary=<at least 32 characters>`.
    #[arg(long = "secret", value_parser = secret)]
    secrets: Vec<(String, String)>,
}

fn secret(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').map(|(id, secret)| (id.to_owned(), secret.to_owned()));
    parts.ok_or_else(|| "write it as id=secret".to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let pagerduty = Receiver::on(arguments.pagerduty, Pagerduty::default()).await?;
    let slack = Slack::new(&arguments.slack_token, &arguments.slack_channel, &arguments.slack_webhook);
    let slack = Receiver::on(arguments.slack, slack).await?;
    let secrets = arguments.secrets.into_iter().map(|(id, secret)| (id, Credential::new(secret)));
    let webhook = Receiver::on(arguments.webhook, Webhook::new(secrets)).await?;
    let places = json!({
        "pagerduty": pagerduty.url("/v2/enqueue"),
        "slack_api": slack.url("/api"),
        "slack_webhook": slack.url(&arguments.slack_webhook),
        "webhook": webhook.url("/"),
    });
    println!("{places}");
    tokio::signal::ctrl_c().await
}
