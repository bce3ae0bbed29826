//! What is shown: of each rule what its alarms are and what is done with them, in tables for people and in lines for
//! programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use alerting::cloudwatch::{AlarmSet, AlarmSpec, Application, Changes, Step, Update, Watches, Without};
use alerting::{Rule, managed};
use console::Style;
use rollout::EnvironmentName;
use serde_json::{Value, json};

use super::Wanted;
use crate::arguments::Output;

/// What is shown of one application.
pub(super) struct Report<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) changes: &'a Changes,
    pub(super) output: Output,
}

/// What becomes of an alarm.
enum Fate<'a> {
    Created,
    Updated(&'a Update),
    Unchanged,
    /// Somebody else has it, or has another one of its rule.
    Left {
        is_theirs: bool,
    },
}

impl Report<'_> {
    /// What is there, what differs, and what has no alarm.
    pub(super) fn changes(&self) {
        match self.output {
            Output::Human => print!("{}", self.table()),
            Output::Json => self.lines().iter().for_each(|line| println!("{line}")),
        }
    }

    /// That nothing was done.
    pub(super) fn nothing_done(&self, dry_run: bool) {
        let counted = counted(self.changes);
        let told = match (self.changes.is_empty(), dry_run) {
            (true, _) => "nothing to do".to_owned(),
            (false, true) => format!("{counted}: shown, not done"),
            (false, false) => format!("{counted}: not done"),
        };
        match self.output {
            Output::Human => println!("{told}{}", self.conflicts()),
            Output::Json => println!("{}", self.summary(None)),
        }
    }

    /// That somebody else's alarms stand in the way, to be appended to a line.
    fn conflicts(&self) -> String {
        match self.changes.conflicts.len() {
            0 => String::new(),
            1 => "; one alarm is somebody else's, see !".to_owned(),
            several => format!("; {several} alarms are somebody else's, see !"),
        }
    }

    /// A call that was made.
    pub(super) fn step(&self, step: &Step, why: Option<&String>) {
        let call = match step {
            Step::Put(_) => "put",
            Step::Tag { .. } => "tag",
            Step::Delete(_) => "delete",
        };
        let names = step.names();
        match (self.output, why) {
            (Output::Json, _) => {
                println!(
                    "{}",
                    json!({ "kind": "call", "call": call, "alarms": names, "done": why.is_none(), "reason": why })
                );
            }
            (Output::Human, None) => {
                println!("{} {call} {}", Style::new().green().apply_to("✓"), names.join(", "));
            }
            (Output::Human, Some(why)) => {
                println!("{} {call} {}: {why}", Style::new().red().apply_to("✗"), names.join(", "));
            }
        }
    }

    /// What came of it all.
    pub(super) fn end(&self, application: &Application) {
        if self.output == Output::Json {
            println!("{}", self.summary(Some(application)));
            return;
        }
        let (done, failed) = (application.done.len(), application.failed.len());
        let done = plural(done, "call");
        if failed == 0 {
            println!("{}: done, in {done}{}", counted(self.changes), self.conflicts());
            return;
        }
        println!(
            "partly done: {done} made, {failed} failed; run it again when that is mended{}",
            self.conflicts()
        );
        if !application.skipped.is_empty() {
            let skipped: Vec<&str> = application.skipped.iter().map(String::as_str).collect();
            println!("not tried because of that: {}", skipped.join(", "));
        }
    }

    fn summary(&self, application: Option<&Application>) -> Value {
        let Changes { create, update, delete, unchanged, conflicts } = self.changes;
        json!({
            "kind": "summary", "environment": self.wanted.home, "create": create.len(), "update": update.len(),
            "delete": delete.len(), "unchanged": unchanged.len(), "conflicts": conflicts.len(),
            "applied": application.is_some(), "calls": application.map(|it| it.done.len()),
            "failed": application.map(|it| it.failed.len()), "skipped": application.map(|it| &it.skipped),
        })
    }

    fn fate(&self, alarm: &AlarmSpec) -> Fate<'_> {
        let changes = self.changes;
        if let Some(update) = changes.update.iter().find(|update| update.alarm.name == alarm.name) {
            Fate::Updated(update)
        } else if changes.create.iter().any(|created| created.name == alarm.name) {
            Fate::Created
        } else if changes.conflicts.iter().any(|conflict| conflict.held_back.contains(&alarm.name)) {
            Fate::Left { is_theirs: changes.conflicts.iter().any(|conflict| conflict.name == alarm.name) }
        } else {
            Fate::Unchanged
        }
    }

    pub(super) fn table(&self) -> String {
        let Wanted { home, policy, plan } = self.wanted;
        let environments: Vec<&str> = policy.environments.iter().map(EnvironmentName::as_str).collect();
        let mut text = format!(
            "alarms of {} for {}, in {}\n",
            Style::new().bold().apply_to(home),
            plural(policy.rules.len(), "rule"),
            environments.join(", ")
        );
        for rule in &policy.rules {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "\n{}: {}", Style::new().bold().apply_to(&rule.name), rule.condition);
            for set in plan.sets.iter().filter(|set| set.rule == rule.name) {
                self.set(set, &mut text);
            }
            for (reason, environments) in reasons(rule, &plan.without) {
                let line = format!("· {}  no alarm: {reason}", environments.join(", "));
                let _ = writeln!(text, "  {}", Style::new().dim().apply_to(line));
            }
        }
        if !self.changes.delete.is_empty() {
            let _ = writeln!(
                text,
                "\n{}",
                Style::new().bold().apply_to("made by it before, and not needed any more")
            );
        }
        for deletion in &self.changes.delete {
            let _ = writeln!(text, "  {} {}", Style::new().red().apply_to("-"), deletion.name);
        }
        text.push('\n');
        text
    }

    fn set(&self, set: &AlarmSet, text: &mut String) {
        let whole = set.alarms.last().map(|alarm| alarm.name.as_str()).unwrap_or_default();
        // The rule's own alarm first, and then its parts.
        for alarm in set.alarms.last().into_iter().chain(set.alarms.iter().rev().skip(1).rev()) {
            let part = alarm.name.strip_prefix(whole).unwrap_or_default();
            let label =
                if part.is_empty() { set.environment.to_string() } else { format!("  {}", part.trim()) };
            let says = says(alarm, whole);
            let (sign, says) = match self.fate(alarm) {
                Fate::Created => (Style::new().green().apply_to("+"), says),
                Fate::Unchanged => (Style::new().dim().apply_to("="), says),
                Fate::Updated(update) => {
                    (Style::new().yellow().apply_to("~"), format!("{says}{}", differences(update)))
                }
                Fate::Left { is_theirs: true } => (
                    Style::new().red().apply_to("!"),
                    format!(
                        "{} is somebody else's: rename or delete it, nothing is done here until then",
                        alarm.name
                    ),
                ),
                Fate::Left { is_theirs: false } => {
                    (Style::new().dim().apply_to("!"), format!("{says} (left as it is)"))
                }
            };
            let _ = writeln!(text, "  {sign} {label}  {says}");
        }
        for left in &set.left_out {
            let _ = writeln!(text, "  {}", Style::new().dim().apply_to(format!("  without {left}")));
        }
    }

    pub(super) fn lines(&self) -> Vec<Value> {
        let mut lines = Vec::new();
        for set in &self.wanted.plan.sets {
            for alarm in &set.alarms {
                let (change, differences) = match self.fate(alarm) {
                    Fate::Created => ("create", Vec::new()),
                    Fate::Unchanged => ("none", Vec::new()),
                    Fate::Updated(update) => ("update", changed(update)),
                    Fate::Left { is_theirs: true } => ("conflict", Vec::new()),
                    Fate::Left { is_theirs: false } => ("held_back", Vec::new()),
                };
                let settings: BTreeMap<&str, String> = alarm.settings().into_iter().collect();
                let left_out: Vec<String> = set.left_out.iter().map(ToString::to_string).collect();
                lines.push(json!({
                    "kind": "alarm", "change": change, "name": alarm.name, "rule": set.rule,
                    "environment": set.environment, "settings": settings, "tags": alarm.tags,
                    "differences": differences, "without": left_out,
                }));
            }
        }
        lines.extend(self.changes.delete.iter().map(|deletion| {
            let managed = managed::read(&deletion.name);
            json!({
                "kind": "alarm", "change": "delete", "name": deletion.name,
                "rule": managed.as_ref().map(|managed| &managed.rule),
                "environment": managed.as_ref().map(|managed| &managed.environment),
            })
        }));
        lines.extend(self.wanted.plan.without.iter().map(|without| {
            json!({
                "kind": "no_alarm", "rule": without.rule, "environment": without.environment,
                "reason": without.reason.to_string(),
            })
        }));
        lines
    }
}

