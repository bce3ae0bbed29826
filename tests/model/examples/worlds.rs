//! Checks the small and the large worlds, or those whose name contains the first argument, and prints a row for each; ends
//! with 1 when a property does not hold.

use std::process::ExitCode;

use model::{check, worlds};

const THREADS: usize = 2;

#[expect(clippy::print_stdout, reason = "the table is what it is run for")]
fn main() -> Result<ExitCode, model::machine::Unbuildable> {
    let mut code = ExitCode::SUCCESS;
    println!("| world | states | transitions | depth | seconds |\n|---|---:|---:|---:|---:|");
    let part = std::env::args().nth(1).unwrap_or_default();
    let wanted =
        worlds::small().into_iter().chain(worlds::large()).filter(|world| world.name.contains(&part));
    for setting in wanted {
        let name = setting.name;
        let checked = check(setting, THREADS, false)?;
        let seconds = checked.took.as_secs_f64();
        println!(
            "| {name} | {} | {} | {} | {seconds:.1} |",
            checked.states, checked.transitions, checked.depth
        );
        for (property, way) in &checked.violated {
            println!("VIOLATED: {property}\n{way}");
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}
