//! What is wrong with the block, all of it at once.

use std::collections::BTreeMap;
use std::fmt::Display;

use alerting::{
    ChannelName, Condition, Escalation, Field, Inhibition, Kind, MetricSource, Mute, Rule, Vocabulary,
};

use super::metric::WrittenMetric;
use super::written::{WrittenInhibition, WrittenMute, WrittenRule};
use super::{Alerts, InvalidAlerts, WrittenAlerts};
use crate::blocks;
use crate::invalid::{InvalidConfiguration, Mistakes};
use crate::near::nearest;
use crate::notifications::is_web_page;
use crate::place::Place;
use crate::span::Span;

/// The longest title, in characters: `PagerDuty` cuts at 1024, people before that.
const TITLE: usize = 200;

/// Checks the block; `channels` are the names under `notifications`, of those too that have mistakes of their own.
pub(crate) fn read(written: WrittenAlerts, channels: &[&str]) -> Result<Alerts, Mistakes> {
    // Whoever has no alerts pays for none of this.
    if written.is_usual() {
        return Ok(Alerts::default());
    }
    let mut reader = Reader { channels, wrong: Vec::new() };
    let all = Place::of(["alerts"]);
    reader.settings(&written, &all);
    let (fields, metrics, doubtful) = reader.metrics(&written.metrics, &all.key("metrics"));
    let conditions = Conditions { vocabulary: Vocabulary::signals(&fields), doubtful };
    let rules = reader.rules(&written, &conditions, &all.key("rules"));
    let labels = Conditions { vocabulary: Vocabulary::labels(), doubtful: Vec::new() };
    let inhibitions = reader.inhibitions(&written.inhibitions, &labels, &all.key("inhibitions"));
    let mutes = reader.mutes(&written.mute, &labels, &all.key("mute"));
    Mistakes::none_of(reader.wrong)?;
    Ok(Alerts { written, rules, inhibitions, mutes, fields, sources: metrics })
}

struct Reader<'a> {
    channels: &'a [&'a str],
    wrong: Vec<InvalidConfiguration>,
}

/// What conditions are read with.
struct Conditions {
    vocabulary: Vocabulary,
    /// Fields that have mistakes of their own: what is said of them is not told as a second one.
    doubtful: Vec<String>,
}

