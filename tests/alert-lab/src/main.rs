//! `alert-lab`: the same alarms through Prometheus's Alertmanager and through alert-router.
//!
//! ```sh
//! cargo run -p alert-lab -- --markdown shared/alerting/alertmanager.md
//! cargo run -p alert-lab -- --ours --only flapping --trace
//! ```
//!
//! Alertmanager runs on the real clock with all its times divided, alert-router in virtual time.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a lab prints what it finds")]

mod alertmanager;
mod dice;
mod ours;
mod report;
mod scenario;
mod scenarios;
#[cfg(test)]
mod tests;
mod told;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use tokio::task::JoinSet;

use crate::alertmanager::Stage;
use crate::report::Row;
use crate::scenario::{Help, Scenario};
use crate::told::{Figures, Told};

/// Plays the same alarms through Alertmanager and through alert-router.
#[derive(Parser)]
struct Arguments {
    /// Only these scenarios, by their keys: one, storm, flapping, cause, late, outage, helps, does-not, killed-before,
    /// killed-after, long, across.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Runs of each scenario, which differ in when things happen relative to each other.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=9))]
    runs: u32,
    /// How many times faster than real time Alertmanager plays, in place of each scenario's own; 1 is real time.
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=600))]
    factor: Option<i32>,
    /// alert-router alone: no Alertmanager is needed.
    #[arg(long)]
    ours: bool,
    /// Prints every message.
    #[arg(long)]
    trace: bool,
    /// Writes the table between the marker comments of this file; lines of what was not played stay as they are.
    #[arg(long)]
    markdown: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), String> {
    let begun = Instant::now();
    let all = scenarios::ALL;
    if let Some(unknown) = arguments.only.iter().find(|key| !all.iter().any(|one| one.key == **key)) {
        return Err(format!("there is no scenario {unknown}: see --help"));
    }
    let chosen = |scenario: &&Scenario| {
        arguments.only.is_empty() || arguments.only.iter().any(|key| key == scenario.key)
    };
    let chosen: Vec<&Scenario> = all.iter().filter(chosen).collect();
    let mut lines = Vec::new();
    for scenario in &chosen {
        lines.push(of_ours(scenario, arguments.runs, arguments.trace)?.line());
    }
    if !arguments.ours {
        lines.extend(of_alertmanager(&chosen, arguments).await?);
    }
    println!("{}", report::table(&all, &lines, ""));
    eprintln!("{:.0} s", begun.elapsed().as_secs_f64());
    arguments.markdown.as_ref().map_or(Ok(()), |file| report::write(file, &all, &lines))
}

fn of_ours(scenario: &Scenario, number: u32, trace: bool) -> Result<Row<'_>, String> {
    let (mut runs, mut places) = (Vec::new(), 0);
    for run in 0..number {
        let script = (scenario.script)(run);
        if trace {
            let told = ours::messages(&script)?;
            println!("{}, {}, run {run}\n{}", scenario.what, ours::SYSTEM, told::trace(&told));
        }
        let played = ours::play(&script)?;
        places = script.crash.map_or(0, |_| played.len());
        runs.extend(played);
    }
    Ok(Row { scenario, system: ours::SYSTEM, runs, places })
}

/// Where Alertmanager's script and data are.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The storm alone, run after run, since it needs the machine; everything else at the same time.
async fn of_alertmanager(chosen: &[&Scenario], arguments: &Arguments) -> Result<Vec<String>, String> {
    let binary = alertmanager::binary(&root().join("tests/alert-lab/alertmanager.sh"))?;
    let mut plays: Vec<(usize, Help, u32)> = Vec::new();
    for (place, scenario) in chosen.iter().enumerate() {
        for help in scenario.ways {
            plays.extend((0..arguments.runs).map(|run| (place, *help, run)));
        }
    }
    let (alone, together): (Vec<_>, Vec<_>) =
        plays.into_iter().partition(|(place, ..)| chosen.get(*place).is_some_and(|one| one.key == "storm"));
    let mut told = Vec::new();
    for play in alone {
        told.extend(at_once(&binary, chosen, vec![play], arguments).await?);
    }
    told.extend(at_once(&binary, chosen, together, arguments).await?);
    told.sort_by_key(|((_, _, run), ..)| *run);
    let mut lines = Vec::new();
    for (place, scenario) in chosen.iter().enumerate() {
        if scenario.ways.is_empty() {
            lines.push(report::cannot(scenario));
        }
        for help in scenario.ways {
            let of = told.iter().filter(|((at, with, _), ..)| *at == place && with == help);
            let runs = of.map(|(_, figures, _)| figures.clone()).collect();
            lines.push(Row { scenario, system: help.system(), runs, places: 0 }.line());
        }
    }
    if arguments.trace {
        for ((place, help, run), _, told) in &told {
            let what = chosen.get(*place).map_or("", |scenario| scenario.what);
            println!("{what}, {}, run {run}\n{}", help.system(), told::trace(told));
        }
    }
    Ok(lines)
}

type Play = (usize, Help, u32);

/// Starts all before any of them begins: what starts needs the processors for a moment.
async fn at_once(
    binary: &Path,
    chosen: &[&Scenario],
    plays: Vec<Play>,
    arguments: &Arguments,
) -> Result<Vec<(Play, Figures, Vec<Told>)>, String> {
    let mut stages = Vec::new();
    for play @ (place, help, run) in plays {
        let Some(scenario) = chosen.get(place) else { continue };
        let factor = arguments.factor.unwrap_or(scenario.factor);
        let folder = root().join(format!("target/alert-lab/{}-{help:?}-{run}-{factor}", scenario.key));
        let stage = Stage::new(binary, &folder, (scenario.script)(run), help, factor).await?;
        stages.push((play, stage));
    }
    let mut playing = JoinSet::new();
    for (play, stage) in stages {
        playing.spawn(async move {
            let script = stage.script.clone();
            stage.play().await.map(|told| (play, Figures::of(&script, &told), told))
        });
    }
    let mut all = Vec::new();
    while let Some(played) = playing.join_next().await {
        all.push(played.map_err(|error| format!("a play ended: {error}"))??);
    }
    Ok(all)
}
