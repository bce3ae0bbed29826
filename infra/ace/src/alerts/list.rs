//! `ace alerts list`, `show` and `silences`: what is open, who was told, and what nobody is told of.

use alerting::group::{Held, Line};
use alerting::{Alert, AlertKey, ChannelName, Group, StoredSilence};
use clap::Args;
use console::Style;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::find::{group, groups};
use super::shown::{digits, held, print, short};
use crate::Ending;
use crate::arguments::{Output, OutputArgument};
use crate::backend::{GroupSight, Where, ready};
use crate::error::AceError;
use crate::words::instant;

/// The groups that are open.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Those as well that have closed, as long as they are remembered: a week.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    output: OutputArgument,
}

/// A group.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Its id, or how that begins.
    group: String,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    output: OutputArgument,
}

/// The silences that hold.
#[derive(Debug, Args)]
pub(crate) struct Silences {
    /// Those as well that have ended, as long as they are remembered: a week.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    output: OutputArgument,
}

pub(super) async fn list(arguments: &List) -> Result<Ending, AceError> {
    let environment = &arguments.place.environment;
    let backend = ready(&arguments.place).await?;
    let sighted = groups(&*backend, environment, arguments.all).await?;
    if arguments.output.output == Output::Json {
        sighted.groups.iter().for_each(|sight| println!("{}", entry(sight)));
        return Ok(Ending::Good);
    }
    if sighted.groups.is_empty() {
        println!("no group of alerts is open in {environment}");
    }
    let ids: Vec<&str> = sighted.groups.iter().map(|sight| sight.group.id.as_str()).collect();
    let digits = digits(&ids);
    for sight in &sighted.groups {
        println!("{}", head(&sight.group, digits));
        let alerts: Vec<&Alert> = sight.group.alerts().filter(|alert| alert.is_firing()).collect();
        for alert in alerts.iter().take(SHOWN) {
            let because = console::truncate_str(&alert.because, LONGEST, "…");
            println!("    {} {}: {because}", dot(alert), alert.key.rule);
        }
        if alerts.len() > SHOWN {
            println!("    and {} more alerts", alerts.len() - SHOWN);
        }
        print(&told(sight), 4);
    }
    Ok(Ending::Good)
}

/// How many alerts of a group are shown in a list,
const SHOWN: usize = 5;
/// and how much of why each fires, in characters.
const LONGEST: usize = 120;

pub(super) async fn show(arguments: &Show) -> Result<Ending, AceError> {
    let environment = &arguments.place.environment;
    let backend = ready(&arguments.place).await?;
    let sighted = groups(&*backend, environment, true).await?;
    let sight = group(&sighted, &arguments.group, environment)?;
    if arguments.output.output == Output::Json {
        println!("{}", entry(sight));
        return Ok(Ending::Good);
    }
    println!("{}", head(&sight.group, usize::MAX));
    for common in &sight.group.common {
        let value = if common.value.is_empty() { "none" } else { &common.value };
        println!("    {} {value}", common.label.as_str());
    }
    let mut alerts: Vec<&Alert> = sight.group.alerts().collect();
    alerts.sort_by_key(|alert| (!alert.is_firing(), std::cmp::Reverse(alert.severity), alert.since()));
    for alert in alerts {
        print(&alert_lines(alert), 4);
    }
    print(&told(sight), 4);
    Ok(Ending::Good)
}

pub(super) async fn silences(arguments: &Silences) -> Result<Ending, AceError> {
    let environment = &arguments.place.environment;
    let backend = ready(&arguments.place).await?;
    let sighted = backend.alerts(&crate::backend::Glance::default()).await?;
    let holds = |silence: &&StoredSilence| silence.from <= sighted.now && sighted.now < silence.until;
    let mut shown: Vec<&StoredSilence> =
        sighted.silences.iter().filter(|silence| arguments.all || holds(silence)).collect();
    shown.sort_by_key(|silence| (silence.until, silence.id.clone()));
    if arguments.output.output == Output::Json {
        for silence in &shown {
            let mut line = json!(silence);
            if let Some(line) = line.as_object_mut() {
                line.insert("kind".to_owned(), json!("silence"));
                line.insert("holds".to_owned(), json!(holds(silence)));
            }
            println!("{line}");
        }
        return Ok(Ending::Good);
    }
    if shown.is_empty() {
        println!("nothing is silenced in {environment}");
    }
    for silence in shown {
        let StoredSilence { id, alerts, by, reason, until, .. } = silence;
        let (ends, dim) = (if holds(&silence) { "until" } else { "ended" }, Style::new().dim());
        println!("{id}  {alerts}");
        println!("    {}", dim.apply_to(format!("{ends} {}, by {by}: {reason}", instant(*until))));
    }
    Ok(Ending::Good)
}

