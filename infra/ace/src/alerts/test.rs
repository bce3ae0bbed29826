//! `ace alerts test`: an event, played through the real function in virtual time.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use alerting::condition::Truth;
use alerting::{AlarmState, News, Policy, Reason, Signal};
use clap::Args;
use console::Style;
use contract::{AlertRouter, Heard};
use environments::Environment;
use jiff::Timestamp;
use rollout::{EnvironmentName, Seconds};
use serde_json::{Value, json};

use super::DeskError;
use super::rehearsal::{Rehearsal, Sent};
use super::rules::{across, judged};
use super::shown::{held, mark, print, reason, short, span};
use super::timeline::{Timeline, time};
use super::wording::{Shape, readable};
use crate::arguments::{Output, OutputArgument};
use crate::error::AceError;
use crate::told::Titles;
use crate::words::instant;
use crate::{Ending, inputs};

/// Play an event.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The event: a JSON file as alert-router gets it, like the alarms in events/.
    #[arg(long, value_name = "FILE")]
    event: PathBuf,
    /// An event that was heard before it; may be given several times, in their order.
    #[arg(long, value_name = "FILE")]
    given: Vec<PathBuf>,
    /// The environment whose stack routes it.
    #[arg(long, env = "ACE_ENVIRONMENT", default_value = "local", value_name = "NAME")]
    environment: EnvironmentName,
    /// A file that is its whole configuration [default: the layers in .ace-flow/environments/<ENVIRONMENT>]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// When it is heard, such as 2026-12-01T06:00Z [default: when it happened]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// A tag that the alarm has in CloudWatch, which is not asked here: ace-flow:service=checkout.
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<Tag>,
    /// Show the messages as this kind of channel gets them.
    #[arg(long, value_enum, value_name = "KIND")]
    show: Option<Shape>,
    #[command(flatten)]
    output: OutputArgument,
}

/// A tag of an alarm.
#[derive(Clone, Debug)]
struct Tag(String, String);

impl FromStr for Tag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self(name.to_owned(), value.to_owned())),
            _ => Err("write NAME=VALUE".to_owned()),
        }
    }
}

pub(super) async fn test(arguments: Test) -> Result<Ending, AceError> {
    let configured = inputs::configuration(&arguments.environment, arguments.config.as_ref())?;
    let event = events(&arguments.event)?;
    let mut before = Vec::new();
    for path in &arguments.given {
        before.extend(events(path)?);
    }
    let happened = event.iter().filter_map(time).max();
    let at = arguments.at.or(happened).unwrap_or_else(Timestamp::now);
    if let Some(event) = happened.filter(|happened| *happened > at) {
        return Err(DeskError::TooEarly { at, event }.into());
    }
    let tags = arguments.tags.iter().map(|Tag(name, value)| (name.clone(), value.clone())).collect();
    let first = before.iter().filter_map(time).chain([at]).min().unwrap_or(at);
    let configuration = configured.rollouts();
    let rehearsal = Rehearsal::begin(&arguments.environment, configuration, tags, first).await?;
    for heard in before {
        rehearsal.pass(time(&heard).unwrap_or(first).min(at)).await?;
        rehearsal.hear(vec![heard]).await?;
    }
    rehearsal.pass(at).await?;
    let mut timeline = Timeline::begin(&rehearsal, &event, at).await?;
    let policy = configuration.alerts(&arguments.environment);
    let trial = Trial { configuration, policy, rehearsal: &rehearsal, at, output: arguments.output.output };
    // Held against what is known once the event is, before any time has passed.
    let mut holds = false;
    for heard in &event {
        holds |= trial.event(heard, &arguments.event).await?;
    }
    timeline.go_on(&rehearsal, &event).await?;
    trial.timeline(&timeline);
    if let Some(shape) = arguments.show {
        trial.messages(&timeline, shape);
    }
    Ok(if holds { Ending::Good } else { Ending::NoRule })
}

/// What is heard of a file.
fn events(path: &Path) -> Result<Vec<Heard>, AceError> {
    let refused = |reason: String| DeskError::NoEvent { path: path.display().to_string(), reason };
    let request = serde_json::from_value(inputs::event(path)?).map_err(|error| refused(error.to_string()))?;
    let AlertRouter::Heard(heard) = request else {
        return Err(refused("it is an order, or what a timer sends".to_owned()).into());
    };
    for one in &heard {
        if let Heard::Malformed { why, .. } = one {
            return Err(refused(why.clone()).into());
        }
    }
    Ok(heard)
}

