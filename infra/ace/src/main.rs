//! `ace`, the operator's command: plays rollouts on one machine, reads what became of them, and foresees them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

mod alerts;
mod approvals;
mod arguments;
mod backend;
mod bootstrap;
mod checked;
mod config;
mod costs;
mod ending;
mod error;
mod features;
mod folders;
mod foresee;
mod history;
mod init;
mod inputs;
mod judge;
mod live;
mod mistakes;
mod operator;
mod orders;
#[cfg(test)]
mod pipeline_lines;
mod player;
mod report;
mod run;
mod sarif;
mod secrets;
mod shell;
mod status;
mod told;
mod validate;
mod words;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
pub(crate) use crate::ending::Ending;
use crate::error::AceError;

#[tokio::main]
async fn main() -> ExitCode {
    end_with_the_reader();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(shown) => {
            let usage = shown.use_stderr();
            drop(shown.print());
            return if usage { ExitCode::from(1) } else { ExitCode::SUCCESS };
        }
    };
    match act(arguments.command).await {
        Ok(ending) => ending.into(),
        Err(error) => {
            let code = if error.is_ours() { ExitCode::from(3) } else { ExitCode::from(1) };
            eprintln!("{:?}", miette::Report::new(error));
            code
        }
    }
}

/// Whoever reads only the beginning of what is printed is no reason to panic: it ends as a program does that SIGPIPE ends. That
/// signal itself would also end a command whose connection breaks.
fn end_with_the_reader() {
    const SIGPIPE: i32 = 128 + 13;
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let unread = panic.payload_as_str().is_some_and(|why| why.starts_with("failed printing to std"));
        if unread {
            std::process::exit(SIGPIPE);
        }
        usual(panic);
    }));
}

async fn act(command: Command) -> Result<Ending, AceError> {
    match command {
        Command::Run(run) => run::run(run).await,
        Command::Init(init) => init::init(&init),
        Command::Config(config) => config::config(&config),
        Command::Secrets(arguments) => Ok(secrets::act(&arguments).await?),
        Command::Features(arguments) => features::act(&arguments).await,
        Command::Validate(arguments) => validate::validate(&arguments),
        Command::Plan(plan) => foresee::plan::plan(&plan).await,
        Command::Backtest(backtest) => foresee::backtest::backtest(&backtest).await,
        Command::Judge(judge) => judge::judge(&judge),
        Command::History(history) => history::history(&history).await,
        Command::Status(status) => status::status(&status).await,
        Command::Alerts(arguments) => alerts::act(arguments).await,
        Command::Schedule(arguments) => costs::act(arguments).await,
        Command::Savings(arguments) => costs::savings(&arguments).await,
        Command::Bootstrap(arguments) => Ok(bootstrap::bootstrap(&arguments)?),
        Command::Completions(arguments) => Ok(shell::completions(&arguments)?),
        Command::Man(arguments) => Ok(shell::man(&arguments)?),
        Command::Operate(operation) => operator::operate(operation).await,
    }
}
