use miette::Diagnostic;
use rollout::EnvironmentName;

use crate::backend::BackendError;

/// Why alarms were not applied.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum AlertsError {
    #[error("environment {environment} is on this machine, where there are no alarms of CloudWatch")]
    #[diagnostic(help(
        "name an environment on AWS with --environment; here alerts are routed without alarms"
    ))]
    Here { environment: EnvironmentName },
    #[error("nobody is there to be asked, and nothing was changed")]
    #[diagnostic(help("read what would be done above, and say --yes; or --dry-run, if that is all"))]
    NotConfirmed,
    #[error("the answer cannot be read")]
    #[diagnostic(help("say --yes or --dry-run"))]
    Unreadable(#[source] std::io::Error),
    #[cfg(not(feature = "aws"))]
    #[error("environment {environment} is on AWS, and this ace was built without it")]
    #[diagnostic(help("build ace with `--features aws`"))]
    WithoutAws { environment: EnvironmentName },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Book(#[from] BookError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Backend(#[from] BackendError),
}

/// What CloudWatch answers that is no success.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[cfg_attr(not(any(feature = "aws", test)), expect(dead_code, reason = "only CloudWatch answers so"))]
pub(crate) enum BookError {
    #[error("AWS does not let you: {detail}")]
    #[diagnostic(help(
        "allow {action} to your role, or take other credentials; the stack's DeployPolicy has it"
    ))]
    Denied { detail: String, action: &'static str },
    #[error("{detail}")]
    #[diagnostic(help("try again: what was done is not done twice"))]
    Unavailable { detail: String },
    #[error("{detail}")]
    #[diagnostic(help("correct what it says in the configuration, or in the console"))]
    Refused { detail: String },
}

impl BookError {
    /// Whether every further call would end so, too.
    pub(super) const fn is_final(&self) -> bool {
        matches!(self, Self::Denied { .. } | Self::Unavailable { .. })
    }
}

impl AlertsError {
    /// Whether the mistake is not the user's.
    pub(crate) fn is_ours(&self) -> bool {
        match self {
            Self::Book(error) => matches!(error, BookError::Unavailable { .. }),
            Self::Backend(error) => error.is_ours(),
            Self::Here { .. } | Self::NotConfirmed | Self::Unreadable(_) => false,
            #[cfg(not(feature = "aws"))]
            Self::WithoutAws { .. } => false,
        }
    }
}
