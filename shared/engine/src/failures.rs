//! What a function ends with when a port fails.

use contract::{ErrorName, Failure};

use crate::ports::PortError;

pub(crate) fn port(error: PortError) -> Failure {
    let name = match &error {
        PortError::Transient { .. } => ErrorName::TransientError,
        PortError::Permanent { .. } => ErrorName::PermanentError,
    };
    Failure::new(name, error.to_string())
}