/// An event that is played, and how it is shown.
struct Trial<'a> {
    configuration: &'a Environment,
    policy: Policy,
    rehearsal: &'a Rehearsal,
    at: Timestamp,
    output: Output,
}

impl Trial<'_> {
    fn is_json(&self) -> bool {
        self.output == Output::Json
    }

    /// What an event comes to, and which rules hold of its subject; whether any does.
    async fn event(&self, heard: &Heard, path: &Path) -> Result<bool, AceError> {
        let signal = match self.rehearsal.signal_of(heard).await? {
            Ok(signal) => signal,
            Err(why) => {
                if self.is_json() {
                    println!("{}", json!({ "kind": "ignored", "why": why }));
                } else {
                    println!("{} {} changes nothing: {why}", mark(Truth::Fails), path.display());
                }
                return Ok(false);
            }
        };
        // Without what is alert-router's own.
        let policy = &self.policy;
        let watch = self.rehearsal.watch(&signal.subject).await?;
        let mut counted = Vec::new();
        for rule in across(policy) {
            counted.push(self.rehearsal.across(&rule).await?);
        }
        let judged = judged(policy, &watch, &counted, None, self.at);
        if self.is_json() {
            println!("{}", news_entry(&signal));
            let entries: Vec<String> = judged.iter().map(|judged| judged.entry().to_string()).collect();
            print(&entries, 0);
        } else {
            println!("{}", Style::new().bold().apply_to(news(&signal)));
            let lines: Vec<String> = judged.iter().flat_map(|judged| judged.lines(true, self.at)).collect();
            print(&lines, 0);
            if judged.is_empty() {
                println!("  there are no rules under alerts: nobody is told of anything");
            }
        }
        Ok(judged.iter().any(|judged| judged.truth() == Truth::Holds))
    }

    /// Who would be told what, when.
    fn timeline(&self, timeline: &Timeline) {
        let titles = Titles::from(&self.policy);
        if self.is_json() {
            for (alert, held) in &timeline.held {
                println!("{}", json!({ "kind": "held", "alert": alert, "by": held }));
            }
            for sent in &timeline.sent {
                println!("{}", self.sent_entry(timeline, sent, &titles));
            }
            return;
        }
        for (id, title) in &timeline.groups {
            println!("\ngroup {} {}", short(id.as_str(), 8), Style::new().bold().apply_to(title));
            let sent: Vec<&Sent> = timeline.sent.iter().filter(|sent| sent.notice.group == *id).collect();
            let (before, after): (Vec<&Sent>, Vec<&Sent>) =
                sent.iter().partition(|sent| timeline.ends.is_none_or(|ends| sent.at < ends));
            print(&self.lines(&before, &titles), 2);
            if sent.is_empty() {
                println!("    nobody is told of it");
            }
            if let Some(ends) = timeline.ends.filter(|_| !after.is_empty()) {
                let when = clock(self.at, ends);
                println!("    {}", Style::new().dim().apply_to(format!("and if it ends at {when}:")));
                print(&self.lines(&after, &titles), 2);
            }
        }
        for (alert, by) in &timeline.held {
            println!("\n{} {alert} is held: {}", Style::new().yellow().apply_to("!"), held(by));
        }
    }

    fn lines(&self, sent: &[&Sent], titles: &Titles) -> Vec<String> {
        sent.iter().map(|sent| self.line(sent, titles)).collect()
    }

    fn line(&self, sent: &Sent, titles: &Titles) -> String {
        let Sent { at, channel, notice } = sent;
        let why = match &notice.reason {
            Reason::First | Reason::AllEnded => String::new(),
            Reason::Reminder => format!(" ({}, every {})", reason(&notice.reason), span(self.repeat(sent))),
            other => format!(" ({})", reason(other)),
        };
        let (when, title) = (clock(self.at, *at), titles.title(notice));
        format!("{when:>8}  {:<16} {title}{}", channel.as_str(), Style::new().dim().apply_to(why))
    }

    /// How often a channel is reminded.
    fn repeat(&self, sent: &Sent) -> Seconds {
        let rules = sent.notice.alerts.iter().filter_map(|alert| self.policy.rule(&alert.rule)?.repeat);
        rules.min().unwrap_or(self.policy.grouping.repeat)
    }

    fn sent_entry(&self, timeline: &Timeline, sent: &Sent, titles: &Titles) -> Value {
        let Sent { at, channel, notice } = sent;
        let kind = self.configuration.notifications().get(channel).map(|channel| channel.kind().name());
        json!({
            "kind": "told", "at": at, "after_seconds": at.duration_since(self.at).as_secs(), "group": notice.group,
            "channel": channel, "channel_kind": kind, "message": notice.kind, "reason": notice.reason,
            "severity": notice.severity, "title": titles.title(notice), "alerts": notice.alerts,
            "after_its_end": timeline.ends.is_some_and(|ends| *at >= ends),
        })
    }

    /// The messages as their channels get them; where no channel of the kind is told, the first one as it would look.
    fn messages(&self, timeline: &Timeline, shape: Shape) {
        let titles = Titles::from(&self.policy);
        let channel = |sent: &Sent| self.configuration.notifications().get(&sent.channel);
        let mut shown: Vec<&Sent> = timeline.sent.iter().filter(|sent| shape.is_of(channel(sent))).collect();
        let as_if = shown.is_empty();
        if as_if {
            shown.extend(timeline.sent.first());
        }
        for sent in shown {
            let own = channel(sent).filter(|_| !as_if);
            let body = shape.of(&sent.notice, titles.wording(&sent.notice), own);
            if self.is_json() {
                println!(
                    "{}",
                    json!({ "kind": "message", "at": sent.at, "channel": sent.channel, "body": body })
                );
                continue;
            }
            let when = clock(self.at, sent.at);
            let whose = if as_if {
                "no channel of this kind is told; one would get".to_owned()
            } else {
                format!("{when} {}", sent.channel)
            };
            println!("\n{}\n{}", Style::new().bold().apply_to(format!("── {whose}")), readable(&body));
        }
    }
}

