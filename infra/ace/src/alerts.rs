//! `ace alerts`: who would be told of what, who was, and what people do about it.

mod apply;
mod check;
mod error;
mod explain;
mod find;
mod list;
mod orders;
mod rehearsal;
mod rules;
mod shown;
mod test;
mod timeline;
mod wording;

use clap::{Args, Subcommand};

use crate::Ending;
use crate::error::AceError;

pub(crate) use apply::AlertsError;
pub(crate) use error::DeskError;

/// `ace alerts`.
#[derive(Debug, Args)]
pub(crate) struct Alerts {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check rules, channels and titles: every rule as it is meant, and every mistake at once, with its place and remedy. Or
    /// check one condition.
    Check(check::Check),
    /// Play an event, sending nothing: which rules hold of it and why, and who would be told what, when. Exit code 0 if a
    /// rule holds, 2 if none does, 1 for a mistake.
    Test(test::Test),
    /// Tell why each rule holds of what is known now, or does not.
    Explain(explain::Explain),
    /// Create, update and delete the alarms of CloudWatch that the rules need: those that it made itself, and no others.
    /// What it will do is shown first.
    Apply(apply::Apply),
    /// Show the groups of alerts that are open: who was told when, who could not be and why, what is held by what.
    List(list::List),
    /// Show all that is known of a group.
    Show(list::Show),
    /// Take a group: nobody is reminded of it any more, and it goes no further up, until it gets worse.
    Ack(orders::Ack),
    /// Let nobody be told of some alerts for a while.
    Silence(orders::Silence),
    /// End a silence; whoever was not told because of it is told.
    Unsilence(orders::Unsilence),
    /// Show the silences that hold.
    Silences(list::Silences),
    /// Send a channel a test message, and its end.
    Try(orders::Try),
}

pub(crate) async fn act(arguments: Alerts) -> Result<Ending, AceError> {
    match arguments.command {
        What::Check(arguments) => check::check(&arguments),
        What::Test(arguments) => Box::pin(test::test(arguments)).await,
        What::Explain(arguments) => explain::explain(&arguments).await,
        What::Apply(arguments) => apply::apply(&arguments).await,
        What::List(arguments) => list::list(&arguments).await,
        What::Show(arguments) => list::show(&arguments).await,
        What::Ack(arguments) => orders::ack(arguments).await,
        What::Silence(arguments) => orders::silence(arguments).await,
        What::Unsilence(arguments) => orders::unsilence(arguments).await,
        What::Silences(arguments) => list::silences(&arguments).await,
        What::Try(arguments) => orders::try_channel(arguments).await,
    }
}
