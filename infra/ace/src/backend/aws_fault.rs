//! What AWS refuses an operator, with what helps.

use aws_client::{Fault, FaultKind};
use engine::ports::PortError;
use miette::Diagnostic;
use rollout::EnvironmentName;

/// A call to AWS that did not do what an operator asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub(crate) enum AwsFault {
    #[error("AWS does not let you: {}", fault.detail())]
    #[diagnostic(help("allow {} to your role, or take other credentials (AWS_ACCESS_KEY_ID and so on)", fault.action))]
    Denied { fault: Fault },
    #[error(
        "environment {environment} has no stack in account {account}, region {region}: {what} is not there"
    )]
    #[diagnostic(help(
        "`ace bootstrap --environment {environment}` creates it; if it is in another region, set AWS_REGION, if in another \
         account, take that one's credentials"
    ))]
    NoStack { environment: EnvironmentName, account: String, region: String, what: String },
    #[error("environment {environment} is in region {configured}, and AWS_REGION says {given}")]
    #[diagnostic(help("export AWS_REGION={configured}"))]
    OtherRegion { environment: EnvironmentName, configured: String, given: String },
    #[error("environment {environment} belongs to account {configured}, and your credentials to {given}")]
    #[diagnostic(help("take credentials of account {configured}"))]
    OtherAccount { environment: EnvironmentName, configured: String, given: String },
    #[error("the function {function} broke off: {error}: {message}")]
    #[diagnostic(help(
        "its log says more (/ace-flow/<environment>/…); ask again, and `ace status` says what was done"
    ))]
    BrokeOff { function: String, error: String, message: String },
    #[error("{}", fault.detail())]
    #[diagnostic(help("{}", fault.remedy()))]
    Other { fault: Fault },
    #[error("AWS answers with something that cannot be: {0}")]
    #[diagnostic(help("ask again; if it stays so, this ace is older than the stack"))]
    Unusable(String),
    #[error("request {name} has started another rollout before: {before}")]
    #[diagnostic(help("a request id is one rollout's: take another one, or leave --request-id out"))]
    NameTaken { name: String, before: String },
}

impl AwsFault {
    /// Whether the mistake is not the user's.
    pub(crate) const fn is_ours(&self) -> bool {
        match self {
            Self::Denied { .. }
            | Self::NoStack { .. }
            | Self::OtherRegion { .. }
            | Self::OtherAccount { .. }
            | Self::NameTaken { .. } => false,
            Self::BrokeOff { .. } | Self::Other { .. } | Self::Unusable(_) => true,
        }
    }
}

impl From<Fault> for AwsFault {
    fn from(fault: Fault) -> Self {
        if fault.kind == FaultKind::Denied { Self::Denied { fault } } else { Self::Other { fault } }
    }
}

/// A refusal of the table, with the remedy for a person: the adapter's is for a function.
pub(super) fn table(error: PortError) -> PortError {
    match error {
        PortError::Permanent { service, detail, .. } if detail.contains("was denied") => PortError::Permanent {
            service,
            detail,
            remedy: "allow the action on the table and its indexes to your role, and the use of the stack's key".to_owned(),
        },
        PortError::Transient { service, detail } => PortError::Transient { service, detail },
        other @ PortError::Permanent { .. } => other,
    }
}
