//! Resources as they are shown: how each is, what is wanted of it, why, and what keeps it from being so.

use console::Style;
use cost::{Arn, Kind, Ours, Power, Record, Wish, names, power};
use environments::Span;
use rollout::Seconds;
use schedule::{Desired, Override, Reason, State, desired};
use serde_json::{Value, json};

use super::ScheduleError;
use super::known::{Known, is_managed};

/// What is wanted of a resource now.
pub(super) struct Wanted {
    pub(super) desired: Desired,
    /// With what somebody did by hand.
    pub(super) power: Power,
}

/// What is wanted of a resource by what is known of it.
pub(super) fn wanted(known: &Known, record: &Record) -> Wanted {
    let desired = desired(known.cost.plan(), &known.of(record), known.now);
    let power = power(record, &Wish::from(&desired), known.now);
    Wanted { desired, power }
}

/// How a resource is, as far as it was seen.
pub(super) fn state(known: &Known, record: &Record) -> String {
    if let Some(lost) = record.lost {
        return format!("gone since {}", known.at(lost));
    }
    match &record.ours {
        Ours::Nothing => "not asked for anything yet".to_owned(),
        Ours::Stop { at } => format!("asked to stop at {}", known.at(*at)),
        Ours::Stopped { at } => format!("off since {}", known.at(record.off_since.unwrap_or(*at))),
        Ours::Start { at } => format!("asked to start at {}", known.at(*at)),
        Ours::Started { at } => format!("on since {}", known.at(*at)),
        Ours::Snapshot { at, snapshot } => format!("snapshot {snapshot} asked for at {}", known.at(*at)),
        Ours::Delete { at, last, .. } => {
            format!("asked to be put away as snapshot {last} at {}", known.at(*at))
        }
    }
}

/// Until when, in words to be appended.
pub(super) fn until(known: &Known, desired: &Desired) -> String {
    desired.until.map(|until| format!(" until {}", known.at(until))).unwrap_or_default()
}

/// Why a state is wanted, beside that state.
pub(super) fn why(reason: &Reason) -> String {
    match reason {
        Reason::OneOff { name, .. } => format!("once, {name}"),
        Reason::Override { by, reason, .. } => format!("{by} wants it so: {reason}"),
        usual => usual.to_string(),
    }
}

/// A span as it is written in a configuration: `4h`.
pub(super) fn span(seconds: Seconds) -> Span {
    Span::of(seconds.0)
}

/// How a resource is called.
pub(super) fn name(record: &Record) -> String {
    format!("{}:{}", record.kind, record.name)
}

fn mark(record: &Record, power: Power) -> String {
    let troubled = record.trouble.is_some() || record.said.starts_with("cannot");
    match power {
        _ if troubled => Style::new().red().apply_to("✗").to_string(),
        State::On => Style::new().green().apply_to("●").to_string(),
        State::Off => Style::new().dim().apply_to("○").to_string(),
    }
}

/// A resource for people, in a few lines.
pub(super) fn lines(known: &Known, record: &Record) -> Vec<String> {
    let (bold, dim) = (Style::new().bold(), Style::new().dim());
    let (name, state) = (name(record), state(known, record));
    if !is_managed(record) {
        let why = record.said.strip_prefix("left out: ").unwrap_or(&record.said);
        return vec![format!("{} {}: {why}", dim.apply_to("-"), bold.apply_to(name))];
    }
    let Wanted { desired, power } = wanted(known, record);
    let said = if record.said.is_empty() { String::new() } else { format!(": {}", record.said) };
    let until = until(known, &desired);
    vec![
        format!("{} {} is {state}{said}", mark(record, power), bold.apply_to(name)),
        format!("    {}", dim.apply_to(format!("wanted {}{until}: {}", desired.state, why(&desired.reason)))),
    ]
}

/// The same for programs.
pub(super) fn entry(known: &Known, record: &Record) -> Value {
    let Wanted { desired, power } = wanted(known, record);
    json!({
        "kind": "resource", "resource": name(record), "arn": record.arn, "managed": is_managed(record),
        "state": state(known, record), "stands": record.said, "wanted": desired.state, "power": power,
        "why": desired.reason.to_string(), "since": desired.since, "until": desired.until, "lease": record.lease,
        "trouble": record.trouble, "lead_seconds": record.lead(), "shape": record.shape, "lost": record.lost,
        "endpoint": record.endpoint, "moved_from": record.moved_from,
    })
}

/// What is shown where there is no resource at all.
pub(super) fn none(known: &Known) -> Option<String> {
    let sight = known.sight.as_ref()?;
    if !sight.records.is_empty() {
        return None;
    }
    if !sight.has_resources {
        return Some(
            "the embedded stack has no resources that could be stopped: this is what would be wanted of yours"
                .to_owned(),
        );
    }
    let tags = known.cost.rules(&known.environment).tags;
    let tags: Vec<String> = tags.iter().map(|(tag, value)| format!("{tag} = {value}")).collect();
    let families: Vec<String> = known.cost.resources().iter().map(ToString::to_string).collect();
    Some(format!(
        "no resource of {} with {} was seen yet: cost-optimizer looks every {}",
        families.join(", "),
        tags.join(" and "),
        span(engine::TICK)
    ))
}

/// The one that is meant; `None` where no resource is known at all, so that none can be looked up.
pub(super) fn one<'a>(known: &'a Known, text: &str) -> Result<Option<&'a Record>, ScheduleError> {
    if known.records().is_empty() {
        return Ok(None);
    }
    let is_meant =
        |record: &&Record| record.name == text || name(record) == text || record.arn.as_str() == text;
    let found: Vec<&Record> = known.records().iter().filter(is_meant).collect();
    match found.as_slice() {
        [only] => Ok(Some(only)),
        [] => {
            let all: Vec<String> = known.records().iter().take(8).map(name).collect();
            let more = known.records().len().saturating_sub(all.len());
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            Err(ScheduleError::NoResource {
                text: text.to_owned(),
                environment: known.environment.clone(),
                flags: known.flags.clone(),
                known: format!("there are {}{more}", all.join(", ")),
            })
        }
        several => {
            let list = several
                .iter()
                .fold(String::new(), |list, record| format!("{list}\n  {}  {}", name(record), record.arn));
            Err(ScheduleError::SeveralResources { text: text.to_owned(), list })
        }
    }
}

/// Whether an override is about a resource of which only the name is known.
pub(super) fn is_about(over: &Override, text: &str) -> bool {
    let (kind, name) = match text.split_once(':') {
        Some((kind, name)) => (Kind::ALL.iter().find(|known| known.as_str() == kind), name),
        None => (None, text),
    };
    let arn = Arn(text.to_owned());
    match kind {
        Some(kind) => names(over.resources(), *kind, name, &arn),
        None => Kind::ALL.iter().any(|kind| names(over.resources(), *kind, text, &arn)),
    }
}
