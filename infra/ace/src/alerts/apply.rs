//! `ace alerts apply`: CloudWatch has an alarm for each rule, where it can watch one.

mod book;
mod error;
mod report;
#[cfg(test)]
mod tests;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use alerting::Policy;
use alerting::cloudwatch::{Application, Changes, Plan, Services, diff, wanted};
use clap::Args;
use environments::TopicArn;
use environments::tree::{Chosen, Sources, Strictness, check_among};
use rollout::EnvironmentName;

use crate::Ending;
use crate::arguments::OutputArgument;
use crate::backend::is_here;
use crate::error::AceError;
use crate::inputs::{self, Configured};
use crate::{folders, mistakes};

use book::Book;
pub(crate) use error::AlertsError;
use report::Report;

/// `ace alerts apply`.
#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The environment whose rules they are. The alarms are in its account and region.
    #[arg(long, env = "ACE_ENVIRONMENT", value_name = "NAME")]
    environment: EnvironmentName,
    /// A file that is its whole configuration [default: the layers in .ace-flow/environments/<ENVIRONMENT>]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do it without asking.
    #[arg(long)]
    yes: bool,
    /// An SNS topic that is told as well when an alarm begins and ends to ring. Without it alert-router alone hears of them.
    #[arg(long, value_name = "ARN")]
    topic: Option<TopicArn>,
    #[command(flatten)]
    output: OutputArgument,
}

/// What is to be applied.
struct Wanted {
    home: EnvironmentName,
    policy: Policy,
    plan: Plan,
}

pub(super) async fn apply(arguments: &Apply) -> Result<Ending, AceError> {
    let home = &arguments.environment;
    if is_here(home, false) {
        return Err(AlertsError::Here { environment: home.clone() }.into());
    }
    let configured = inputs::configuration(home, arguments.config.as_ref())?;
    mistakes::warn(&configured.warnings);
    let policy = configured.rollouts().alerts(home);
    let services = services(home, &configured, &policy, arguments.config.is_none());
    let plan = wanted(home, &policy, &services, arguments.topic.as_ref().map(TopicArn::as_str));
    let mut book = book::open(home, configured.rollouts()).await?;
    let wanted = Wanted { home: home.clone(), policy, plan };
    Ok(with(&mut *book, &wanted, arguments, confirmed).await?)
}

/// The services of the environments that the rules are about, as far as their configurations are in the same tree.
fn services(home: &EnvironmentName, own: &Configured, policy: &Policy, has_tree: bool) -> Services {
    let known = |configured: &environments::Environment| configured.services().keys().cloned().collect();
    let mut services = Services::from([(home.clone(), known(own.rollouts()))]);
    // What is wrong with another environment is not this one's affair.
    let tree = if has_tree { folders::all(Path::new(folders::ENVIRONMENTS)).ok() } else { None };
    let tree = tree.unwrap_or_default();
    for name in policy.environments.iter().filter(|name| *name != home) {
        let (asked, others): (Vec<Sources>, _) =
            tree.iter().cloned().partition(|sources| sources.name == name.as_str());
        let asked = asked.first().map(|asked| check_among(asked, &others, Strictness::Lenient));
        if let Some(Ok(Chosen { environment, .. })) = asked {
            services.insert(name.clone(), known(&environment.rollouts));
        }
    }
    services
}

/// Shows what differs and, if that is wished, mends it.
async fn with(
    book: &mut dyn Book,
    wanted: &Wanted,
    arguments: &Apply,
    confirmed: impl FnOnce(&Changes) -> Result<bool, AlertsError>,
) -> Result<Ending, AlertsError> {
    let existing = book.list(&wanted.home).await?;
    let changes = diff(&wanted.home, &existing, &wanted.plan);
    let report = Report { wanted, changes: &changes, output: arguments.output.output };
    report.changes();
    // Somebody else's alarm stands in the way: what could be done is done, and that is said.
    let done = if changes.conflicts.is_empty() { Ending::Good } else { Ending::Refused };
    if changes.is_empty() || arguments.dry_run {
        report.nothing_done(arguments.dry_run);
        return Ok(done);
    }
    if !(arguments.yes || confirmed(&changes)?) {
        report.nothing_done(false);
        return Ok(Ending::Refused);
    }
    let mut application = Application::new(&changes);
    while let Some(step) = application.next() {
        let result = book.perform(&step).await;
        let is_final = result.as_ref().is_err_and(error::BookError::is_final);
        let result = result.map_err(|error| error.to_string());
        report.step(&step, result.as_ref().err());
        application.record(step, result);
        if is_final {
            application.stop();
        }
    }
    report.end(&application);
    Ok(if application.failed.is_empty() { done } else { Ending::Unknown })
}

/// Asks on the terminal; where there is none, nobody can agree.
fn confirmed(changes: &Changes) -> Result<bool, AlertsError> {
    if !std::io::stdin().is_terminal() {
        return Err(AlertsError::NotConfirmed);
    }
    let terminal = console::Term::stderr();
    let asked = terminal.write_str(&format!("{}? [y/N] ", report::counted(changes)));
    let answer = asked.and_then(|()| terminal.read_line()).map_err(AlertsError::Unreadable)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