impl Reader<'_> {
    fn refuse(&mut self, place: Place, source: InvalidAlerts) {
        self.wrong.push(InvalidConfiguration::Alerts { place, source });
    }

    fn settings(&mut self, written: &WrittenAlerts, all: &Place) {
        if let Some(environments) = &written.environments {
            let place = all.key("environments");
            if environments.is_empty() {
                self.refuse(place.clone(), InvalidAlerts::NoEnvironments);
            }
            self.once(environments, &place);
        }
        if let Some(fallback) = &written.fallback {
            self.channel(fallback, all.key("fallback"));
        }
        let labels: Vec<&str> = written.group_by.iter().map(|label| label.as_str()).collect();
        self.once(&labels, &all.key("group_by"));
        let (interval, repeat) = (written.group_interval, written.repeat_interval);
        if interval == Span::of(0) {
            self.refuse(all.key("group_interval"), InvalidAlerts::NoInterval(interval));
        }
        if repeat < interval {
            // Whichever of both is not as it is anyway was written.
            if repeat == WrittenAlerts::default().repeat_interval {
                self.refuse(all.key("group_interval"), InvalidAlerts::Interval { repeat, interval });
            } else {
                self.refuse(all.key("repeat_interval"), InvalidAlerts::Repeat { repeat, interval });
            }
        }
        let flapping = &written.flapping;
        if flapping.changes < 2 {
            let place = all.key("flapping").key("changes");
            self.refuse(place, InvalidAlerts::Flapping(flapping.changes));
        }
        if flapping.within == Span::of(0) {
            let place = all.key("flapping").key("within");
            self.refuse(place, InvalidAlerts::FlapsWithin(flapping.within));
        }
    }

    /// Refuses what is in a list a second time.
    fn once<T: PartialEq + Display>(&mut self, list: &[T], place: &Place) {
        for (index, item) in list.iter().enumerate() {
            if list.iter().take(index).any(|before| before == item) {
                self.refuse(place.item(index), InvalidAlerts::Twice(item.to_string()));
            }
        }
    }

    fn channel(&mut self, name: &ChannelName, place: Place) {
        if self.channels.contains(&name.as_str()) {
            return;
        }
        let remedy = if self.channels.is_empty() {
            "add it there, with its kind".to_owned()
        } else {
            nearest(name.as_str(), self.channels)
        };
        self.refuse(place, InvalidAlerts::Channel { name: name.as_str().to_owned(), remedy });
    }

    fn channels(&mut self, names: &[ChannelName], place: &Place) {
        if names.is_empty() {
            self.refuse(place.clone(), InvalidAlerts::NoChannels);
        }
        self.once(names, place);
        for (index, name) in names.iter().enumerate() {
            self.channel(name, place.item(index));
        }
    }

    fn condition(&mut self, text: &str, conditions: &Conditions, place: Place) -> Option<Condition> {
        match Condition::parse(text, &conditions.vocabulary) {
            Ok(condition) => Some(condition),
            Err(_) if conditions.doubtful.iter().any(|name| text.contains(name.as_str())) => None,
            Err(error) => {
                self.refuse(place, InvalidAlerts::Condition(error));
                None
            }
        }
    }

    /// The fields beside those that are built in, where CloudWatch has all of them, and those of which the kind is not known.
    fn metrics(
        &mut self,
        written: &BTreeMap<String, WrittenMetric>,
        place: &Place,
    ) -> (Vec<Field>, BTreeMap<String, MetricSource>, Vec<String>) {
        let (mut fields, mut metrics, mut doubtful) = (Vec::new(), BTreeMap::new(), Vec::new());
        if written.is_empty() {
            return (fields, metrics, doubtful);
        }
        let (signals, labels) = (Vocabulary::signals(&[]), Vocabulary::labels());
        let kind_of = |vocabulary: &Vocabulary, name: &str| -> Option<Kind> {
            vocabulary.field(name).map(|field| field.kind)
        };
        for (name, metric) in written {
            let place = place.key(name);
            let built_in = kind_of(&signals, name);
            let kind = match metric.kind(name, built_in, kind_of(&labels, name).is_some()) {
                Ok(kind) => kind,
                Err((key, source)) => {
                    let place = key.map_or_else(|| place.clone(), |key| place.key(key));
                    self.refuse(place, InvalidAlerts::Metric(source));
                    doubtful.push(name.clone());
                    continue;
                }
            };
            if built_in.is_none() {
                fields.push(Field { name: name.clone(), kind, about: metric.about() });
            }
            match metric.resolve(kind) {
                Ok(metric) => drop(metrics.insert(name.clone(), metric)),
                Err((keys, source)) => {
                    let place = keys.iter().fold(place, |place, key| place.key(key));
                    self.refuse(place, InvalidAlerts::Metric(source));
                }
            }
        }
        (fields, metrics, doubtful)
    }

    fn rules(&mut self, written: &WrittenAlerts, conditions: &Conditions, place: &Place) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (index, rule) in written.rules.iter().enumerate() {
            let place = place.item(index);
            if written.rules.iter().take(index).any(|before| before.name == rule.name) {
                let twice = InvalidAlerts::RuleTwice(rule.name.as_str().to_owned());
                self.refuse(place.key("name"), twice);
            }
            rules.extend(self.rule(rule, written.group_interval, conditions, &place));
        }
        rules
    }

    fn rule(
        &mut self,
        written: &WrittenRule,
        interval: Span,
        conditions: &Conditions,
        place: &Place,
    ) -> Option<Rule> {
        let condition = self.condition(&written.condition, conditions, place.key("condition"));
        self.channels(&written.channels, &place.key("channels"));
        if let Some(repeat) = written.repeat_interval.filter(|repeat| *repeat < interval) {
            self.refuse(place.key("repeat_interval"), InvalidAlerts::Repeat { repeat, interval });
        }
        let escalations = self.escalations(written, &place.key("escalate"));
        if written.runbook.as_deref().is_some_and(|runbook| !is_web_page(runbook)) {
            self.refuse(place.key("runbook"), InvalidAlerts::Runbook);
        }
        if written.title.as_deref().is_some_and(|title| !is_title(title)) {
            self.refuse(place.key("title"), InvalidAlerts::Title { max: TITLE });
        }
        Some(Rule {
            name: written.name.clone(),
            condition: condition?,
            severity: written.severity,
            channels: written.channels.clone(),
            wait: written.group_wait.map(Span::seconds),
            repeat: written.repeat_interval.map(Span::seconds),
            escalations,
            tells_end: written.send_resolved,
            runbook: written.runbook.clone(),
            title: written.title.clone(),
            ends_after: None,
        })
    }

    fn escalations(&mut self, written: &WrittenRule, place: &Place) -> Vec<Escalation> {
        let mut before = Span::of(0);
        let mut escalations = Vec::new();
        for (index, escalation) in written.escalate.iter().enumerate() {
            let (place, after) = (place.item(index), escalation.after);
            if after == Span::of(0) {
                self.refuse(place.key("after"), InvalidAlerts::EscalatesAtOnce);
            } else if after <= before {
                self.refuse(place.key("after"), InvalidAlerts::EscalatesBackwards { after, before });
            }
            before = before.max(after);
            self.channels(&escalation.channels, &place.key("channels"));
            let channels = escalation.channels.clone();
            escalations.push(Escalation { after: after.seconds(), channels });
        }
        escalations
    }

    fn inhibitions(
        &mut self,
        written: &[WrittenInhibition],
        labels: &Conditions,
        place: &Place,
    ) -> Vec<Inhibition> {
        let mut inhibitions = Vec::new();
        for (index, inhibition) in written.iter().enumerate() {
            let place = place.item(index);
            let source = self.condition(&inhibition.source, labels, place.key("while"));
            let target = self.condition(&inhibition.silence, labels, place.key("silence"));
            let equal: Vec<&str> = inhibition.equal.iter().map(|label| label.as_str()).collect();
            self.once(&equal, &place.key("equal"));
            let (Some(source), Some(target)) = (source, target) else { continue };
            if source == target {
                self.refuse(place.key("silence"), InvalidAlerts::SilencesItself);
            }
            inhibitions.push(Inhibition { source, target, equal: inhibition.equal.clone() });
        }
        inhibitions
    }

    fn mutes(&mut self, written: &[WrittenMute], labels: &Conditions, place: &Place) -> Vec<Mute> {
        let mut mutes: Vec<Mute> = Vec::new();
        for (index, mute) in written.iter().enumerate() {
            let place = place.item(index);
            let alerts = mute.alerts.as_ref();
            let alerts = alerts.map(|text| self.condition(text, labels, place.key("alerts")));
            match blocks::next(mutes.iter().map(|mute| &mute.window), mute.window()) {
                Ok(window) => mutes.push(Mute { window, alerts: alerts.flatten() }),
                Err((key, source)) => self.refuse(place.key(key), InvalidAlerts::Mute(source)),
            }
        }
        mutes
    }
}

/// What of a title can be told without the language of templates: it is one line, and a short one. Whoever knows the
/// language tells more ([`check_with`](crate::tree::check_with)).
fn is_title(title: &str) -> bool {
    !title.trim().is_empty() && title.chars().count() <= TITLE && !title.contains(char::is_control)
}
