use aws_client::{Fault, FaultKind};
use engine::ports::{Cause, PortError, Refused};

/// The answer of a call without which nothing can be seen.
pub(crate) fn port(service: &'static str, fault: &Fault) -> PortError {
    PortError::of(service, fault.kind.is_transient(), fault.detail(), fault.remedy())
}

/// What is refused for this reason, which more machines would not help.
pub(crate) fn refused(why: impl Into<String>) -> Refused {
    Refused { why: why.into(), cause: Cause::Other }
}

/// What AWS refuses: in its words, and with the remedy where it is our own.
pub(crate) fn refusal(fault: &Fault) -> Refused {
    let cause = match fault.kind {
        _ if fault.code.as_deref().is_some_and(is_scarce) => Cause::Capacity,
        FaultKind::Throttled => Cause::Throttled,
        FaultKind::Unavailable | FaultKind::Denied | FaultKind::NotFound | FaultKind::Refused => Cause::Other,
    };
    let why = if fault.kind == FaultKind::Denied { fault.to_string() } else { fault.detail() };
    Refused { why, cause }
}

/// Whether a code says that AWS has not enough machines of a type, or none of it in that zone (`Unsupported`, of EC2).
pub(crate) fn is_scarce(code: &str) -> bool {
    const CODES: [&str; 8] = [
        "InsufficientInstanceCapacity",
        "InsufficientHostCapacity",
        "InsufficientCapacity",
        "Unsupported",
        "InsufficientDBInstanceCapacity",
        "InsufficientDBClusterCapacityFault",
        "InsufficientCacheClusterCapacity",
        "InsufficientCacheClusterCapacityFault",
    ];
    CODES.contains(&code)
}
