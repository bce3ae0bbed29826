//! The table.

use std::fmt::Write;
use std::path::Path;

use crate::ours;
use crate::scenario::{Channel, Scenario};
use crate::told::Figures;

const BEGIN: &str = "<!-- alert-lab: begin -->";
const END: &str = "<!-- alert-lab: end -->";

/// What follows the name of a system of which something was killed.
const PLACES: &str = ", before each of";

const HEAD: &str = "\
| scenario | system | pager (pages) / chat / mail | duplicates | first notice, s | slowest | end told, s | slowest | \
alarms named | never told | left open |
|---|---|---|---|---|---|---|---|---|---|---|
";

/// One system in one scenario, of all runs.
pub struct Row<'a> {
    pub scenario: &'a Scenario,
    pub system: &'static str,
    pub runs: Vec<Figures>,
    /// The calls of a port before which something was killed, a run each; 0 where nothing was.
    pub places: usize,
}

/// The least and the most, as one where they are the same.
fn range(counts: impl Iterator<Item = usize>) -> String {
    let counts: Vec<usize> = counts.collect();
    match (counts.iter().min(), counts.iter().max()) {
        (Some(least), Some(most)) if least == most => least.to_string(),
        (Some(least), Some(most)) => format!("{least} to {most}"),
        _ => "-".to_owned(),
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    values.get(middle.checked_sub(1)?).map(|lower| f64::midpoint(*lower, upper))
}

fn seconds(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// The median over runs of the median over groups, with the least and the most over runs; and the worst of all.
fn times(runs: &[Figures], of: impl Fn(&Figures) -> &[f64]) -> (String, String) {
    let medians: Vec<f64> = runs.iter().filter_map(|run| median(of(run))).collect();
    let worst = runs.iter().flat_map(&of).copied().reduce(f64::max);
    let (Some(middle), Some(worst)) = (median(&medians), worst) else {
        return ("-".to_owned(), "-".to_owned());
    };
    let least = medians.iter().copied().fold(f64::INFINITY, f64::min);
    let most = medians.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (least, middle, most) = (seconds(least), seconds(middle), seconds(most));
    let told = if least == most { middle } else { format!("{middle} ({least} to {most})") };
    (told, seconds(worst))
}

impl Row<'_> {
    /// As a line of the table.
    pub fn line(&self) -> String {
        let Self { scenario, system, runs, places } = self;
        let [to_pager, to_chat, to_mail] = Channel::ALL
            .map(|channel| range(runs.iter().map(|run| run.messages.get(&channel).copied().unwrap_or(0))));
        let pages = range(runs.iter().map(|run| run.pages));
        let duplicates = range(runs.iter().map(|run| run.duplicates));
        let dropped = runs.iter().map(|run| run.dropped).max().unwrap_or(0);
        let left = range(runs.iter().map(|run| run.duplicates - run.dropped));
        let duplicates = if dropped > 0 { format!("{duplicates}, by id {left}") } else { duplicates };
        let ((first, first_worst), (end, end_worst)) =
            (times(runs, |run| &run.first), times(runs, |run| &run.end));
        let named = format!(
            "{} of {}",
            range(runs.iter().map(|run| run.named)),
            range(runs.iter().map(|run| run.alarms))
        );
        let places = if *places > 0 { format!("{PLACES} {places} calls") } else { String::new() };
        format!(
            "| {} | {system}{places} | {to_pager} ({pages}) / {to_chat} / {to_mail} | {duplicates} | {first} | {first_worst} | {end} | {end_worst} | {named} | {} | {} |",
            scenario.what,
            range(runs.iter().map(|run| run.never)),
            range(runs.iter().map(|run| run.open)),
        )
    }
}

/// The lines of what Alertmanager has no way to play.
pub fn cannot(scenario: &Scenario) -> String {
    format!("| {} | Alertmanager | cannot count over groups | - | - | - | - | - | - | - | - |", scenario.what)
}

/// The scenario and the system of a line.
fn key(line: &str) -> Option<(&str, &str)> {
    let mut cells = line.split('|').map(str::trim).skip(1);
    let (scenario, system) = (cells.next()?, cells.next()?);
    Some((scenario, system.split(PLACES).next().unwrap_or(system)))
}

/// The table of these lines, and of those of a table before that they do not replace.
pub fn table(scenarios: &[Scenario], lines: &[String], before: &str) -> String {
    let kept = before.lines().filter(|line| {
        line.starts_with('|') && !HEAD.contains(line) && !lines.iter().any(|new| key(new) == key(line))
    });
    let all: Vec<&str> = kept.chain(lines.iter().map(String::as_str)).collect();
    let mut text = HEAD.to_owned();
    for scenario in scenarios {
        let mut of: Vec<&str> =
            all.iter().filter(|line| key(line).is_some_and(|key| key.0 == scenario.what)).copied().collect();
        // alert-router before Alertmanager, and that before what it is helped with.
        of.sort_by_key(|line| key(line).map(|(_, system)| (system != ours::SYSTEM, system.len())));
        for line in of {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (table, after) = rest.split_once(END)?;
    Some((before, table, after))
}

/// The table between the markers of a document.
#[cfg(test)]
pub fn between_markers(text: &str) -> Option<&str> {
    split(text).map(|(_, table, _)| table)
}

/// Replaces what stands between the markers of a document by the table of these lines.
pub fn write(file: &Path, scenarios: &[Scenario], lines: &[String]) -> Result<(), String> {
    let place = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{place} cannot be read: {error}"))?;
    let (before, old, after) = split(&text).ok_or_else(|| {
        format!("{place} has no lines `{BEGIN}` and `{END}`: add them where the table belongs")
    })?;
    let table = table(scenarios, lines, old);
    std::fs::write(file, format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))
        .map_err(|error| format!("{place} cannot be written: {error}"))
}
