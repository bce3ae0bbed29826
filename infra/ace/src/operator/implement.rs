//! `ace implement`: an environment as its files say, and a version of a service in it.

use std::path::PathBuf;
use std::process::Command;

use clap::{Args, ValueEnum};
use rollout::{GateName, ServiceName, Strategy, Version};
use serde_json::json;

use super::publish::Configuration;
use super::request::Request;
use super::{Desk, OperatorError};
use crate::Ending;
use crate::arguments::{Output, Scene};
use crate::error::AceError;

/// Validate, publish, roll out.
#[derive(Debug, Args)]
pub(crate) struct Implement {
    /// The service [default: the only one of the environment]
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<ServiceName>,
    /// The version, as the pipeline names what it has built [default: what `git describe --always --dirty` says]
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<Version>,
    /// How traffic moves [default: as the configuration says]
    #[arg(long, value_enum)]
    pub(crate) strategy: Option<Way>,
    /// Pass these gates whatever they say; needs a reason, which is recorded.
    #[arg(long = "override", value_enum, value_delimiter = ',', requires = "reason", value_name = "GATES")]
    pub(crate) overridden: Vec<Gate>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Let a version come back that was rolled back for its own fault.
    #[arg(long)]
    pub(crate) lift_bar: bool,
    /// Follow the rollout until it has ended, and exit with its end: 0 promoted, 2 rolled back, 3 neither.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Names the request: the same id again is the same rollout, however often it is asked for.
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
    /// A file that is the whole configuration [default: the layers in .ace-flow/environments/<ENVIRONMENT>]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) scene: Scene,
    #[command(flatten)]
    pub(crate) desk: Desk,
}

/// A strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// Step by step.
    Canary,
    /// All traffic at once, watched.
    BlueGreen,
}

/// A gate that a person may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Gate {
    /// Whether the environment below has promoted the version, and served it long enough.
    Promotion,
    /// Freeze windows, and a person's freeze.
    Freeze,
}

impl From<Way> for Strategy {
    fn from(way: Way) -> Self {
        match way {
            Way::Canary => Self::Canary,
            Way::BlueGreen => Self::BlueGreen,
        }
    }
}

impl From<Gate> for GateName {
    fn from(gate: Gate) -> Self {
        match gate {
            Gate::Promotion => Self::Promotion,
            Gate::Freeze => Self::Freeze,
        }
    }
}

pub(super) async fn implement(arguments: Implement) -> Result<Ending, AceError> {
    let Implement { service, version, desk, .. } = &arguments;
    if let Some(id) = arguments.request_id.as_ref().filter(|id| !is_name(id)) {
        return Err(OperatorError::RequestId { id: id.clone() }.into());
    }
    let configured = super::publish::read(&desk.place.environment, arguments.config.as_ref())?;
    let services: Vec<&ServiceName> = configured.rollouts().services().keys().collect();
    let service = match (service, services.as_slice()) {
        (Some(named), _) => named.clone(),
        (None, []) => return only_published(desk, &configured.into(), version.is_some()).await,
        (None, [only]) => (*only).clone(),
        (None, several) => {
            let known = several.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            let environment = desk.place.environment.clone();
            return Err(OperatorError::WhichService { environment, known }.into());
        }
    };
    let version = match version {
        Some(version) => version.clone(),
        None => described()?,
    };
    // What the configuration does not have is told before anything is published.
    configured
        .rollouts()
        .plan(&desk.place.environment, &service, version.clone(), None)
        .map_err(|source| AceError::Unknown { path: configured.path.clone(), source })?;
    let request = Request {
        service,
        version,
        strategy: arguments.strategy.map(Strategy::from),
        lift_bar: arguments.lift_bar,
        overridden: arguments.overridden.iter().copied().map(GateName::from).collect(),
        by: desk.by.clone(),
        reason: arguments.reason.clone(),
        id: arguments.request_id.clone(),
    };
    request.roll_out(desk, &configured.into(), &arguments.scene, arguments.wait).await
}

/// An environment without services has nothing to roll out, and a configuration all the same. Who named a version wanted a
/// rollout, and must not take this for one.
async fn only_published(
    desk: &Desk,
    configuration: &Configuration,
    wanted: bool,
) -> Result<Ending, AceError> {
    super::publish::alone(desk, configuration).await?;
    let environment = &desk.place.environment;
    if desk.output.output == Output::Json {
        println!("{}", json!({ "kind": "nothing_to_roll_out", "environment": environment }));
    } else if wanted {
        println!(
            "nothing was rolled out: environment {environment} has no services; add them under services"
        );
    } else {
        println!("environment {environment} has no services: there is nothing to roll out");
    }
    Ok(if wanted { Ending::Unknown } else { Ending::Good })
}

/// As an execution's name has to be (Step Functions API Reference, `StartExecution`), and as the embedded stack takes it.
fn is_name(id: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=80).contains(&id.len()) && id.chars().all(allowed)
}

fn described() -> Result<Version, OperatorError> {
    let which = |reason: String| OperatorError::WhichVersion { reason };
    let asked = Command::new("git").args(["describe", "--always", "--dirty"]).output();
    let answer = asked.map_err(|error| which(error.to_string()))?;
    if !answer.status.success() {
        return Err(which(String::from_utf8_lossy(&answer.stderr).trim().to_owned()));
    }
    let text = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    text.parse().map_err(|error: rollout::InvalidName| OperatorError::Version {
        version: text,
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_names_an_execution() {
        for good in ["a", "release-1.2_3", &"x".repeat(80)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a b", "a/b", "ä", &"x".repeat(81)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