/// A time after another one, as minutes and seconds; as hours, too, where there are any.
fn clock(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs();
    let (sign, seconds) = (if seconds < 0 { "-" } else { "" }, seconds.unsigned_abs());
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{sign}{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{sign}{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// What was heard, in words.
fn news(signal: &Signal) -> String {
    let Signal { subject, at, news } = signal;
    let what = match news {
        News::Alarm(alarm) => {
            let state = match alarm.state {
                AlarmState::Alarm => "is in ALARM",
                AlarmState::Ok => "is OK",
                AlarmState::InsufficientData => "has not enough data",
            };
            format!("alarm {} of {subject} {state}", alarm.name)
        }
        News::Status(status) if status.reason.is_empty() => format!("{subject} is {}", status.status),
        News::Status(status) => format!("{subject} is {} ({})", status.status, status.reason),
        News::Deployment(deployment) => {
            let state = deployment.state.as_str().replace('_', " ");
            format!("{subject}: {} is {state} ({})", deployment.version, deployment.detail)
        }
    };
    format!("{what}, {}", instant(*at))
}

fn news_entry(signal: &Signal) -> Value {
    let what = match &signal.news {
        News::Alarm(alarm) => json!({
            "alarm": alarm.name, "state": alarm.state, "reason": alarm.reason, "namespace": alarm.namespace,
            "metric": alarm.metric, "measures": alarm.measures, "made_for": alarm.rule,
        }),
        News::Status(status) => {
            json!({ "status": status.status, "reason": status.reason, "measures": status.measures })
        }
        News::Deployment(deployment) => json!({
            "deployment": deployment.state, "rollout": deployment.rollout, "version": deployment.version,
            "detail": deployment.detail,
        }),
    };
    json!({ "kind": "heard", "subject": signal.subject.to_string(), "at": signal.at, "news": what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_from_the_event_on() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        for (seconds, text) in
            [(0, "0:00"), (65, "1:05"), (3_599, "59:59"), (15_000, "4:10:00"), (-134, "-2:14")]
        {
            assert_eq!(clock(at(1_000_000), at(1_000_000 + seconds)), text);
        }
    }
}
