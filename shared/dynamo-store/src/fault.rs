use std::fmt::Display;

use aws_client::Fault;
use engine::ports::PortError;

use crate::key::Key;

pub(crate) const SERVICE: &str = "DynamoDB";

pub(crate) fn port(fault: &Fault) -> PortError {
    PortError::of(SERVICE, fault.kind.is_transient(), fault.detail(), fault.remedy())
}

pub(crate) fn transient(detail: String) -> PortError {
    PortError::Transient { service: SERVICE, detail }
}

/// An item that is not as this version writes it.
pub(crate) fn unreadable(item: &Key, why: impl Display) -> PortError {
    PortError::Permanent {
        service: SERVICE,
        detail: format!("item {item} is not readable: {why}"),
        remedy: "deploy the version of ACE-Flow that wrote it, or restore the item from a backup".to_owned(),
    }
}
