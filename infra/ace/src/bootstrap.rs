//! `ace bootstrap`: an environment's stack, by AWS SAM; what it runs is shown, and what SAM says is passed through.

mod command;
mod samconfig;
mod tools;

use std::path::{Path, PathBuf};

use clap::Args;
use miette::Diagnostic;
use rollout::EnvironmentName;
use serde::Deserialize;
use serde_json::json;

use self::command::SamCommand;
use self::samconfig::{Deployment, SamconfigError};
use self::tools::Missing;
use crate::Ending;
use crate::arguments::{Output, OutputArgument};

/// `ace bootstrap`.
#[derive(Debug, Args)]
pub(crate) struct Bootstrap {
    /// The environment; samconfig.toml has a section of it.
    #[arg(long, value_name = "NAME")]
    environment: EnvironmentName,
    /// Let SAM ask for what samconfig.toml does not say, and write it there.
    #[arg(long)]
    guided: bool,
    /// Show what would be run, and run nothing.
    #[arg(long)]
    dry_run: bool,
    /// The folder of template.yaml and samconfig.toml [default: infra/ in this folder or above it]
    #[arg(long, value_name = "FOLDER")]
    infra: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgument,
}

/// Why a stack is not there, or cannot be told of.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum BootstrapError {
    #[error("there is no template.yaml in {folder}")]
    #[diagnostic(help("run this in the project's folder, or name the folder of the template with --infra"))]
    NoTemplate { folder: String },
    #[error("the current folder cannot be told")]
    #[diagnostic(help("name the folder of the template with --infra"))]
    Nowhere(#[source] std::io::Error),
    #[error("samconfig.toml in {folder} cannot be used")]
    #[diagnostic(help("mend it, or let SAM write one: `ace bootstrap --guided`"))]
    Samconfig {
        folder: String,
        #[source]
        source: SamconfigError,
    },
    #[error(
        "samconfig.toml has no section [{environment}.deploy.parameters] with a stack_name; it has: {known}"
    )]
    #[diagnostic(help("name one of those, or let SAM ask for everything and write it there: --guided"))]
    UnknownEnvironment { environment: EnvironmentName, known: String },
    #[error("not installed, or broken: {}", tools::names(.missing))]
    #[diagnostic(help("{}", tools::remedies(.missing)))]
    Missing { missing: Vec<Missing> },
    #[error("`{command}` could not be started")]
    #[diagnostic(help("`sam --version` shows whether SAM can be run"))]
    NotStarted {
        command: String,
        #[source]
        source: std::io::Error,
    },
    #[error("`{command}` failed with exit code {code}")]
    #[diagnostic(help("its own words are above; the command can be run again"))]
    Failed { command: String, code: i32 },
    #[error("`{command}` was ended by a signal; what it began may go on at AWS")]
    #[diagnostic(help("look at the stack in CloudFormation, then run it again"))]
    Killed { command: String },
    #[error("the stack {stack} is deployed, but its outputs cannot be read: {reason}")]
    #[diagnostic(help("`{command}` shows them"))]
    NoOutputs { stack: String, reason: String, command: String },
}

impl BootstrapError {
    /// Whether it cannot be told what became of the stack.
    pub(crate) const fn is_ours(&self) -> bool {
        matches!(self, Self::Killed { .. } | Self::NoOutputs { .. })
    }
}

/// An output of the stack, as `sam list stack-outputs --output json` shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StackOutput {
    output_key: String,
    output_value: String,
}

