//! What a function ends with when a port fails.

use contract::{ErrorName, Failure};

use crate::ports::PortError;

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err, which gives the error away")]
pub(crate) fn port(error: PortError) -> Failure {
    let name = match &error {
        PortError::Transient { .. } => ErrorName::TransientError,
        PortError::Permanent { .. } => ErrorName::PermanentError,
    };
    Failure::new(name, error.to_string())
}
