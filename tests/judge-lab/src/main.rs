//! `judge-lab`: the same synthetic rollouts through every judge, and through the limits that no judge can pass.
//!
//! ```sh
//! cargo run --release -p judge-lab -- --quick
//! cargo run --release -p judge-lab -- --stdio "target/release/ace judge --stdio"
//! ```

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench: counts stay far below 2^53, a wrong index is a defect of the bench, and it prints"
)]

mod cells;
mod judges;
mod limit;
mod math;
mod play;
mod protocol;
mod random;
mod report;
mod stdio;
mod world;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use rayon::prelude::*;

use crate::{
    cells::Cell,
    limit::{Knows, Limit},
    play::{Holding, Rules, play},
    protocol::Judge,
    report::{Row, Tally},
    world::{Seed, Strengths, World},
};

/// Plays synthetic rollouts through judges.
#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags")]
struct Arguments {
    /// Rollouts in each cell.
    #[arg(long, default_value_t = 4000)]
    runs: u64,
    /// 500 rollouts in each cell, and coarser limits.
    #[arg(long)]
    quick: bool,
    /// Only cells whose name contains one of these (noise/rate/p0/canary, e.g. `clustered`, `/5rps/`, `/dead`).
    #[arg(long, value_delimiter = ',')]
    cells: Vec<String>,
    /// Only judges whose name contains one of these; the limits are always played.
    #[arg(long, value_delimiter = ',')]
    judge: Vec<String>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Minutes from the start over which bad requests are counted. The figures of judge.md were made with 73: an hour
    /// after the plan.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(14..=600))]
    horizon: u32,
    /// Workloads that judge.md does not list, as well.
    #[arg(long)]
    unlisted: bool,
    /// Writes the summary between the marker comments of this file.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// A command that judges through the line protocol; it is started once for each cell.
    #[arg(long)]
    stdio: Option<String>,
    /// Judges standard input in the line protocol, as the judge of this name.
    #[arg(long, conflicts_with = "stdio")]
    serve: Option<String>,
    /// A hold counts only when the step would end; without it, it stops the step's clock for a minute.
    #[arg(long)]
    late_hold: bool,
    /// Prints the summary only, not each cell.
    #[arg(long)]
    summary: bool,
    /// Strength of a noise model, e.g. `--set arm-sigma=0.4`.
    #[arg(long, value_parser = Strengths::setting)]
    set: Vec<(String, f64)>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    if let Some(name) = &arguments.serve {
        let all = judges::all();
        let judge = all.iter().find(|judge| judge.name() == name);
        let judge = judge.ok_or_else(|| format!("there is no judge `{name}`"))?;
        return stdio::serve(judge.as_ref(), std::io::stdin().lock(), std::io::stdout().lock());
    }
    let runs = if arguments.quick { 500 } else { arguments.runs };
    let paths = if arguments.quick { 30_000 } else { 100_000 };
    let holding = if arguments.late_hold { Holding::AtTheEnd } else { Holding::StopsTheClock };
    let rules = Rules { holding, horizon: arguments.horizon };
    let mut strengths = Strengths::default();
    for (name, value) in &arguments.set {
        strengths.set(name, *value)?;
    }
    let chosen = |name: &str, filter: &[String]| {
        filter.is_empty() || filter.iter().any(|part| name.contains(part.as_str()))
    };
    let mut judges = judges::all();
    judges.retain(|judge| chosen(judge.name(), &arguments.judge));
    let mut cells = cells::cells(arguments.unlisted);
    cells.retain(|cell| chosen(&cell.to_string(), &arguments.cells));

    let mut rows = Vec::new();
    for cell in cells {
        let mut row = played(&cell, &judges, runs, paths, rules, strengths, arguments.seed);
        if let Some(command) = &arguments.stdio {
            let worlds = (0..runs).map(|run| World::new(cell, strengths, Seed { seed: arguments.seed, run }));
            let ends = stdio::play(command, worlds.collect(), rules)?;
            let mut tally = Tally::new("stdio");
            for end in ends {
                tally.add(&end);
            }
            row.tallies.push(tally);
        }
        if !arguments.summary {
            row.print();
        }
        rows.push(row);
    }
    let summary = report::summary(&rows);
    println!("{summary}");
    if let Some(file) = &arguments.markdown {
        report::write_between_markers(file, &report::markdown(&rows))?;
    }
    Ok(())
}

fn played(
    cell: &Cell,
    judges: &[Box<dyn Judge>],
    runs: u64,
    paths: usize,
    rules: Rules,
    strengths: Strengths,
    seed: u64,
) -> Row {
    let limits: Vec<Box<dyn Judge>> = if cell.is_null() || cell.canary == cells::Canary::Leak {
        Vec::new()
    } else {
        [Knows::Rates, Knows::Ratio]
            .into_par_iter()
            .map(|knows| Box::new(Limit::new(knows, cell, paths, rules.horizon)) as Box<dyn Judge>)
            .collect()
    };
    let all: Vec<&dyn Judge> = limits.iter().chain(judges).map(AsRef::as_ref).collect();
    let empty = || all.iter().map(|judge| Tally::new(judge.name())).collect::<Vec<_>>();
    let tallies = (0..runs)
        .into_par_iter()
        .fold(empty, |mut tallies, run| {
            let mut world = World::new(*cell, strengths, Seed { seed, run });
            let history = world.history();
            for (judge, tally) in all.iter().zip(&mut tallies) {
                tally.add(&play(&mut world, judge.begin(&history).as_mut(), rules));
            }
            tallies
        })
        .reduce(empty, |mut left, right| {
            left.iter_mut().zip(right).for_each(|(left, right)| left.merge(right));
            left
        });
    Row { cell: *cell, tallies }
}
