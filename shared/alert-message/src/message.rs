//! What a notice says, in words.

use alerting::{AlertView, Notice, NoticeKind, Reason, RolloutView};

use crate::plain::{between, cut, instant, one_line, short, span, web_address};
use crate::template::{Wording, worded};

/// The longest text of others within a line, in characters.
const LONGEST_PART: usize = 500;
/// The longest name of a person, a channel or a phase, in characters.
const LONGEST_NAME: usize = 120;
/// The most links of a message.
const MOST_LINKS: usize = 10;

/// A notice in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// One line, at most [`MAX_TITLE`](Self::MAX_TITLE) characters, never empty.
    pub title: String,
    /// The facts, each on one line.
    pub lines: Vec<Line>,
    /// Where a person can look further, each address once.
    pub links: Vec<Link>,
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is about: an alert's rule and severity.
    pub label: Option<String>,
    /// What is so.
    pub text: String,
}

/// Where a person can look further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What is there.
    pub name: String,
    /// An address that begins with `http://` or `https://`.
    pub url: String,
}

impl Line {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self { label: None, text: text.into() }
    }

    fn labelled(label: impl Into<String>, text: impl Into<String>) -> Self {
        Self { label: Some(label.into()), text: text.into() }
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.label {
            Some(label) => write!(f, "{label}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl Message {
    /// The longest title, in characters.
    pub const MAX_TITLE: usize = 120;

    /// What a notice says, in a team's own words where it has some. A template that fails is told in the last line, and
    /// what is built in stands in for it.
    pub fn new(notice: &Notice, wording: Wording<'_>) -> Self {
        worded(notice, wording)
    }

    /// What a notice says in the words that are built in.
    pub(crate) fn built_in(notice: &Notice) -> Self {
        Self { title: title(notice), lines: lines(notice), links: links(notice) }
    }

    /// Lines and links as plain text.
    pub fn text(&self) -> String {
        let facts = self.lines.iter().map(Line::to_string);
        let links = self.links.iter().map(|link| format!("{}: {}", link.name, link.url));
        facts.chain(links).collect::<Vec<_>>().join("\n")
    }
}

/// What the title begins with: what the notice is to its reader.
pub(crate) fn mark(notice: &Notice) -> String {
    match notice.kind {
        NoticeKind::Firing => notice.severity.as_str().to_uppercase(),
        NoticeKind::Folded => "rollout answers".to_owned(),
        NoticeKind::Acknowledged { .. } => "ACKNOWLEDGED".to_owned(),
        NoticeKind::Resolved => "RESOLVED".to_owned(),
    }
}

/// How many alerts the title is about: those that fire, and once nothing does, all.
pub(crate) fn alerts(notice: &Notice) -> usize {
    let firing = notice.alerts.iter().filter(|alert| alert.firing).count();
    match (notice.is_resolved() || firing == 0, firing == notice.alerts.len()) {
        (true, _) | (false, true) => notice.alerts.len().saturating_add(notice.more),
        // Those that fire come first: where one that is shown has ended, all that are not shown have.
        (false, false) => firing,
    }
}

/// What an alert is about: `production/checkout`; empty where its rule counts over environments.
pub(crate) fn subject(alert: &AlertView) -> String {
    alert.subject.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn title(notice: &Notice) -> String {
    let mark = mark(notice);
    let Some(first) = notice.alerts.first() else {
        let labels = notice.labels.iter().map(|(label, value)| format!("{label} {value}"));
        let labels = one_line(&labels.collect::<Vec<_>>().join(", "));
        let of = if labels.is_empty() { format!("group {}", notice.group) } else { labels };
        return cut(&format!("[{mark}] {of}"), Message::MAX_TITLE);
    };
    let more = match alerts(notice) {
        0 | 1 => String::new(),
        all => format!(" (and {} more)", all - 1),
    };
    let subject = match subject(first) {
        subject if subject.is_empty() => subject,
        subject => format!(": {subject}"),
    };
    // The rule gives way where it does not fit: what it is about and how much more there is are said nowhere else as short.
    let others = mark.len() + 3 + subject.chars().count() + more.chars().count();
    let rule = short(first.rule.as_str(), Message::MAX_TITLE.saturating_sub(others));
    cut(&format!("[{mark}] {rule}{subject}{more}"), Message::MAX_TITLE)
}

fn lines(notice: &Notice) -> Vec<Line> {
    let mut lines: Vec<Line> = why(notice).into_iter().map(Line::plain).collect();
    if let NoticeKind::Acknowledged { by } = &notice.kind {
        lines.push(Line::plain(format!("Acknowledged by {}.", short(by, LONGEST_NAME))));
    }
    for (channel, why) in &notice.instead_of {
        lines.push(Line::labelled(format!("Instead of {channel}"), short(why, LONGEST_PART)));
    }
    lines.extend(notice.alerts.iter().map(|alert| alert_line(alert, notice)));
    if notice.more > 0 {
        lines.push(Line::plain(format!("And {}.", plural(notice.more, "more alert"))));
    }
    lines.extend(notice.rollout.as_ref().map(rollout_line));
    lines.extend(runbooks(notice));
    lines
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("{count} {what}") } else { format!("{count} {what}s") }
}

/// Why it is told now, where that is not plain from the title.
pub(crate) fn why(notice: &Notice) -> Option<String> {
    match &notice.reason {
        Reason::First | Reason::Acknowledged => None,
        Reason::Joined { alerts } => Some(format!("New: {}.", plural(*alerts, "alert"))),
        Reason::SomeEnded { alerts } => {
            Some(format!("Ended: {}; the others go on.", plural(*alerts, "alert")))
        }
        Reason::Reminder => Some("It still goes on.".to_owned()),
        Reason::NotAcknowledged { seconds } => {
            Some(format!("Escalated: nobody has acknowledged it for {}.", span((*seconds).into())))
        }
        Reason::RolloutDidNotHelp { rollout } => Some(format!("Rollout {rollout} did not end it.")),
        Reason::RolloutAnswers { rollout } => {
            Some(format!("Rollout {rollout} answers it: nobody has to act."))
        }
        Reason::AllEnded => Some(format!("All of it has ended, after {}.", between(notice.since, notice.at))),
    }
}

fn alert_line(alert: &AlertView, notice: &Notice) -> Line {
    let since = instant(alert.since);
    let when = match alert.ended {
        Some(ended) => format!("ended {} after {}", instant(ended), between(alert.since, ended)),
        None if alert.firing => format!("since {since} ({})", between(alert.since, notice.at)),
        None => format!("ended, began {since}"),
    };
    let mut parts = vec![subject(alert), when];
    if alert.flapping {
        parts.push("comes and goes".to_owned());
    }
    let because = short(&alert.because, LONGEST_PART);
    let because = if because.is_empty() { because } else { format!(": {because}") };
    let label = format!("{} ({})", one_line(alert.rule.as_str()), alert.severity);
    Line::labelled(label, format!("{}{because}", joined(parts)))
}

/// Those parts that say something, with commas between them.
fn joined(mut parts: Vec<String>) -> String {
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn rollout_line(rollout: &RolloutView) -> Line {
    let version = short(rollout.version.as_str(), LONGEST_NAME);
    let step = rollout.step.map(|(step, steps)| format!("step {step} of {steps}"));
    let verdict =
        rollout.verdict.as_ref().map(|verdict| format!("verdict: {}", short(verdict, LONGEST_PART)));
    let parts = vec![
        format!("{} of {}", rollout.id, rollout.service),
        format!("version {version}"),
        short(&rollout.phase, LONGEST_NAME),
        step.unwrap_or_default(),
        format!("weight {} %", rollout.weight.percent()),
        verdict.unwrap_or_default(),
    ];
    Line::labelled("Rollout", joined(parts))
}

/// What to do, where it is said in words and not behind an address; each once.
fn runbooks(notice: &Notice) -> Vec<Line> {
    let mut lines = Vec::new();
    for alert in &notice.alerts {
        let Some(runbook) = alert.runbook.as_deref().filter(|text| web_address(text).is_none()) else {
            continue;
        };
        let line = Line::labelled("What to do", short(runbook, LONGEST_PART));
        if !line.text.is_empty() && !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

fn links(notice: &Notice) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    let mut add = |name: String, address: Option<&str>| {
        let Some(url) = address.and_then(web_address) else { return };
        if links.len() < MOST_LINKS && !links.iter().any(|link| link.url == url) {
            links.push(Link { name, url: url.to_owned() });
        }
    };
    for alert in notice.alerts.iter().take(MOST_LINKS / 2) {
        add(format!("Runbook of {}", short(alert.rule.as_str(), 60)), alert.runbook.as_deref());
    }
    if let Some(rollout) = &notice.rollout {
        add("Rollout".to_owned(), rollout.link.as_deref());
    }
    for alert in &notice.alerts {
        let of = match subject(alert) {
            subject if subject.is_empty() => short(alert.rule.as_str(), 60),
            subject => subject,
        };
        add(format!("Alarm of {of}"), alert.link.as_deref());
    }
    links
}
