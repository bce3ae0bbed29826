use aws_client::Fault;
use engine::ports::{PortError, Refused};

/// The answer of a call without which nothing can be seen.
pub(crate) fn port(service: &'static str, fault: &Fault) -> PortError {
    PortError::of(service, fault.kind.is_transient(), fault.detail(), fault.remedy())
}

/// What is refused for this reason, which more machines would not help.
pub(crate) fn refused(why: impl Into<String>) -> Refused {
    Refused { why: why.into(), capacity: false }
}
