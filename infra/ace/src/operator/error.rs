use miette::Diagnostic;
use rollout::{EnvironmentName, RolloutId, ServiceName, Version};

/// An order that cannot be given as it was typed.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum OperatorError {
    #[error("no rollout is under way in environment {environment}")]
    #[diagnostic(help("`ace status` shows the newest ones; name one to order about it all the same"))]
    NothingActive { environment: EnvironmentName },
    #[error("several rollouts are under way in environment {environment}:{list}")]
    #[diagnostic(help("name the one that is meant"))]
    SeveralActive { environment: EnvironmentName, list: String },
    #[error("there is no rollout {id} in environment {environment}")]
    #[diagnostic(help("`ace status --environment {environment}` lists those that are there"))]
    NoRollout { id: RolloutId, environment: EnvironmentName },
    #[error("rollout {id} is of environment {is_of}, not of {environment}")]
    #[diagnostic(help("say --environment {is_of}"))]
    OtherEnvironment { id: RolloutId, is_of: EnvironmentName, environment: EnvironmentName },
    #[error("there is no step to decide about: {now}")]
    #[diagnostic(help("an approval or an advance is about a step that waits or bakes"))]
    NoStep { now: String },
    #[error("the answer of the function approve is no link")]
    #[diagnostic(help("the stack is of another version than this ace: deploy it again"))]
    NoLink(#[source] serde_json::Error),
    #[error("environment {environment} has several services: {known}")]
    #[diagnostic(help("name the one that is meant with --service"))]
    WhichService { environment: EnvironmentName, known: String },
    #[error("no version is named, and git cannot tell one: {reason}")]
    #[diagnostic(help("name it with --version"))]
    WhichVersion { reason: String },
    #[error("{version:?} cannot be a version: {reason}")]
    #[diagnostic(help("name one with --version"))]
    Version { version: String, reason: String },
    #[error("--request-id {id:?} cannot be a request's id")]
    #[diagnostic(help("write 1 to 80 letters, digits, '-', '_' and '.': it names the execution as well"))]
    RequestId { id: String },
    #[error("the rollout's id cannot be made: {0}")]
    RolloutId(#[from] rollout::InvalidName),
    #[error("the version before {version} of {service} is not known")]
    #[diagnostic(help(
        "it was the first that was rolled out here; name a version with `ace implement --version`"
    ))]
    NothingBefore { service: ServiceName, version: Version },
    #[error("rollout {id} is not what is live: {now}")]
    #[diagnostic(help("only the rollout that was promoted last can be rolled back; `ace status` shows it"))]
    NotLive { id: RolloutId, now: String },
    #[error("nothing was promoted in environment {environment} that could be rolled back")]
    #[diagnostic(help("`ace status` shows what there is"))]
    NothingPromoted { environment: EnvironmentName },
    #[error("{until} is over: it is {now} in the stack")]
    #[diagnostic(help("name a later time, or a span with --for"))]
    Over { until: jiff::Timestamp, now: jiff::Timestamp },
}
