use contract::{ErrorName, Failure};
use engine::ports::PortError;
use miette::Diagnostic;
use rollout::{EnvironmentName, ExecutionArn, ServiceName};

use super::Callee;

/// Why a stack did not do what it was asked.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum BackendError {
    #[error("{} refuses ({})", callee.name(), failure.name)]
    Function {
        callee: Callee,
        #[source]
        failure: Failure,
    },
    #[error("the configuration cannot be published ({})", .0.name)]
    Publish(#[source] Failure),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Store(#[from] local_stack::OpenError),
    #[error(transparent)]
    Stack(#[from] local_stack::StackError),
    #[error("nothing was rolled out here yet: there is no store {store}")]
    #[diagnostic(help(
        "`ace run EVENT` or `ace implement` plays a rollout on this machine; --store names another file, --environment \
         another stack"
    ))]
    NoStore { store: String },
    #[error("no process plays rollouts here")]
    #[diagnostic(help("`ace run` and `ace implement` do"))]
    NothingPlays,
    #[error("the ace that uses {store} plays environment {plays}, not {asked}")]
    #[diagnostic(help("wait until it has ended, or name another file with --store"))]
    OtherEnvironment { store: String, plays: EnvironmentName, asked: EnvironmentName },
    #[error("the ace that uses {store} serves {plays} only")]
    #[diagnostic(help("wait until it has ended, or name another file with --store"))]
    OtherService { store: String, plays: ServiceName },
    #[error("the ace that uses {store} cannot be asked: {reason}")]
    #[diagnostic(help("ask again; if it hangs, end it: the next one mends what it leaves"))]
    Unreachable { store: String, reason: String },
    #[error("the ace that uses the store refuses: {message}")]
    Remote { message: String, ours: bool },
    #[error("cannot start the HTTP client: {0}")]
    HttpClient(String),
    #[error("the variable {name} cannot be used: {reason}")]
    Variable { name: &'static str, reason: String },
    #[error("nothing is known yet of the rollout that execution {execution} was to begin")]
    #[diagnostic(help("`ace status` shows whether it has begun since"))]
    NotBegun { execution: ExecutionArn },
    #[cfg(feature = "aws")]
    #[error("cannot reach AWS")]
    Config(#[source] aws_client::ConfigError),
    #[cfg(feature = "aws")]
    #[error(transparent)]
    #[diagnostic(transparent)]
    Aws(#[from] super::aws_fault::AwsFault),
    #[cfg(not(feature = "aws"))]
    #[error("environment {environment} is on AWS, and this ace was built without it")]
    #[diagnostic(help(
        "build ace with `--features aws`, or rehearse on this machine with --embedded; only environment local lives here"
    ))]
    WithoutAws { environment: EnvironmentName },
}

impl BackendError {
    /// Whether the mistake is not the user's.
    pub(crate) fn is_ours(&self) -> bool {
        match self {
            Self::Function { failure, .. } => match failure.name {
                ErrorName::InvalidInput
                | ErrorName::InvalidConfiguration
                | ErrorName::UnknownService
                | ErrorName::UnknownRollout => false,
                ErrorName::ConflictError | ErrorName::TransientError | ErrorName::PermanentError => true,
            },
            Self::Publish(_)
            | Self::Port(_)
            | Self::Stack(_)
            | Self::Unreachable { .. }
            | Self::HttpClient(_)
            | Self::NotBegun { .. } => true,
            Self::Remote { ours, .. } => *ours,
            Self::Store(_)
            | Self::NoStore { .. }
            | Self::NothingPlays
            | Self::Variable { .. }
            | Self::OtherEnvironment { .. }
            | Self::OtherService { .. } => false,
            #[cfg(feature = "aws")]
            Self::Config(_) => false,
            #[cfg(feature = "aws")]
            Self::Aws(fault) => fault.is_ours(),
            #[cfg(not(feature = "aws"))]
            Self::WithoutAws { .. } => false,
        }
    }
}