pub(crate) fn bootstrap(arguments: &Bootstrap) -> Result<Ending, BootstrapError> {
    let environment = &arguments.environment;
    let infra = infra(arguments.infra.as_deref())?;
    let before = deployment(&infra, environment)?;
    if before.is_none() && !arguments.guided {
        let known = samconfig::environments(&infra).map_err(|source| unusable(&infra, source))?.join(", ");
        return Err(BootstrapError::UnknownEnvironment { environment: environment.clone(), known });
    }
    let quiet = arguments.output.output == Output::Json;
    let build = SamCommand::build(&infra, before.as_ref());
    let deploy = SamCommand::deploy(&infra, environment, arguments.guided);
    if arguments.dry_run {
        // After a guided deployment the stack's name is what was answered.
        let known = before.filter(|_| !arguments.guided);
        let list = known.map(|deployment| SamCommand::outputs(&infra, &deployment));
        [Some(build), Some(deploy), list].iter().flatten().for_each(|command| show(command, quiet));
        return Ok(Ending::Good);
    }
    let missing = tools::missing();
    if !missing.is_empty() {
        return Err(BootstrapError::Missing { missing });
    }
    for command in [&build, &deploy] {
        show(command, quiet);
        command.run(quiet)?;
    }
    let Some(deployed) = deployment(&infra, environment)? else {
        // SAM was told by a person not to write its answers down.
        let told = "the stack is deployed; its answers are not in samconfig.toml, so that its outputs are not known here";
        eprintln!("{told}");
        return Ok(Ending::Good);
    };
    tell(environment, &deployed, &outputs(&infra, &deployed)?, arguments.output.output);
    Ok(Ending::Good)
}

/// The folder of the template: the one that is named, or `infra` in the current folder or the nearest one above it.
fn infra(named: Option<&Path>) -> Result<PathBuf, BootstrapError> {
    let none = |folder: &Path| BootstrapError::NoTemplate { folder: folder.display().to_string() };
    if let Some(named) = named {
        return if named.join("template.yaml").is_file() { Ok(named.to_owned()) } else { Err(none(named)) };
    }
    let here = std::env::current_dir().map_err(BootstrapError::Nowhere)?;
    let folders = here.ancestors().map(|folder| folder.join("infra"));
    let found = folders.into_iter().find(|folder| folder.join("template.yaml").is_file());
    found.ok_or_else(|| none(&here.join("infra")))
}

fn deployment(infra: &Path, environment: &EnvironmentName) -> Result<Option<Deployment>, BootstrapError> {
    samconfig::deployment(infra, environment).map_err(|source| unusable(infra, source))
}

fn unusable(infra: &Path, source: SamconfigError) -> BootstrapError {
    BootstrapError::Samconfig { folder: infra.display().to_string(), source }
}

/// Standard output is for data alone when a program reads it.
fn show(command: &SamCommand, quiet: bool) {
    let line = format!("$ {command}");
    if quiet {
        eprintln!("{line}");
    } else {
        println!("{line}");
    }
}

fn outputs(infra: &Path, deployed: &Deployment) -> Result<Vec<StackOutput>, BootstrapError> {
    let command = SamCommand::outputs(infra, deployed);
    let unreadable = |reason: String| BootstrapError::NoOutputs {
        stack: deployed.stack.clone(),
        reason,
        command: command.to_string(),
    };
    let text = command.read().map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| unreadable(format!("no list of outputs: {error}")))
}

fn tell(environment: &EnvironmentName, deployed: &Deployment, outputs: &[StackOutput], output: Output) {
    if output == Output::Json {
        let outputs: serde_json::Map<String, serde_json::Value> =
            outputs.iter().map(|one| (one.output_key.clone(), one.output_value.clone().into())).collect();
        println!("{}", json!({ "environment": environment, "stack": deployed.stack, "outputs": outputs }));
        return;
    }
    println!("\n{} is deployed:", deployed.stack);
    let width = outputs.iter().map(|one| one.output_key.len()).max().unwrap_or(0);
    for StackOutput { output_key, output_value } in outputs {
        println!("  {output_key:width$}  {output_value}");
    }
    let table = outputs.iter().find(|one| one.output_key == "Table");
    let table = table.map_or("NAME", |table| &table.output_value);
    println!(
        "next:\n  ace validate --environment {environment}\n  ace publish --environment {environment} --table {table}\n  ace \
         implement --environment {environment} --wait    # publishes by itself, and starts a rollout"
    );
}