/// What a group is, in a line.
fn head(group: &Group, digits: usize) -> String {
    let firing = group.alerts().filter(|alert| alert.is_firing()).count();
    let style = Style::new().bold();
    let (severity, style) = match group.severity() {
        Some(severity) => (severity.as_str().to_uppercase(), style.red()),
        None => ("ENDED".to_owned(), style.green()),
    };
    let since = group.alerts().filter(|alert| alert.is_firing() || firing == 0).map(Alert::since).min();
    let since = since.map(|since| format!(", since {}", instant(since))).unwrap_or_default();
    let alerts = if firing == 1 { "1 alert fires".to_owned() } else { format!("{firing} alerts fire") };
    let (title, dim) = (Style::new().bold().apply_to(group.title()), Style::new().dim());
    let id = if digits == usize::MAX { group.id.as_str() } else { short(group.id.as_str(), digits) };
    format!("{id}  {} {title}  {}", style.apply_to(severity), dim.apply_to(format!("{alerts}{since}")))
}

/// The mark of an alert that fires, or of one that has ended.
fn dot(alert: &Alert) -> String {
    if alert.is_firing() {
        Style::new().red().apply_to("●").to_string()
    } else {
        Style::new().green().apply_to("○").to_string()
    }
}

fn alert_lines(alert: &Alert) -> Vec<String> {
    let dim = Style::new().dim();
    let when = match alert.ended() {
        None => format!("since {}", instant(alert.since())),
        Some(at) => format!("from {} to {}", instant(alert.since()), instant(at)),
    };
    let flapping = if alert.flapping { ", comes and goes" } else { "" };
    let severity = alert.severity.as_str().to_uppercase();
    let mut lines = vec![format!(
        "{} {} {severity} {}",
        dot(alert),
        Style::new().bold().apply_to(&alert.key),
        dim.apply_to(format!("{when}{flapping}"))
    )];
    lines.extend((!alert.because.is_empty()).then(|| format!("  {}", alert.because)));
    lines.extend(alert.link.as_ref().map(|link| format!("  {link}")));
    lines
}

/// Who was told, who could not be, what is held, who has it, and what comes next.
fn told(sight: &GroupSight) -> Vec<String> {
    let GroupSight { group, held: held_by } = sight;
    let (good, bad, warning) = (Style::new().green(), Style::new().red(), Style::new().yellow());
    let mut lines: Vec<String> = Vec::new();
    for (channel, line) in group.lines() {
        match (line.failing(), line.last()) {
            (Some(why), _) => {
                let again = line.tried_again().map(|at| format!("; tried again at {}", instant(at)));
                let instead = line.stand_in().map(|stand_in| format!("; {stand_in} is told instead"));
                let (again, instead) = (again.unwrap_or_default(), instead.unwrap_or_default());
                lines.push(format!("{} {channel} cannot be told: {why}{again}{instead}", bad.apply_to("✗")));
            }
            (None, Some(last)) => {
                let of = match line.told() {
                    0 => "that all has ended".to_owned(),
                    1 => "of 1 alert".to_owned(),
                    alerts => format!("of {alerts} alerts"),
                };
                lines.push(format!("{} {channel} was told {of} at {}", good.apply_to("✓"), instant(last)));
            }
            (None, None) => {}
        }
    }
    for (alert, by) in held_by {
        lines.push(format!("{} {} is held: {}", warning.apply_to("!"), alert.rule, held(by)));
    }
    if let Some(known) = group.acknowledged() {
        let reason = if known.reason.is_empty() { String::new() } else { format!(": {}", known.reason) };
        lines.push(format!("{} {} has it since {}{reason}", good.apply_to("✓"), known.by, instant(known.at)));
    }
    if group.is_untold() && held_by.is_empty() {
        lines.push(format!("{} nobody was told yet", warning.apply_to("!")));
    }
    lines.extend(
        group.due.map(|due| {
            Style::new().dim().apply_to(format!("looked at again at {}", instant(due))).to_string()
        }),
    );
    lines
}

/// A group for programs.
fn entry(sight: &GroupSight) -> Value {
    let GroupSight { group, held } = sight;
    let held: Vec<Value> = held.iter().map(|(alert, by)| held_entry(alert, by)).collect();
    let lines: Vec<Value> = group.lines().iter().map(|(channel, line)| line_entry(channel, line)).collect();
    let alerts: Vec<Value> = group.alerts().map(alert_entry).collect();
    let since: Option<Timestamp> = group.alerts().filter(|alert| alert.is_firing()).map(Alert::since).min();
    json!({
        "kind": "group", "group": group.id, "title": group.title(), "labels": group.common, "severity": group.severity(),
        "firing": group.is_firing(), "open": !group.is_closed(), "since": since, "alerts": alerts, "channels": lines,
        "held": held, "acknowledged": group.acknowledged(), "due": group.due,
    })
}

fn held_entry(alert: &AlertKey, by: &Held) -> Value {
    json!({ "alert": alert, "by": by })
}

fn line_entry(channel: &ChannelName, line: &Line) -> Value {
    json!({
        "channel": channel, "alerts": line.told(), "told": line.last(), "failing": line.failing(),
        "tried_again": line.tried_again(), "stand_in": line.stand_in(),
    })
}

fn alert_entry(alert: &Alert) -> Value {
    json!({
        "rule": alert.key.rule, "subject": alert.key.subject.as_ref().map(ToString::to_string),
        "severity": alert.severity, "firing": alert.is_firing(), "since": alert.since(), "ended": alert.ended(),
        "because": alert.because, "flapping": alert.flapping, "link": alert.link,
    })
}