/// How many alarms are changed, in words.
pub(super) fn counted(changes: &Changes) -> String {
    let counts = [
        ("create", changes.create.len()),
        ("update", changes.update.len()),
        ("delete", changes.delete.len()),
    ];
    let told: Vec<String> = counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(verb, count)| format!("{verb} {}", plural(count, "alarm")))
        .collect();
    told.join(", ")
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// An alarm in a line; of a composite one its parts by their numbers.
fn says(alarm: &AlarmSpec, whole: &str) -> String {
    match &alarm.watches {
        Watches::Composite { rule } => rule.replace(&format!("ALARM(\"{whole} #"), "#").replace("\")", ""),
        Watches::Metric(metric) => {
            let dimensions: Vec<String> =
                metric.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!(
                "{} {} {} {} ({} over {}, {}, missing data: {})",
                metric.namespace,
                metric.metric,
                metric.operator.comparison(),
                metric.threshold,
                metric.statistic,
                metric.period,
                dimensions.join(", "),
                metric.missing.as_str()
            )
        }
    }
}

fn differences(update: &Update) -> String {
    let mut text = String::new();
    for difference in &update.differences {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "not set".to_owned());
        let (before, after) = (side(&difference.before), side(&difference.after));
        // Writing to a String cannot fail.
        let _ = write!(text, "\n        {}: {before} -> {after}", difference.setting);
    }
    if update.replaces {
        text.push_str(
            "\n        it is deleted and created anew: an alarm cannot become one of the other kind",
        );
    }
    text
}

fn changed(update: &Update) -> Vec<Value> {
    let difference = |difference: &alerting::cloudwatch::Difference| json!({ "setting": difference.setting, "before": difference.before, "after": difference.after });
    update.differences.iter().map(difference).collect()
}

/// Why a rule has no alarm, each reason once, with its environments.
fn reasons<'a>(rule: &Rule, without: &'a [Without]) -> Vec<(String, Vec<&'a str>)> {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for without in without.iter().filter(|without| without.rule == rule.name) {
        let (reason, environment) = (without.reason.to_string(), without.environment.as_str());
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, environments)) => environments.push(environment),
            None => reasons.push((reason, vec![environment])),
        }
    }
    reasons
}
