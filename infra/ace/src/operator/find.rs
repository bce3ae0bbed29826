//! Which rollout is meant.

use std::fmt::Write as _;

use rollout::{EnvironmentName, Rollout, RolloutId};

use super::OperatorError;
use crate::backend::Backend;
use crate::error::AceError;

/// The rollout that is named, or the only one that is under way.
pub(super) async fn find(
    backend: &dyn Backend,
    environment: &EnvironmentName,
    named: Option<&RolloutId>,
) -> Result<Rollout, AceError> {
    if let Some(id) = named {
        return named_one(backend, environment, id).await;
    }
    let mut active = under_way(backend).await?;
    match (active.pop(), active.is_empty()) {
        (None, _) => Err(OperatorError::NothingActive { environment: environment.clone() }.into()),
        // The list may lag behind.
        (Some(only), true) => named_one(backend, environment, &only.id).await,
        (Some(one), false) => {
            active.push(one);
            let list = active.iter().fold(String::new(), |mut list, rollout| {
                let _ = write!(
                    list,
                    "\n  {}  {} {}",
                    rollout.id,
                    rollout.plan.service,
                    engine::describe(rollout)
                );
                list
            });
            Err(OperatorError::SeveralActive { environment: environment.clone(), list }.into())
        }
    }
}

/// Those that move traffic.
pub(super) async fn under_way(backend: &dyn Backend) -> Result<Vec<Rollout>, AceError> {
    let mut active = backend.active().await?;
    active.retain(|rollout| !rollout.phase.is_terminal());
    Ok(active)
}

async fn named_one(
    backend: &dyn Backend,
    environment: &EnvironmentName,
    id: &RolloutId,
) -> Result<Rollout, AceError> {
    let missing = || OperatorError::NoRollout { id: id.clone(), environment: environment.clone() };
    let rollout = backend.rollout(id).await?.ok_or_else(missing)?;
    if rollout.plan.environment != *environment {
        let is_of = rollout.plan.environment;
        return Err(OperatorError::OtherEnvironment {
            id: id.clone(),
            is_of,
            environment: environment.clone(),
        }
        .into());
    }
    Ok(rollout)
}
