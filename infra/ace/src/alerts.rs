//! `ace alerts`: the alert rules of an environment.

mod apply;

use clap::{Args, Subcommand};

use crate::Ending;
use crate::error::AceError;

pub(crate) use apply::AlertsError;

/// `ace alerts`.
#[derive(Debug, Args)]
pub(crate) struct Alerts {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Create, update and delete the alarms of CloudWatch that the rules need: those that it made itself, and no others.
    /// What it will do is shown first.
    Apply(apply::Apply),
}

pub(crate) async fn act(arguments: Alerts) -> Result<Ending, AceError> {
    match arguments.command {
        What::Apply(arguments) => apply::apply(&arguments).await,
    }
}
