use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use environments::Span;
use jiff::{SignedDuration, Timestamp};
use rollout::{EnvironmentName, RolloutId, ServiceName, Version};
use weighted_proxy::{FaultSpec, Target};

use crate::alerts::Alerts;
use crate::backend::{At, Where};
use crate::bootstrap::Bootstrap;
use crate::config::Config;
use crate::costs::{Savings, Schedule};
use crate::init::Init;
use crate::operator::Operation;
use crate::shell::{Completions, ManPages};

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
    /// Write the tree .ace-flow: four environments, templates and scripts that deploy; or a further environment from the
    /// templates. What is there already is kept.
    Init(Init),
    /// Show the resolved configuration of an environment and who set each value, or the file's JSON Schema for editors.
    Config(Config),
    /// Check the configuration of the environments: every mistake at once, with its place and remedy.
    Validate(Validate),
    /// Read, set, compare and rotate the secrets of an environment.
    Secrets(crate::secrets::Secrets),
    /// Show the feature flags of an environment beside what its services can read, or publish them.
    Features(crate::features::Features),
    /// Show what a rollout of a service will do, and at a given traffic what it will notice.
    Plan(PlanCommand),
    /// Play rollouts on a service's past minutes: how often the judge, and others, would have rolled back an unchanged
    /// service, and how soon a worse one.
    Backtest(BacktestCommand),
    /// Judges rollouts that standard input tells of, minute by minute.
    ///
    /// Lines of text in blocks; a block ends with a point on a line of its own. The first block has one line for each run, and
    /// is not answered:
    ///
    /// `H,run,hist_minutes,hist_req,hist_err,azs,chi2_sum,chi2_df,min_mean,min_var,w10_mean,w10_var`
    ///
    /// Each block after it has one line for each run that goes on, and each line is answered with `run,continue`, `run,hold`
    /// or `run,rollback`:
    ///
    /// `M,run,minute,step,weight,c_req,c_err,b_req,b_err`
    ///
    /// A line that cannot be (no number, negative, more errors than requests, a minute out of order, twice or after a gap,
    /// another weight within a step, a run without history) is told of on standard error, and its run is held: it is never let
    /// go on. A line that is of no run ends the judge. Either way the exit code is 1.
    #[command(verbatim_doc_comment)]
    Judge(Judge),
    /// Show everything that happened to a rollout.
    History(History),
    /// Show what is live, what may not start, and the newest rollouts.
    Status(Status),
    /// Check who is told of what, put the alarms it needs into CloudWatch, play an event through it, see what is open and why, and act
    /// on it.
    ///
    /// Exit codes of orders: 0 applied, 1 refused, 3 not known.
    Alerts(Alerts),
    /// Show when an environment's resources are on and off and why, from its files and from its stack, and keep some of them on
    /// or off for a while.
    ///
    /// Exit codes of orders: 0 applied, 1 refused, 3 not known.
    Schedule(Schedule),
    /// Show what being off has saved in a month, with the source and the date of the prices.
    Savings(Savings),
    /// Build and deploy an environment's stack with AWS SAM, and show its outputs.
    Bootstrap(Bootstrap),
    /// Print what lets a shell complete `ace`.
    Completions(Completions),
    /// Print the manual, as roff.
    Man(ManPages),
    #[command(flatten)]
    Operate(Operation),
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The event: a JSON file, as EventBridge delivers it.
    pub(crate) event: PathBuf,
    #[command(flatten)]
    pub(crate) scene: Scene,
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

/// Which environment, and where this machine keeps what belongs to it.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// The environment. What belongs to `local` is in files of this machine, of any other one on AWS.
    #[arg(long, env = "ACE_ENVIRONMENT", value_name = "NAME")]
    pub(crate) environment: EnvironmentName,
    /// Take the files of this machine, as for `local`. Secrets may be in one only where secrets.yml may hold values.
    #[arg(long)]
    pub(crate) embedded: bool,
    /// The folder of the environments.
    #[arg(long, default_value = ".ace-flow/environments", value_name = "FOLDER")]
    pub(crate) tree: PathBuf,
    /// Where the embedded stack keeps its state, the flags and the previous values of secrets among it.
    #[arg(long, default_value = ".ace-flow/state", value_name = "FOLDER")]
    pub(crate) state: PathBuf,
}

/// What the embedded stack plays with.
#[derive(Debug, Args)]
pub(crate) struct Scene {
    /// How many times faster than real time the stack's clock runs.
    #[arg(long, help_heading = "On this machine", default_value = "20", value_name = "N")]
    pub(crate) speed: NonZeroU32,
    /// Requests per second of real time that are sent through the load balancer.
    #[arg(long, help_heading = "On this machine", default_value = "250", value_name = "N")]
    pub(crate) rate: NonZeroU32,
    /// What goes wrong with the new version, and from which weight on: errors:5%@25, latency:800ms@25, unhealthy,
    /// crash@50.
    #[arg(
        long,
        help_heading = "On this machine",
        conflicts_with = "canary",
        value_name = "KIND[:AMOUNT][@WEIGHT]"
    )]
    pub(crate) fault: Option<FaultSpec>,
    /// A service of your own as the version that is live, instead of the bundled sample.
    #[arg(long, help_heading = "On this machine", requires = "canary", value_name = "URL")]
    pub(crate) baseline: Option<Target>,
    /// A service of your own as the new version.
    #[arg(long, help_heading = "On this machine", requires = "baseline", value_name = "URL")]
    pub(crate) canary: Option<Target>,
}

