use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use rollout::{EnvironmentName, RolloutId};
use weighted_proxy::{FaultSpec, Target};

/// Progressive delivery that cannot lose a rollback.
///
/// Exit codes: 0 promoted, 2 rolled back, 1 configuration or usage, 3 could not tell.
#[derive(Debug, Parser)]
#[command(name = "ace", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play an event on the embedded stack and watch the rollout; hold, resume, advance, approve or abort it by typing
    /// so, with a reason.
    Run(Run),
    /// Publish an environment's configuration to its stack on AWS, for the rollouts that start from now on.
    #[cfg(feature = "aws")]
    Publish(Publish),
    /// Check the configuration of the environments: every mistake at once, with its place and remedy.
    Validate(Validate),
    /// Show everything that happened to a rollout.
    History(History),
    /// Show the newest rollouts and which version is live.
    Status(Status),
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The event: a JSON file, as EventBridge delivers it.
    pub(crate) event: PathBuf,
    /// How many times faster than real time the stack's clock runs.
    #[arg(long, default_value = "20", value_name = "N")]
    pub(crate) speed: NonZeroU32,
    /// Requests per second of real time that are sent through the load balancer.
    #[arg(long, default_value = "250", value_name = "N")]
    pub(crate) rate: NonZeroU32,
    /// What goes wrong with the new version, and from which weight on: errors:5%@25, latency:800ms@25, unhealthy,
    /// crash@50.
    #[arg(long, conflicts_with = "canary", value_name = "KIND[:AMOUNT][@WEIGHT]")]
    pub(crate) fault: Option<FaultSpec>,
    /// A service of your own as the version that is live, instead of the bundled sample.
    #[arg(long, requires = "canary", value_name = "URL")]
    pub(crate) baseline: Option<Target>,
    /// A service of your own as the new version.
    #[arg(long, requires = "baseline", value_name = "URL")]
    pub(crate) canary: Option<Target>,
    /// Play the event as it stands. Otherwise it gets the present time and a new execution id, as if the pipeline had
    /// just ended.
    #[arg(long)]
    pub(crate) exact: bool,
    /// How often the event is delivered, as at-least-once delivery may.
    #[arg(long, default_value = "1", value_name = "N")]
    pub(crate) deliver: NonZeroU32,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) output: OutputArgument,
}

#[cfg(feature = "aws")]
#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The environment.
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: EnvironmentName,
    /// Its configuration [default: .ace-flow/environments/<ENVIRONMENT>/config.yml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The stack's table: the output Table of `sam deploy`.
    #[arg(long, env = "ACE_TABLE", value_name = "NAME")]
    pub(crate) table: String,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Only this environment; what it shares with others is found all the same. `ACE__A__B` in the process's environment
    /// sets a.b in it.
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<EnvironmentName>,
    /// Count warnings as errors.
    #[arg(long)]
    pub(crate) strict: bool,
    /// How to show the mistakes.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// The folder of the environments.
    #[arg(long, default_value = ".ace-flow/environments", value_name = "FOLDER")]
    pub(crate) tree: PathBuf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// With the line and a caret.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
    /// Annotations of GitHub Actions.
    Github,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// The rollout, as `ace status` names it.
    pub(crate) rollout: RolloutId,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) output: OutputArgument,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// How many rollouts to show.
    #[arg(long, default_value = "10", value_name = "N")]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) output: OutputArgument,
}

#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The environment.
    #[arg(long, default_value = "local", value_name = "NAME")]
    pub(crate) environment: EnvironmentName,
    /// Its configuration [default: .ace-flow/environments/<ENVIRONMENT>/config.yml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the embedded stack keeps its rollouts.
    #[arg(long, default_value = ".ace-flow/state/local.redb", value_name = "FILE")]
    pub(crate) store: PathBuf,
}

impl Place {
    pub(crate) fn config(&self) -> PathBuf {
        config_of(self.config.as_ref(), &self.environment)
    }
}

pub(crate) fn config_of(named: Option<&PathBuf>, environment: &EnvironmentName) -> PathBuf {
    let default = || PathBuf::from(format!(".ace-flow/environments/{environment}/config.yml"));
    named.cloned().unwrap_or_else(default)
}

#[derive(Debug, Args)]
pub(crate) struct OutputArgument {
    /// How to show it: for people, or one JSON object per line.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people: live in a terminal, plain lines elsewhere.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}
