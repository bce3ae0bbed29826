//! Who tells people of alerts on this machine.

use std::path::Path;
use std::sync::Arc;

use alert_channels::Channels;
use local_stack::{EmbeddedStore, Messenger};
use rollout::EnvironmentName;

use super::{BackendError, BackendResult};
use crate::folders;
use crate::secrets::FileSecrets;

/// Where Slack's API is, where there is a stand-in of it; the function's variable (`functions/alert-router`).
const SLACK_API: &str = "ACE_SLACK_API";

/// What alert-router of the embedded stack needs: the store, real channels without AWS, and the secrets of the
/// environment's own file.
pub(crate) fn messenger(
    environment: &EnvironmentName,
    store: Arc<EmbeddedStore>,
) -> BackendResult<Messenger> {
    let channels = Channels::without_aws().map_err(|error| BackendError::HttpClient(error.to_string()))?;
    let slack_api = match std::env::var(SLACK_API) {
        Ok(address) => Some(address.parse().map_err(|error: alert_channels::NotSecure| {
            BackendError::Variable { name: SLACK_API, reason: error.to_string() }
        })?),
        Err(_) => None,
    };
    Ok(Messenger {
        alerts: store,
        courier: Arc::new(channels.with_slack_api(slack_api)),
        secrets: Arc::new(FileSecrets::new(Path::new(folders::ENVIRONMENTS), environment)),
    })
}
