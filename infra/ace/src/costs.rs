//! `ace schedule` and `ace savings`: what is on and off when and why, what people want in spite of it, and what it saves.

mod days;
mod error;
mod explain;
mod known;
mod next;
mod orders;
mod resources;
mod savings;
mod show;
#[cfg(test)]
mod tests;
mod times;

use clap::{Args, Subcommand};

use crate::Ending;
use crate::error::AceError;

pub(crate) use error::ScheduleError;
pub(crate) use savings::{Savings, savings};

/// `ace schedule`.
#[derive(Debug, Args)]
pub(crate) struct Schedule {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show day by day when resources are on, with holidays, one-off windows, overrides and changes of the clock; and every
    /// resource: how it is, what is wanted of it and why, what it waits for, what cannot be stopped.
    Show(show::Show),
    /// Show when resources go on and off next, and which of them are asked when.
    Next(next::Next),
    /// Tell why a resource is to be on or off now, until when, and all that is known of it.
    Explain(explain::Explain),
    /// Keep resources on or off for a while, whatever the schedule says.
    Override(orders::Keep),
    /// End an override before its time.
    End(orders::End),
}

pub(crate) async fn act(arguments: Schedule) -> Result<Ending, AceError> {
    match arguments.command {
        What::Show(arguments) => show::show(&arguments).await,
        What::Next(arguments) => next::next(&arguments).await,
        What::Explain(arguments) => explain::explain(&arguments).await,
        What::Override(arguments) => orders::keep(arguments).await,
        What::End(arguments) => orders::end(arguments).await,
    }
}

/// Prints lines for people.
fn print(lines: &[String]) {
    for line in lines {
        println!("{line}");
    }
}