#[derive(Debug, Args)]
pub(crate) struct PlanCommand {
    #[command(flatten)]
    pub(crate) foresee: Foresee,
    /// The version that is to be rolled out: the environment's stack is asked what is in its way.
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<Version>,
    #[command(flatten)]
    pub(crate) at: At,
    /// Requests per minute, both versions together.
    #[arg(long, requires = "error_rate", value_name = "N", allow_negative_numbers = true)]
    pub(crate) requests_per_minute: Option<f64>,
    /// The share of them that usually fails: 0.001 for 0.1 %.
    #[arg(long, requires = "requests_per_minute", value_name = "R", allow_negative_numbers = true)]
    pub(crate) error_rate: Option<f64>,
    /// Minutes of history that the judge will have; 0 for a new service.
    #[arg(long, default_value = "360", value_name = "N", value_parser = clap::value_parser!(u32).range(0..=360))]
    pub(crate) history_minutes: u32,
    /// Names the random numbers.
    #[arg(long, default_value = "1", value_name = "N")]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct BacktestCommand {
    #[command(flatten)]
    pub(crate) foresee: Foresee,
    /// The first minute, such as 2026-03-01T00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Timestamp>,
    /// The minute behind the last one.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Timestamp>,
    /// The minutes, with the header timestamp,requests,errors[,slow], instead of CloudWatch's.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Another policy, as under `judge` in the configuration, or a peer's rule, such as `alarm: { threshold: 1 }`. May be
    /// given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Vec<PathBuf>,
    /// Leave the peers' usual rules out.
    #[arg(long)]
    pub(crate) no_peers: bool,
    /// Write a plot, SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// Rollouts of the unchanged service; of each worse one it is a fifth.
    #[arg(long, default_value = "2000", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rollouts: u32,
    /// Names the random numbers.
    #[arg(long, default_value = "1", value_name = "N")]
    pub(crate) seed: u64,
}

/// What `ace plan` and `ace backtest` are about.
#[derive(Debug, Args)]
pub(crate) struct Foresee {
    /// The environment.
    #[arg(long, env = "ACE_ENVIRONMENT", default_value = "local", value_name = "NAME")]
    pub(crate) environment: EnvironmentName,
    /// The service.
    #[arg(long, value_name = "NAME")]
    pub(crate) service: ServiceName,
    /// A file that is its whole configuration [default: the layers in .ace-flow/environments/<ENVIRONMENT>]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Other steps than the configuration's.
    #[arg(long, value_name = "WEIGHT:MINUTES,...")]
    pub(crate) plan: Option<foresight::Plan>,
    /// Begin with a minute of 1 % and one of 5 %.
    #[arg(long)]
    pub(crate) micro_ramp: bool,
    /// Leave so much of the traffic on the old version in the last step.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=50))]
    pub(crate) hold_back: Option<u8>,
    #[command(flatten)]
    pub(crate) output: OutputArgument,
}

/// `ace judge`.
#[derive(Debug, Args)]
pub(crate) struct Judge {
    /// Speak the line protocol on standard input and output.
    #[arg(long, required = true)]
    pub(crate) stdio: bool,
    /// The policy, as under `judge` in the configuration, instead of the standard one. Only errors are told of, so that
    /// they have their share of the budget alone.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The steps.
    #[arg(long, default_value = "10:5,25:2,50:2,75:2,100:2", value_name = "WEIGHT:MINUTES,...")]
    pub(crate) plan: foresight::Plan,
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
    /// One SARIF 2.1.0 document, as code scanning takes it.
    Sarif,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// The rollout, as `ace status` names it.
    pub(crate) rollout: RolloutId,
    #[command(flatten)]
    pub(crate) place: Where,
    #[command(flatten)]
    pub(crate) output: OutputArgument,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// How many rollouts to show.
    #[arg(long, default_value = "10", value_name = "N")]
    pub(crate) limit: usize,
    /// Go on showing it: redrawn in a terminal, elsewhere what has changed, until it is interrupted.
    #[arg(long)]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) place: Where,
    #[command(flatten)]
    pub(crate) output: OutputArgument,
}

#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The environment.
    #[arg(long, default_value = "local", value_name = "NAME")]
    pub(crate) environment: EnvironmentName,
    /// A file that is its whole configuration [default: the layers in .ace-flow/environments/<ENVIRONMENT>]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the embedded stack keeps its rollouts.
    #[arg(long, default_value = ".ace-flow/state/local.redb", value_name = "FILE")]
    pub(crate) store: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct OutputArgument {
    /// How to show it: for people, or one JSON object per line.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// A span of time as a configuration has it, or with several units: `90m`, `2d`, `1h30m`.
pub(crate) fn span(text: &str) -> Result<SignedDuration, String> {
    match (text.parse::<Span>(), text.parse::<SignedDuration>()) {
        (Ok(span), _) => Ok(SignedDuration::from_secs(span.seconds().0.into())),
        (Err(_), Ok(span)) => Ok(span),
        (Err(error), Err(_)) => Err(error.to_string()),
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people: live in a terminal, plain lines elsewhere.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}
