//! Where the alarms are.

use alerting::cloudwatch::{Existing, Step};
use async_trait::async_trait;
use environments::Environment;
use rollout::EnvironmentName;

use super::error::{AlertsError, BookError};

/// The alarms of an account and region.
#[async_trait]
pub(super) trait Book: Send {
    /// Every alarm with a name of those for the rules of this environment, with its tags.
    async fn list(&mut self, home: &EnvironmentName) -> Result<Vec<Existing>, BookError>;

    /// Makes a call.
    async fn perform(&mut self, step: &Step) -> Result<(), BookError>;
}

#[cfg(feature = "aws")]
pub(super) async fn open(
    environment: &EnvironmentName,
    configuration: &Environment,
) -> Result<Box<dyn Book>, AlertsError> {
    let config = crate::backend::clients(environment, configuration).await?;
    Ok(Box::new(cloudwatch_metrics::AlarmBook::new(&config)))
}

#[cfg(not(feature = "aws"))]
#[expect(clippy::unused_async, reason = "with AWS it asks")]
pub(super) async fn open(
    environment: &EnvironmentName,
    _: &Environment,
) -> Result<Box<dyn Book>, AlertsError> {
    Err(AlertsError::WithoutAws { environment: environment.clone() })
}

#[cfg(feature = "aws")]
#[async_trait]
impl Book for cloudwatch_metrics::AlarmBook {
    async fn list(&mut self, home: &EnvironmentName) -> Result<Vec<Existing>, BookError> {
        Ok(Self::list(self, home).await?)
    }

    async fn perform(&mut self, step: &Step) -> Result<(), BookError> {
        Ok(Self::perform(self, step).await?)
    }
}

#[cfg(feature = "aws")]
impl From<aws_client::Fault> for BookError {
    fn from(fault: aws_client::Fault) -> Self {
        use aws_client::FaultKind;
        let detail = fault.detail();
        match fault.kind {
            FaultKind::Denied => Self::Denied { detail, action: fault.action },
            FaultKind::Throttled | FaultKind::Unavailable => Self::Unavailable { detail },
            FaultKind::NotFound | FaultKind::Refused => Self::Refused { detail },
        }
    }
}
